// Trends: any quantities over any window, from years to seconds; the server makes the buckets anew for each window.

import {get} from "./api.js";
import {h, quantity, say} from "./dom.js";
import * as live from "./live.js";
import "./shell.js";
import {chart, size} from "./trend_chart.js";
import {drawn} from "./trend_data.js";
import {legend, lists, marksOf} from "./trend_legend.js";
import {picker} from "./trend_pick.js";
import {complaint, fromAddress, moved, parsed, query, toAddress, windowOf, written} from "./trend_state.js";

const SPANS = [["10 min", 600], ["1 h", 3600], ["8 h", 28800], ["1 d", 86400], ["7 d", 604800], ["30 d", 2592000], ["1 y", 31622400]];
const AGAIN_MS = 10_000; // in `now` mode the buckets are fetched anew, and live values go on from there
const MOST = 16;

let state = {q: [], follow: 3600, since: null, until: null, log: new Set()};
let known = new Map();
let answer = null, plot = null, shown = "", asked = 0, pick = null, timer = 0, drawnAt = 0;
let tails = new Map(); // name -> [[s, value]] heard since the buckets were fetched

const problem = h("p", {class: "bad", role: "alert", hidden: true, id: "problem"}); // of what somebody wanted
const failed = h("p", {class: "bad", role: "alert", hidden: true, id: "failed"}); // of what was asked of the server
const note = h("p", {class: "warn", role: "status", hidden: true});
const place = h("div", {class: "plot", id: "plot", tabindex: "0", role: "img", "aria-label": "plot of the chosen quantities; arrows move it, + and - change its length, n follows now"});
const table = h("div", {class: "wide"});
const below = h("div", {class: "below"});
const cursorTime = h("output", {class: "cursor"}, "");
const [from, to] = ["from", "to"].map((id) => h("input", {id, size: 20, maxlength: 40, autocomplete: "off", spellcheck: "false"}));
const spans = SPANS.map(([text, s]) => h("button", {type: "button", class: "quiet", "aria-pressed": "false", onclick: () => go({...state, follow: s, since: null, until: null})}, text));
const csv = h("a", {}, "CSV"), parquet = h("a", {}, "Parquet"), link = h("a", {}, "link to this view");
const logs = ["left", "right"].map((axis) => {
  const tick = h("input", {type: "checkbox", onchange: () => go({...state, log: new Set(["left", "right"].filter((_, i) => logs[i].tick.checked))})});
  return {tick, label: h("label", {}, tick, `log ${axis}`)};
});
const step = (text, title, by, times) => h("button", {type: "button", class: "quiet", title, "aria-label": title, onclick: () => go(moved(state, live.now(), by, times))}, text);

function fault(element, text) {
  say(element, text);
  element.hidden = !text;
}

// Another view: a new entry of the history, so that Back goes back.
function go(next, how = "pushState") {
  state = next;
  history[how](null, "", `?${toAddress(state)}`);
  show();
}

function show() {
  fault(problem, "");
  const [since, until] = windowOf(state, live.now());
  [from.value, to.value] = state.follow === null ? [written(since), written(until)] : [written(Math.floor(since / 1000) * 1000), "now"];
  spans.forEach((button, i) => button.setAttribute("aria-pressed", String(state.follow === SPANS[i][1])));
  logs.forEach(({tick}, i) => (tick.checked = state.log.has(["left", "right"][i])));
  link.href = `?${toAddress({...state, follow: null, since, until})}`;
  pick?.refresh();
  load();
}

async function load() {
  clearTimeout(timer);
  const mine = ++asked;
  if (!state.q.length) {
    answer = null;
    fault(failed, "");
    draw();
    return;
  }
  const number = Math.round(Math.min(1500, Math.max(300, place.clientWidth)));
  const wanted = query(state, live.now(), number);
  for (const [element, format] of [[csv, "csv"], [parquet, "parquet"]]) element.href = `/api/series?${wanted}&format=${format}`;
  try {
    const got = await get(`/api/series?${wanted}`);
    if (mine !== asked) return; // somebody has gone on meanwhile
    answer = got;
    const behind = Date.parse(got.window.stop) / 1000;
    for (const [name, values] of tails) tails.set(name, values.filter(([at]) => at > behind - 5));
    place.dataset.fetches = Number(place.dataset.fetches ?? 0) + 1;
    fault(failed, "");
    fault(note, got.note);
    draw(true);
  } catch (error) {
    if (mine === asked) fault(failed, `Not fetched: ${error.message}. ${answer ? "What is shown is older." : ""}`);
  }
  if (state.follow !== null && mine === asked) timer = setTimeout(load, Math.max(AGAIN_MS, state.follow * 2));
}

