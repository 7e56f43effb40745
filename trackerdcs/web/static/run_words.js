// Words and pieces that all pages of runs share.

import {h, quantity, span} from "./dom.js";

export const STATES = ["queued", "configuring", "running", "finalizing", "done", "failed", "aborted"];
const SIGNS = {done: "✓", failed: "✗", aborted: "■", running: "▶", configuring: "▶", finalizing: "▶", queued: "…"};

export const ns = (text) => (text === null || text === undefined ? null : Date.parse(text) * 1e6);
export const seconds = (start, end) => (start && end ? (Date.parse(end) - Date.parse(start)) / 1000 : null);
export const lasted = (run) => span(seconds(run.start, run.end));
export const state = (name) => h("span", {class: name === "failed" ? "bad" : name === "done" ? "good" : "warn"}, `${SIGNS[name] ?? ""} ${name}`);
export const simulated = (sim) => sim && h("strong", {class: "sim", title: "no hardware was read: the numbers are those of a simulation"}, "SIMULATED");
export const modules = (run) => (run.modules ?? []).map((one) => one.name || one.fuse_id || one).filter(Boolean).join(", ") || "no module named";
export const chipName = (chip) => `h${chip.hybrid} ${chip.chip_type} ${chip.chip}`;
export const chipKey = (chip) => `${chip.board}.${chip.optical_group}.${chip.hybrid}.${chip.chip_type}.${chip.chip}`;

// A value with its unit; of a switch or a count the number alone: "0 1" would be read as another number.
export const shown = (value, unit) => quantity(value, unit === "1" ? "" : unit);
export const counted = (run) => (run.channels ? `${run.channels}, ${run.bad}` : "–");

export function rows(heads, lines) {
  return h("div", {class: "wide"}, h("table", {}, h("thead", {}, h("tr", {}, heads.map((text) => h("th", {scope: "col"}, text)))),
    h("tbody", {}, lines.map((cells) => h("tr", {}, cells.map((cell) => (cell?.tagName === "TD" ? cell : h("td", {}, cell ?? "–"))))))));
}

export const number = (text) => h("td", {class: "number"}, text);

// A link to Trends with the window of a run and a little around it.
export function trends(run, quantities) {
  const asked = new URLSearchParams();
  for (const name of quantities) asked.append("q", name);
  const [from, to] = [Date.parse(run.start), run.end ? Date.parse(run.end) : Date.now()];
  const around = Math.max(5000, (to - from) * 0.1);
  asked.set("since", new Date(from - around).toISOString());
  asked.set("until", new Date(Math.max(to + around, from - around + 2000)).toISOString());
  return `/trends?${asked}`;
}

// In place of what is there; false and null are left out.
export const fill = (parent, ...children) => parent.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
