// Choosing quantities: a list by device that a word or two make short.

import {h, say} from "./dom.js";

// `known`: of /api/quantities; `chosen()`: a Set of names; `toggle(name, on)`.
export function picker(known, chosen, toggle) {
  const search = h("input", {type: "search", id: "find", placeholder: "such as hv1 v_mon", maxlength: 100, autocomplete: "off"});
  const count = h("span", {class: "dim", role: "status"});
  const list = h("div", {class: "quantities"});
  const groups = new Map();
  for (const one of known) {
    const device = `${one.stand}/${one.device}`;
    if (!groups.has(device)) {
      const box = h("details", {}, h("summary", {}, device));
      groups.set(device, {box, rows: []});
      list.append(box);
    }
    const tick = h("input", {type: "checkbox", onchange: () => toggle(one.name, tick.checked)});
    tick.dataset.name = one.name;
    const where = one.channel === "-" ? "" : `${one.channel} `;
    const row = h("label", {title: one.name}, tick, `${where}${one.quantity}`, h("span", {class: "dim"}, one.unit && one.unit !== "1" ? ` ${one.unit}` : ""));
    groups.get(device).rows.push({row, tick, name: one.name.toLowerCase()});
    groups.get(device).box.append(row);
  }

  function shorten() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const {box, rows} of groups.values()) {
      let here = 0;
      for (const {row, name} of rows) {
        row.hidden = !words.every((word) => name.includes(word));
        here += !row.hidden;
      }
      box.hidden = !here;
      if (words.length) box.open = here > 0;
      shown += here;
    }
    say(count, words.length ? `${shown} of ${known.length}` : `${known.length} quantities`);
  }

  function refresh() {
    for (const {box, rows} of groups.values()) {
      let any = false;
      for (const {tick} of rows) any = (tick.checked = chosen().has(tick.dataset.name)) || any;
      if (any && !search.value) box.open = true;
    }
  }
  search.addEventListener("input", shorten);
  shorten();
  refresh();
  return {element: h("div", {class: "picker"}, h("label", {for: "find"}, "Quantities "), search, count, list), refresh};
}
