// What the plot shows in words: a row a quantity, and lists of runs, events and gaps in view.

import {h, moment, quantity, span} from "./dom.js";
import {style} from "./trend_chart.js";

const SHOWN = 20;
const plain = (value, unit) => quantity(value, unit === "1" ? "" : unit);
const KINDS = {empty: "no value stored", few: "some or all values missing", lost: "lost", missing: "not heard of yet", parked: "refused by the database"};

// Times of runs, events and gaps in s, for the plot.
export function marksOf(answer, now) {
  const origin = answer.start_ms / 1000;
  const ends = (run) => (run.end === null ? now / 1000 : Date.parse(run.end) / 1000);
  return {
    runs: answer.runs.filter((run) => run.start !== null).map((run) => ({from: Date.parse(run.start) / 1000, to: ends(run), text: `${run.sim ? "SIM " : ""}${run.calibration}${run.state === "done" ? "" : `, ${run.state}`}`})),
    events: answer.events.map((event, i) => ({at: Date.parse(event.ts) / 1000, number: String(i + 1)})),
    gaps: answer.series.map((one) => one.gaps.map((gap) => ({from: origin + gap.at, to: origin + gap.until}))),
  };
}

// A piece of the line as it is drawn: colour and dash.
function sample(i) {
  const [colour, dash] = style(i);
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg"), line = document.createElementNS(space, "line");
  for (const [name, value] of Object.entries({width: 44, height: 12, "aria-hidden": "true"})) svg.setAttribute(name, value);
  for (const [name, value] of Object.entries({x1: 1, x2: 43, y1: 6, y2: 6, stroke: colour, "stroke-width": 3, "stroke-dasharray": dash.join(" ")})) line.setAttribute(name, value);
  svg.append(line);
  return svg;
}

export function legend(parent, series, view, remove) {
  const rows = series.map((one, i) => {
    const {n, mean, low, high, complete} = one.statistics;
    const take = h("button", {type: "button", class: "quiet", "aria-label": `take ${one.quantity} away`, onclick: () => remove(one.quantity)}, "×");
    const row = h("tr", {}, h("td", {}, sample(i)), h("td", {}, one.quantity), h("td", {}, view.units.length < 2 ? "" : view.axis[i] ? "right →" : "← left"), h("td", {class: "number"}, n ? plain(mean, one.unit) : "no value"),
      h("td", {class: "number"}, plain(low, one.unit)), h("td", {class: "number"}, plain(high, one.unit)),
      h("td", {class: "number"}, complete === null ? "–" : `${(100 * complete).toFixed(complete > 0.999 ? 0 : 1)} %`),
      h("td", {class: one.gaps.length ? "warn" : ""}, String(one.gaps.length)), h("td", {class: "at"}), h("td", {}, take));
    row.dataset.name = one.quantity;
    return row;
  });
  const heads = ["", "quantity", view.units.length < 2 ? "" : "axis", "mean", "least", "largest", "of the values due", "gaps", "under the cursor: mean (least to largest, number)", ""];
  parent.replaceChildren(h("table", {class: "legend"}, h("thead", {}, h("tr", {}, heads.map((text) => h("th", {scope: "col"}, text)))), h("tbody", {}, rows)));
}

const ns = (text) => (text === null ? null : Date.parse(text) * 1e6);

// `goto(s)`: look at a time closely.
export function lists(parent, answer, whole, goto) {
  const open = new Set([...parent.querySelectorAll("details[open]")].map((each) => each.dataset.key));
  const gaps = answer.series.flatMap((one) => one.gaps.map((gap) => ({...gap, of: one.quantity}))).sort((a, b) => a.at - b.at);
  const origin = answer.start_ms / 1000;
  const near = (at, text) => h("button", {type: "button", class: "quiet", title: "look at it closely", onclick: () => goto(at)}, text);
  parent.replaceChildren(
    list("runs", "Runs", whole.runs, ["run", "from", "to", "state", "modules"], (run) => [
      h("a", {href: `/runs/${run.id}`}, `${run.sim ? "SIM " : ""}${run.calibration || run.id}`), moment(ns(run.start)), run.end === null ? "goes on" : moment(ns(run.end)), run.state, run.modules.join(", ")]),
    list("events", "Events", whole.events, ["no.", "time", "where", "event", "why"], (event, i) => [
      String(i + 1), near(Date.parse(event.ts) / 1000, moment(ns(event.ts))), [event.stand, event.device, event.channel].filter(Boolean).join("/"), event.event, event.why]),
    list("gaps", "Gaps", gaps, ["quantity", "from", "for", "what"], (gap) => [
      gap.of, near(origin + (gap.at + gap.until) / 2, moment(ns(gap.start))), span(gap.until - gap.at), `${KINDS[gap.kind] ?? gap.kind}${gap.frames ? `, ${gap.frames} frames` : ""}${gap.cause ? `: ${gap.cause}` : ""}`]),
  );
  for (const each of parent.querySelectorAll("details")) each.open = open.has(each.dataset.key);
}

function list(key, title, all, heads, cells) {
  const rows = all.slice(-SHOWN * 10).map((one, i) => h("tr", {}, cells(one, i + Math.max(0, all.length - SHOWN * 10)).map((cell) => h("td", {}, cell))));
  const box = h("details", {class: "card"}, h("summary", {}, `${title} in view: ${all.length}`), h("div", {class: "wide"}, h("table", {}, h("thead", {}, h("tr", {}, heads.map((text) => h("th", {scope: "col"}, text)))), h("tbody", {}, rows))));
  box.dataset.key = key;
  return box;
}
