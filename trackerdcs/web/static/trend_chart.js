// The plot: mean as a line, least and largest as a band, runs as bands behind, events and gaps as marks. uPlot draws it.

import {LEAST, unitName} from "./dom.js";
import {alone} from "./trend_data.js";

// Okabe and Ito's colours, which all eyes tell apart; the dash tells them apart without any colour.
export const STYLES = [
  ["#0080d0", []], ["#e69f00", [9, 4]], ["#009e73", [2, 3]], ["#cc79a7", [12, 3, 2, 3]], ["#d55e00", [5, 3]],
  ["#56b4e9", [14, 4]], ["#8f8f8f", [2, 6]], ["#b09b00", [6, 2, 2, 2, 2, 2]],
];
export const style = (i) => STYLES[i % STYLES.length];
const AXES = ["left", "right"];
const LANE = 5; // px: height of the strip in which the gaps of one quantity are

const faint = (colour, share) => `${colour}${Math.round(share * 255).toString(16).padStart(2, "0")}`;

// A colour of the style sheet as a canvas understands it, which knows no light-dark().
function ink(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

// `view`: {names, units (of each axis), axis (of each name), log (Set of axes), calm (no zoom into noise), marks()}; `on`: {zoom(from, to in s), cursor(index)}
export function chart(parent, view, data, on) {
  const text = getComputedStyle(document.body).color;
  const grid = {stroke: faint("#808080", 0.25), width: 1};
  const axes = [
    {stroke: text, grid, values: times, space: 90},
    ...AXES.flatMap((side, i) =>
      view.units[i] === undefined ? [] : [{
        scale: side, side: i ? 1 : 3, stroke: text, grid: i ? {show: false} : grid, size: 78, labelSize: 22,
        label: view.log.has(side) ? `|value| in ${unitName(view.units[i]) || "1"}, logarithmic` : unitName(view.units[i]) || "1",
        values: (u, ticks) => ticks.map((tick) => (tick === null ? "" : written(tick, view.units[i]))),
      }]),
  ];
  const series = [{}], bands = [];
  view.names.forEach((name, i) => {
    const [colour, dash] = style(i);
    const scale = AXES[view.axis[i]];
    const edge = {scale, stroke: faint(colour, 0.55), width: 0.7, points: {show: false}};
    const isolated = (u, s) => alone(u.data[s]);
    series.push({label: name, scale, stroke: colour, width: 2, dash, points: {show: true, size: 5, stroke: colour, fill: colour, filter: isolated}}, edge, edge);
    bands.push({series: [3 * i + 3, 3 * i + 2], fill: faint(colour, 0.22)});
  });
  const scales = {x: {time: true, auto: false}};
  AXES.forEach((side, i) => {
    scales[side] = view.log.has(side) ? {distr: 3} : view.calm ? {range: (u, low, high) => calm(low, high, view.units[i])} : {};
  });
  return new uPlot({
    ...size(parent), series, bands, axes, scales,
    legend: {show: false},
    tzDate: (s) => uPlot.tzDate(new Date(s * 1000), "Etc/UTC"),
    cursor: {drag: {x: true, y: false, setScale: false}, points: {show: false}, bind: {dblclick: () => null}},
    hooks: {
      drawClear: [(u) => runs(u, view.marks())],
      draw: [(u) => marks(u, view.marks())],
      setSelect: [(u) => {
        const {left, width} = u.select;
        if (width < 4) return;
        on.zoom(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
        u.setSelect({left: 0, top: 0, width: 0, height: 0}, false);
      }],
      setCursor: [(u) => on.cursor(u.cursor.idx, u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : null)],
    },
  }, data, parent);
}

// Wide enough that the noise of a steady value looks steady.
function calm(low, high, unit) {
  if (low === null || high === null) return [0, 1];
  const range = Math.max((high - low) * 1.1, LEAST[unit] ?? 0, Math.max(Math.abs(low), Math.abs(high)) * 0.02) || 1;
  const middle = (low + high) / 2;
  return [middle - range / 2, middle + range / 2];
}

export const size = (parent) => ({width: Math.max(280, parent.clientWidth), height: Math.max(240, Math.min(520, Math.round(innerHeight * 0.5)))});

const PREFIXES = [[1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"]];
const SCALED = new Set(["A", "V", "W"]);

const minus = (value) => String(+value.toPrecision(6)).replace("-", "−");

// 2e-7 A -> "200 nA"; what takes no prefix is written as it is.
export function written(value, unit = "") {
  if (!value) return "0";
  if (!SCALED.has(unit)) return minus(value);
  const [scale, prefix] = PREFIXES.find(([least]) => Math.abs(value) >= least * 0.9995) ?? PREFIXES.at(-1);
  return `${minus(value / scale)} ${prefix}${unit}`;
}

// UTC; the date only where it is another one than at the tick before.
function times(u, ticks) {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
  let day = "";
  return ticks.map((tick) => {
    const said = new Date(Math.round(tick * 1000)).toISOString();
    const date = said.slice(0, 10), clock = step < 1 ? said.slice(11, 23) : step < 60 ? said.slice(11, 19) : said.slice(11, 16);
    const line = step >= 86400 ? (step >= 28 * 86400 ? said.slice(0, 7) : date) : date === day ? clock : `${clock}\n${date}`;
    day = date;
    return line;
  });
}

function span(u, from, to) {
  const left = Math.max(u.bbox.left, u.valToPos(from, "x", true));
  const right = Math.min(u.bbox.left + u.bbox.width, u.valToPos(to, "x", true));
  return [left, Math.max(right - left, 0)];
}

// Bands with their name at the top; a simulated run says so.
function runs(u, {runs}) {
  const {ctx, bbox} = u, ratio = devicePixelRatio;
  ctx.save();
  [ctx.textAlign, ctx.textBaseline] = ["left", "alphabetic"];
  ctx.font = `${12 * ratio}px system-ui, sans-serif`;
  const taken = [];
  for (const run of [...runs].sort((a, b) => b.to - b.from - (a.to - a.from))) { // the longest are named first
    const [left, width] = span(u, run.from, run.to);
    ctx.fillStyle = faint("#808080", 0.18);
    ctx.fillRect(left, bbox.top, Math.max(width, 2), bbox.height);
    ctx.fillStyle = faint("#808080", 0.8);
    ctx.fillRect(left, bbox.top, Math.max(width, 2), 3 * ratio);
    if (left > bbox.left + bbox.width || left + width < bbox.left) continue;
    ctx.fillStyle = getComputedStyle(document.body).color;
    const long = ctx.measureText(run.text).width;
    const at = Math.max(Math.min(left + 4 * ratio, bbox.left + bbox.width - long - 4 * ratio), bbox.left + 2 * ratio);
    if (taken.some(([from, to]) => at < to && at + long > from)) continue;
    ctx.fillText(run.text, at, bbox.top + 17 * ratio);
    taken.push([at, at + long + 12 * ratio]);
  }
  ctx.restore();
}

// Events as dashed lines with their number in the list below; gaps as hatched strips at the bottom, one lane a quantity.
function marks(u, {events, gaps}) {
  const {ctx, bbox} = u, ratio = devicePixelRatio, bottom = bbox.top + bbox.height;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  [ctx.textAlign, ctx.textBaseline] = ["left", "alphabetic"];
  ctx.font = `bold ${11 * ratio}px system-ui, sans-serif`;
  let free = -Infinity;
  for (const event of events) {
    const x = u.valToPos(event.at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = ink("--warn");
    ctx.setLineDash([4 * ratio, 4 * ratio]);
    ctx.lineWidth = ratio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top + 24 * ratio);
    ctx.lineTo(x, bottom);
    ctx.stroke();
    if (x < free) continue;
    ctx.fillText(event.number, x + 2 * ratio, bbox.top + 34 * ratio);
    free = x + ctx.measureText(event.number).width + 6 * ratio;
  }
  ctx.setLineDash([]);
  gaps.forEach((own, i) => {
    const top = bottom - (i + 1) * LANE * ratio;
    ctx.strokeStyle = style(i)[0];
    ctx.lineWidth = 1.5 * ratio;
    for (const gap of own) {
      const [left, width] = span(u, gap.from, gap.to);
      if (left > bbox.left + bbox.width) continue;
      ctx.strokeRect(left, top, Math.max(width, 2 * ratio), (LANE - 1) * ratio);
      for (let x = left; x < left + width; x += 5 * ratio) {
        ctx.beginPath();
        ctx.moveTo(x, top + (LANE - 1) * ratio);
        ctx.lineTo(Math.min(x + 4 * ratio, left + width), top);
        ctx.stroke();
      }
    }
  });
  ctx.restore();
}
