// What a Trends page shows, as its address says it: whoever opens the address sees the same.

export const SHORTEST_MS = 1000;
const LONGEST_S = 10 * 366 * 86400;
const HOUR_S = 3600;

// {q: whole names, follow: s up to now, or null, since, until: ms UTC, log: axes with a logarithmic scale}
export function fromAddress(search) {
  const said = new URLSearchParams(search);
  const state = {q: [...new Set(said.getAll("q"))], follow: null, since: null, until: null, log: new Set(said.getAll("log"))};
  const [since, until] = [said.get("since"), said.get("until")];
  if (since !== null && until !== null) {
    [state.since, state.until] = [parsed(since), parsed(until)];
    const why = complaint(state.since, state.until);
    if (why) throw new Error(`the address of this page: ${why}`);
  } else {
    const follow = Number(said.get("follow") ?? HOUR_S);
    if (!(follow >= 1 && follow <= LONGEST_S)) throw new Error(`the address of this page: follow: expected 1 to ${LONGEST_S} s`);
    state.follow = follow;
  }
  return state;
}

export function toAddress(state) {
  const said = new URLSearchParams();
  for (const name of state.q) said.append("q", name);
  if (state.follow !== null) said.set("follow", state.follow);
  else {
    said.set("since", iso(state.since));
    said.set("until", iso(state.until));
  }
  for (const axis of state.log) said.append("log", axis);
  return said.toString().replaceAll("%2F", "/").replaceAll("%3A", ":");
}

export function complaint(since, until) {
  if (!Number.isFinite(since)) return "from: expected a time in UTC such as 2026-05-29 13:59:57";
  if (!Number.isFinite(until)) return "to: expected a time in UTC such as 2026-05-29 13:59:57";
  if (since < 0) return "from: nothing was measured before 1970";
  if (until - since < SHORTEST_MS) return "from has to be at least a second before to";
  if (until - since > LONGEST_S * 1000) return "ten years are the most that is shown at once";
  return "";
}

export const windowOf = (state, now) => (state.follow === null ? [state.since, state.until] : [now - state.follow * 1000, now]);

export const iso = (ms) => new Date(Math.round(ms)).toISOString();
export const written = (ms) => iso(ms).replace("T", " ").replace(/(\.000)?Z$/, "");

// What a person types is UTC, whatever the computer's zone is; NaN for what is no time.
export function parsed(text) {
  const found = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?(Z|[+-]\d\d:\d\d)?$/.exec(text.trim().replace(/ ?UTC$/, "Z"));
  return found ? Date.parse(`${found[1]}T${found[2] ?? "00:00"}${found[3] ?? "Z"}`) : NaN;
}

// Another window of the same page: by = part of its length to the right, times = how many times as long.
export function moved(state, now, by, times = 1) {
  const [since, until] = windowOf(state, now);
  const length = Math.max(SHORTEST_MS, (until - since) * times);
  const middle = (since + until) / 2 + (until - since) * by;
  let [from, to] = [middle - length / 2, middle + length / 2];
  if (to > now) [from, to] = [from - (to - now), now]; // nothing has been measured later
  return {...state, follow: null, since: Math.max(0, Math.round(from)), until: Math.round(to)};
}

export function query(state, now, number) {
  const [since, until] = windowOf(state, now);
  const asked = new URLSearchParams();
  for (const name of state.q) asked.append("quantity", name);
  asked.set("since", iso(since));
  asked.set("until", iso(until));
  asked.set("number", number);
  return asked;
}
