// What the slow control saw while a run was on: plots by unit, and the statistics of all of it.

import {get} from "./api.js";
import {h, say} from "./dom.js";
import {number, rows, shown, trends} from "./run_words.js";
import {chart, style} from "./trend_chart.js";
import {drawn} from "./trend_data.js";

const SHOWN = /\/(v_mon|i_mon|t_[a-z]+|rh)$/; // what is plotted at first; the table has all
const BUCKETS = 400;

export async function conditionsRoom(parent, run) {
  parent.replaceChildren(h("h2", {}, "Conditions"));
  if (!run.start) {
    parent.append(h("p", {class: "dim"}, "The run has not begun."));
    return;
  }
  const problem = h("p", {class: "bad", role: "alert", hidden: true});
  const plots = h("div", {class: "plots"}), table = h("div");
  parent.append(problem, plots, table);
  try {
    const found = await get(`/api/runs/${run.id}/conditions`);
    const wanted = found.conditions.map((one) => one.quantity);
    table.replaceChildren(statistics(found));
    parent.append(h("p", {class: "dim"}, `${found.window.doubt ? `${found.window.doubt}. ` : ""}Gap record: ${found.gap_record}.`));
    const shown = wanted.filter((name) => SHOWN.test(name)).slice(0, 16);
    if (!shown.length) return;
    const asked = new URLSearchParams({since: found.window.start, until: found.window.stop, number: BUCKETS});
    for (const name of shown) asked.append("quantity", name);
    draw(plots, await get(`/api/series?${asked}`));
  } catch (error) {
    say(problem, `The conditions are not to be had: ${error.message}`);
    problem.hidden = false;
  }
}

// A plot for each device and unit: a leakage current beside the current of a front end would look like nothing.
function draw(parent, answer) {
  const kind = (one) => `${one.quantity.split("/")[1]} ${one.unit || "1"}`;
  const kinds = [...new Set(answer.series.filter((one) => one.statistics.n).map(kind))];
  const origin = answer.start_ms / 1000;
  const rooms = kinds.map((each) => {
    const series = answer.series.filter((one) => kind(one) === each && one.statistics.n);
    const place = h("div", {class: "plot small"});
    place.dataset.kind = each;
    const names = h("p", {class: "names"}, series.map((one, i) => {
      const dash = h("span", {class: "dash"});
      dash.style.borderTop = `3px ${["solid", "dashed", "dotted"][Math.min(i, 2)]} ${style(i)[0]}`;
      return h("span", {}, dash, ` ${one.quantity.split("/").slice(1).join(" ").replace(" - ", " ")} `);
    }));
    return {series, place, box: h("div", {}, names, place)};
  });
  parent.replaceChildren(...rooms.map(({box}) => box)); // all of them first: only then is known how wide each is
  const [start, stop] = [answer.window.start, answer.window.stop].map((text) => Date.parse(text) / 1000);
  for (const {series, place} of rooms) {
    const gaps = series.map((one) => one.gaps.map((gap) => ({from: origin + gap.at, to: origin + gap.until})));
    const view = {names: series.map((one) => one.quantity), units: [series[0].unit || "1"], axis: series.map(() => 0), log: new Set(), calm: true, marks: () => ({runs: [], events: [], gaps})};
    const zoom = (from, to) => (location.href = trends({start: new Date(from * 1000).toISOString(), end: new Date(to * 1000).toISOString()}, view.names));
    const plot = chart(place, view, drawn({...answer, series}, [], () => false).data, {zoom, cursor() {}});
    const fit = () => plot.setSize({width: Math.max(200, place.clientWidth), height: 190});
    plot.setScale("x", {min: start, max: stop});
    fit();
    addEventListener("resize", fit);
    Object.assign(place.dataset, {start, stop});
  }
}

const statistics = (found) => h("details", {}, h("summary", {}, `Statistics of ${found.conditions.length} quantities`), rows(["quantity", "mean", "least", "largest", "values", "of those due", "gaps"], found.conditions.map((one) => {
  const {n, mean, low, high, complete} = one.statistics;
  return [one.quantity, number(n ? shown(mean, one.unit) : "no value"), number(shown(low, one.unit)), number(shown(high, one.unit)), number(String(n)), number(complete === null ? "–" : `${(100 * complete).toFixed(0)} %`), number(String(one.gaps.length))];
})));