// The first two units have the two axes.
function axesOf(series) {
  const units = [...new Set(series.map((one) => one.unit || known.get(one.quantity)?.unit || "1"))];
  return {units: units.slice(0, 2), axis: series.map((one) => units.indexOf(one.unit || known.get(one.quantity)?.unit || "1"))};
}

// `fetched`: words and lists as well, which must not move under a finger while live values come.
function draw(fetched = false) {
  drawnAt = performance.now();
  const began = drawnAt;
  if (!answer) {
    plot?.destroy();
    [plot, shown] = [null, ""];
    place.replaceChildren(h("p", {class: "dim"}, "Choose quantities in the list."));
    table.replaceChildren();
    below.replaceChildren();
    return;
  }
  const {units, axis} = axesOf(answer.series);
  const fits = (_, i) => axis[i] < 2;
  const series = answer.series.filter(fits);
  const view = {names: series.map((one) => one.quantity), units, axis: axis.filter((a) => a < 2), log: state.log, marks: () => marksOf({...answer, series}, live.now())};
  if (series.length < answer.series.length) fault(note, `There are two axes: ${answer.series.filter((_, i) => axis[i] > 1).map((one) => one.quantity).join(", ")} of a third unit is not drawn.`);
  const tail = state.follow === null ? [] : view.names.map((name) => tails.get(name) ?? []);
  const {data, broken} = drawn({...answer, series}, tail, (i) => state.log.has(["left", "right"][view.axis[i]]));
  const kind = JSON.stringify([view.names, units, [...state.log]]);
  if (kind !== shown) {
    plot?.destroy();
    place.replaceChildren();
    plot = chart(place, view, data, {zoom: (a, b) => zoom(a * 1000, b * 1000), cursor});
    shown = kind;
  }
  const [since, until] = state.follow === null ? [Date.parse(answer.window.start), Math.max(state.until, Date.parse(answer.window.stop))] : windowOf(state, live.now());
  plot.batch(() => {
    plot.setData(data, false);
    plot.setScale("x", {min: since / 1000, max: until / 1000});
  });
  Object.assign(place.dataset, {
    broken: broken.join(" "), gaps: series.map((one) => one.gaps.length).join(" "), since, until,
    buckets: series.map((one) => one.at.length).join(" "), bucket: answer.bucket_s, runs: answer.runs.length, events: answer.events.length,
    last: data[0].at(-1) ?? "", drawn_ms: (performance.now() - began).toFixed(1),
  });
  if (!fetched) return;
  legend(table, series, view, (name) => go({...state, q: state.q.filter((other) => other !== name)}));
  lists(below, {...answer, series}, answer, (at) => zoom(at * 1000 - 30_000, at * 1000 + 30_000));
  cursor(plot.cursor.idx, plot.cursor.left >= 0 ? plot.posToVal(plot.cursor.left, "x") : null);
}

// Values under the cursor, in the table; without a cursor the newest.
function cursor(index, at) {
  say(cursorTime, at === null ? "" : `${written(at * 1000)} UTC`);
  table.querySelectorAll("tbody tr").forEach((row, i) => {
    const cell = row.querySelector(".at");
    if (!cell || !answer) return;
    const series = answer.series.find((one) => one.quantity === row.dataset.name);
    const here = at === null ? -1 : bucketAt(series, at - answer.start_ms / 1000);
    say(cell, at === null ? "" : here < 0 ? "no value" : under(series, here));
  });
}

const under = ({mean, low, high, n, unit}, i) => {
  const said = (value) => quantity(value, unit === "1" ? "" : unit);
  return n[i] === 1 ? said(mean[i]) : `${said(mean[i])}  (${said(low[i])} to ${said(high[i])}, ${n[i]})`;
};

// The bucket that holds a time, or the one before it where less than three periods have passed since.
function bucketAt(series, at) {
  let [low, high] = [0, series.at.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (series.at[middle] <= at) low = middle + 1;
    else high = middle;
  }
  const i = low - 1;
  return i >= 0 && at < series.at[i] + series.length[i] + 3 * (series.period_s ?? 0) ? i : -1;
}

