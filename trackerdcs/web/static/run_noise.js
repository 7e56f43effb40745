// Noise of each chip as bars, of one run or of two side by side; drawn as SVG, so that each bar can be chosen and read.

import {STYLES} from "./trend_chart.js";
import {chipKey, chipName} from "./run_words.js";

const [HEIGHT, TOP, BOTTOM, LEFT] = [260, 12, 78, 34];

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.flat());
  return element;
}

// Chips in the order of the module: by hybrid, then type, then number.
export function inOrder(chips) {
  const order = (chip) => [chip.board, chip.optical_group, chip.hybrid, chip.chip_type === "SSA" ? 0 : 1, chip.chip];
  return [...chips].sort((a, b) => order(a).reduce((found, value, i) => found || value - order(b)[i], 0));
}

// `sets`: [{name, run, chips}], one or two; `choose(chip)` is called for a bar that is pressed.
export function bars(sets, choose) {
  const all = inOrder([...new Map(sets.flatMap((set) => set.chips).map((chip) => [chipKey(chip), chip])).values()]);
  const found = sets.map((set) => new Map(set.chips.map((chip) => [chipKey(chip), chip])));
  const most = Math.max(...sets.flatMap((set) => set.chips.map((chip) => chip.noise + (chip.noise_rms ?? 0))), 1e-9);
  const step = nice(most / 4), top = Math.ceil(most / step) * step;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const GROUP = sets.length > 1 ? 28 : 17; // px of a chip
  const width = LEFT + GROUP * all.length + 8;
  const parts = [];
  for (let tick = 0; tick <= top + step / 2; tick += step) {
    parts.push(svg("line", {x1: LEFT, x2: width - 8, y1: y(tick), y2: y(tick), class: "grid"}), svg("text", {x: LEFT - 5, y: y(tick) + 4, class: "tick"}, String(+tick.toPrecision(3))));
  }
  all.forEach((chip, i) => {
    const room = (GROUP - 4) / sets.length;
    found.forEach((chips, s) => {
      const one = chips.get(chipKey(chip));
      if (!one) return;
      const x = LEFT + i * GROUP + 2 + s * room, middle = x + room / 2;
      const text = `${sets.length > 1 ? `${sets[s].name}: ` : ""}${chipName(one)}: noise ${one.noise.toFixed(3)}, rms ${(one.noise_rms ?? 0).toFixed(3)}, ${one.bad} bad of ${one.channels}`;
      const bar = svg("g", {class: `bar set${s}`, tabindex: 0, role: "button", "aria-label": text, "data-chip": chipKey(one), "data-noise": one.noise},
        svg("title", {}, text),
        svg("rect", {x, y: y(one.noise), width: room - 1, height: Math.max(y(0) - y(one.noise), 0.5), fill: STYLES[s][0], ...(s ? {"stroke-dasharray": "3 2", stroke: "currentColor"} : {})}),
        svg("line", {x1: middle, x2: middle, y1: y(one.noise - (one.noise_rms ?? 0)), y2: y(one.noise + (one.noise_rms ?? 0)), class: "whisker"}));
      if (one.bad) bar.append(svg("text", {x: middle, y: y(one.noise + (one.noise_rms ?? 0)) - 2, class: "flaw"}, `${one.bad}!`));
      if (choose) {
        bar.addEventListener("click", () => choose(one));
        bar.addEventListener("keydown", (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), choose(one)));
      }
      parts.push(bar);
    });
    const at = LEFT + i * GROUP + GROUP / 2 + 4;
    parts.push(svg("text", {class: "chip", transform: `translate(${at} ${HEIGHT - BOTTOM + 6}) rotate(-90)`}, chipName(chip)));
  });
  const plot = svg("svg", {width, height: HEIGHT, role: "group", "aria-label": "noise of each chip", class: "noise"}, parts);
  const box = document.createElement("div");
  box.className = "wide";
  box.append(plot);
  return box;
}

function nice(step) {
  const size = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5, 10].map((factor) => factor * size).find((each) => each >= step);
}
