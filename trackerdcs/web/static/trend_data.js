// From an answer of /api/series to what uPlot draws. null breaks a line, undefined does not: a line is broken exactly where
// values that were due are missing, and goes on over parts of the window that are shorter than the time between two values.

// -> {data: [x in s, then mean, low, high of each], broken: number of breaks of each}
export function drawn(answer, tails, log) {
  const origin = answer.start_ms / 1000;
  const columns = answer.series.map((one, i) => points(one, origin, tails[i] ?? [], log(i)));
  const x = [...new Set(columns.flatMap(({found, breaks}) => [...found.keys(), ...breaks.map(([from, to]) => (from + to) / 2)]))].sort((a, b) => a - b);
  const place = new Map(x.map((value, i) => [value, i]));
  const data = [x];
  for (const {found, breaks} of columns) {
    const [mean, low, high] = [0, 1, 2].map(() => new Array(x.length)); // holes are undefined
    for (const [at, value] of found) {
      const i = place.get(at);
      [mean[i], low[i], high[i]] = value;
    }
    // uPlot breaks a line between the neighbours of a null only, and those may be points of another series.
    for (const [from, to] of breaks) {
      for (let i = place.get((from + to) / 2); i >= 0 && x[i] > from; i--) mean[i] = low[i] = high[i] = null;
      for (let i = place.get((from + to) / 2); i < x.length && x[i] < to; i++) mean[i] = low[i] = high[i] = null;
    }
    data.push(mean, low, high);
  }
  return {data, broken: columns.map(({breaks}) => breaks.length)};
}

// x -> [mean, low, high], and between which points the line is broken.
function points(one, origin, tail, log) {
  const found = new Map(), breaks = [];
  const scaled = log ? magnitude : (values) => values;
  let end = null, before = -Infinity;
  for (let i = 0; i < one.at.length; i++) {
    const start = one.at[i], middle = origin + start + one.length[i] / 2;
    if (end !== null && start > end + 1e-6 && one.gaps.some((gap) => gap.at < start && gap.until > end)) breaks.push([before, middle]);
    end = start + one.length[i];
    before = middle;
    found.set(middle, scaled([one.mean[i], one.low[i], one.high[i]]));
  }
  const last = end === null ? -Infinity : origin + end;
  for (const [at, value] of tail) {
    if (at < last) continue;
    if (before > -Infinity && at - before > 3 * (one.period_s ?? 1) + (one.length.at(-1) ?? 0)) breaks.push([before, at]);
    found.set(at, scaled([value, value, value]));
    before = at;
  }
  return {found, breaks};
}

// For a logarithmic scale: how large, whatever the sign. Zero has no place on it, and no line leads over it.
function magnitude([mean, low, high]) {
  if (low <= 0 && high >= 0) return mean === 0 ? [null, null, null] : [Math.abs(mean), Math.abs(mean), Math.max(-low, high)];
  const [a, b] = [Math.abs(low), Math.abs(high)];
  return [Math.abs(mean), Math.min(a, b), Math.max(a, b)];
}

// Points of a series that no line leads to: they would not be seen at all.
export function alone(values) {
  const known = [];
  for (let i = 0; i < values.length; i++) if (values[i] !== undefined) known.push(i);
  return known.filter((i, k) => values[i] !== null && (values[known[k - 1]] ?? null) === null && (values[known[k + 1]] ?? null) === null);
}