function zoom(since, until) {
  [since, until] = [Math.round(since), Math.round(until)];
  if (until - since < 1000) [since, until] = [Math.round((since + until) / 2) - 500, Math.round((since + until) / 2) + 500];
  go({...state, follow: null, since, until});
}

function toggle(name, on) {
  const unit = known.get(name)?.unit || "1";
  const units = new Set(state.q.map((other) => known.get(other)?.unit || "1"));
  if (on && state.q.length >= MOST) fault(problem, `${MOST} quantities are the most that are shown at once: take one away first`);
  else if (on && units.size > 1 && !units.has(unit)) fault(problem, `There are two axes, for ${[...units].join(" and ")}: ${name} is in ${unit}. Take one away first`);
  else return go({...state, q: on ? [...state.q, name] : state.q.filter((other) => other !== name)});
  pick.refresh();
}

function typed(event) {
  event.preventDefault();
  const [since, until] = [parsed(from.value), /^\s*now\s*$/i.test(to.value) ? live.now() : parsed(to.value)];
  const why = complaint(since, until);
  if (why) fault(problem, why);
  else if (/now/i.test(to.value)) go({...state, follow: Math.round((until - since) / 1000), since: null, until: null});
  else go({...state, follow: null, since, until});
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
  const now = live.now();
  const next = {
    ArrowLeft: () => moved(state, now, -0.5), ArrowRight: () => moved(state, now, 0.5), "+": () => moved(state, now, 0, 0.5),
    "-": () => moved(state, now, 0, 2), n: () => ({...state, follow: state.follow ?? Math.max(1, Math.round((state.until - state.since) / 1000)), since: null, until: null}),
  }[event.key];
  if (!next) return;
  event.preventDefault();
  go(next());
}

// Live values go on where the buckets end; at most one a second is drawn.
function heard(topics) {
  for (const topic of topics) {
    const found = /^([^/]+)\/([^/]+)\/frame$/.exec(topic);
    if (!found || live.entry(topic)?.kept) continue;
    const frame = live.message(topic);
    if (!frame) continue;
    for (const name of state.q) {
      const [stand, device, channel, what] = name.split("/");
      if (stand !== found[1] || device !== found[2]) continue;
      const value = frame.ch?.[channel]?.[what];
      if (typeof value !== "number" && typeof value !== "boolean") continue;
      if (!tails.has(name)) tails.set(name, []);
      const tail = tails.get(name);
      if ((tail.at(-1)?.[0] ?? 0) < frame.ts / 1e9) tail.push([frame.ts / 1e9, Number(value)]);
      if (tail.length > 5000) tail.shift();
    }
  }
  if (state.follow !== null && answer && live.connected() && performance.now() - drawnAt > Math.max(1000, state.follow)) draw();
}

async function begin() {
  document.getElementById("main").append(
    h("h1", {}, "Trends"),
    problem, failed, note,
    h("form", {class: "window", onsubmit: typed},
      h("span", {class: "group", role: "group", "aria-label": "the last"}, "Last ", spans),
      h("label", {}, "from ", from), h("label", {}, "to ", to), " UTC ", h("button", {class: "quiet"}, "Show"),
      h("span", {class: "group"}, step("◀", "earlier", -0.5), step("▶", "later", 0.5), step("+", "closer", 0, 0.5), step("−", "wider", 0, 2)),
      logs.map(({label}) => label),
    ),
    h("p", {class: "dim"}, "Drag over the plot to zoom in, Back goes back. Keys: ← → + − n. All times are UTC. ", cursorTime),
    place, h("p", {class: "links"}, "What is seen as ", csv, " ", parquet, " · ", link), table, below,
  );
  addEventListener("keydown", keys);
  addEventListener("popstate", read);
  let late = 0;
  addEventListener("resize", () => {
    clearTimeout(late);
    late = setTimeout(() => plot?.setSize(size(place)), 100);
  });
  live.on(heard);
  try {
    const found = (await get("/api/quantities")).quantities;
    known = new Map(found.map((one) => [one.name, one]));
    pick = picker(found, () => new Set(state.q), toggle);
    const box = h("details", {class: "card", id: "pick"}, h("summary", {}, "Choose quantities"), pick.element);
    box.open = !new URLSearchParams(location.search).has("q");
    problem.before(box);
  } catch (error) {
    fault(problem, `The list of quantities is not to be had: ${error.message}`);
  }
  read();
}

function read() {
  try {
    state = fromAddress(location.search);
    show();
  } catch (error) {
    fault(problem, error.message);
  }
}

begin();
