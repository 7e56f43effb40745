// From an answer of /api/series to what uPlot draws. null breaks a line, undefined does not: a line is broken exactly where
// values that were due are missing, and goes on over parts of the window that are shorter than the time between two values.

// -> {data: [x in s, then mean, low, high of each], broken: number of breaks of each}
export function drawn(answer, tails, log) {
  const origin = answer.start_ms / 1000;
  const columns = answer.series.map((one, i) => points(one, origin, tails[i] ?? [], log(i)));
  const x = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort((a, b) => a - b);
  const place = new Map(x.map((value, i) => [value, i]));
  const data = [x];
  for (const column of columns) {
    const [mean, low, high] = [0, 1, 2].map(() => new Array(x.length)); // holes are undefined
    for (const [at, value] of column) {
      const i = place.get(at);
      if (value === null) mean[i] = low[i] = high[i] = null;
      else [mean[i], low[i], high[i]] = value;
    }
    data.push(mean, low, high);
  }
  return {data, broken: columns.map((column) => [...column.values()].filter((value) => value === null).length)};
}

// x -> [mean, low, high], or null where the line is broken.
function points(one, origin, tail, log) {
  const found = new Map();
  const scaled = log ? magnitude : (values) => values;
  let end = null;
  for (let i = 0; i < one.at.length; i++) {
    const start = one.at[i];
    if (end !== null && start > end + 1e-6 && one.gaps.some((gap) => gap.at < start && gap.until > end)) {
      found.set(origin + (end + start) / 2, null);
    }
    end = start + one.length[i];
    found.set(origin + start + one.length[i] / 2, scaled([one.mean[i], one.low[i], one.high[i]]));
  }
  const last = end === null ? -Infinity : origin + end;
  let before = last;
  for (const [at, value] of tail) {
    if (at < last) continue;
    const period = one.period_s ?? 1;
    if (before > -Infinity && at - before > 3 * period + (one.length.at(-1) ?? 0)) found.set((before + at) / 2, null);
    found.set(at, scaled([value, value, value]));
    before = at;
  }
  return found;
}

// For a logarithmic scale: how large, whatever the sign; zero has no place on it.
function magnitude([mean, low, high]) {
  if (low <= 0 && high >= 0) return [Math.abs(mean) || undefined, Math.abs(mean) || undefined, Math.max(-low, high) || undefined];
  const [a, b] = [Math.abs(low), Math.abs(high)];
  return [Math.abs(mean), Math.min(a, b), Math.max(a, b)];
}

// Points of a series that no line leads to: they would not be seen at all.
export function alone(values) {
  const known = [];
  for (let i = 0; i < values.length; i++) if (values[i] !== undefined) known.push(i);
  return known.filter((i, k) => values[i] !== null && (values[known[k - 1]] ?? null) === null && (values[known[k + 1]] ?? null) === null);
}
