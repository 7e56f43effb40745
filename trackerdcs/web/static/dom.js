// Making elements. Text is always text: nothing that somebody typed ever becomes markup.

// h("p", {class: "x", onclick: f}, "text", element, [more]) -> element; false and null children are left out.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

// Set a text without touching the page where it is the same.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function mark(element, name, on) {
  if (element.classList.contains(name) !== Boolean(on)) element.classList.toggle(name, Boolean(on));
}

const PREFIXES = [[1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"]];
const SCALED = new Set(["A", "W"]); // never V: beside -968 V nobody may have to see the µ of -968 µV
const DECIMALS = {V: 2, "V/s": 1, degC: 2, K: 2, "%": 1};
export const LEAST = {V: 1, A: 1e-9, degC: 1, "%": 2}; // a line in a smaller range is noise, and not drawn as if it were news
export const unitName = (unit) => ({degC: "°C", 1: ""})[unit] ?? unit;

// Texts of the services have units as the records write them; what is gone must not begin with what was.
export const human = (text) => text.replace(/\bdegC\b/g, "°C").replace(/^gone: /, "it was: ");

// A number with its unit, as a person reads it: -1.234e-7 A -> "-123.4 nA"; switches as on and off.
export function quantity(value, unit = "") {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "string") return value;
  if (unit in DECIMALS) return `${plus(value.toFixed(DECIMALS[unit]))} ${unitName(unit)}`;
  let scale = 1, prefix = "";
  const size = Math.abs(value);
  if (SCALED.has(unit) && size > 0 && size < 0.9995) {
    [scale, prefix] = PREFIXES.find(([least]) => size >= least * 0.9995) ?? PREFIXES.at(-1);
  }
  const shown = value / scale;
  const digits = Math.max(0, 4 - Math.max(1, Math.ceil(Math.log10(Math.abs(shown) || 1) + 1e-9)));
  return `${plus(shown.toFixed(Math.min(digits, 3)))} ${prefix}${unitName(unit)}`.trim();
}

// A real minus, and none before zero.
function plus(text) {
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text.replace("-", "−");
}

// 75 -> "1 min 15 s": how long, from seconds.
export function span(seconds) {
  if (seconds === null || seconds === undefined || !isFinite(seconds)) return "–";
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

// ns UTC -> "2026-05-29 13:59:57 UTC"; all times of the console are UTC, as in the records.
export function moment(ns) {
  if (ns === null || ns === undefined) return "–";
  return new Date(Math.round(ns / 1e6)).toISOString().replace("T", " ").slice(0, 19) + " UTC";
}
