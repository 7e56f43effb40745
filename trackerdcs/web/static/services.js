// Services of a stand: they are no instruments. Here only those that are not well; what they compute is a short list.

import {h, human, mark, quantity, say, span} from "./dom.js";
import * as live from "./live.js";
import {SILENT_S} from "./watch.js";

const SERVICES = new Set(["guard", "loader", "alarms", "config", "supervisor", "derived", "calibration"]);

export const isService = (meta) => SERVICES.has(meta.kind);

// One line for each service that is not well, and nothing else.
export class Services {
  constructor(stand) {
    this.stand = stand;
    this.element = h("p", {class: "services-now", role: "status"});
  }

  draw() {
    const ill = [];
    for (const topic of live.topics()) {
      const [stand, name, leaf] = topic.split("/");
      if (stand !== this.stand || leaf !== "status") continue;
      const meta = live.message(`${stand}/${name}/meta`);
      if (meta && !isService(meta)) continue;
      const {state, error} = live.message(topic), silence = live.age(topic);
      if (state !== "online") ill.push(`${name} is ${state.toUpperCase()}${error ? ` (${error})` : ""}`);
      else if (silence > SILENT_S) ill.push(`${name} is SILENT for ${span(silence)}`);
    }
    const text = ill.length ? `⚠ service ${ill.join("; service ")}. More on the page Health.` : "";
    if (this.element.textContent !== text) this.element.replaceChildren(...(text ? [h("a", {href: "/health"}, text)] : []));
  }
}

const FORMULA = "formula"; // its version, which Trends and the records have

// What is computed of what the devices say, one line a value; dew point and margin are large tiles already.
export class Computed {
  constructor(stand) {
    this.stand = stand;
    this.lines = new Map();
    this.list = h("dl");
    this.age = h("span", {class: "age"});
    this.element = h("section", {class: "card computed", "aria-label": "computed"}, h("div", {class: "head"}, h("h2", {}, "Computed of these"), this.age), this.list);
  }

  draw() {
    const path = `${this.stand}/derived`;
    const meta = live.message(`${path}/meta`), frame = live.message(`${path}/frame`);
    this.element.hidden = !meta;
    if (!meta) return;
    for (const [ch, channel] of Object.entries(meta.channels)) {
      for (const [name, {unit}] of Object.entries(channel.quantities)) {
        if (name === FORMULA || unit === "degC") continue;
        const key = `${ch}.${name}`;
        if (!this.lines.has(key)) {
          const value = h("dd", {"data-computed": key}), what = h("dt");
          this.lines.set(key, {value, what});
          this.list.append(h("div", {}, what, value));
        }
        const {value, what} = this.lines.get(key);
        const label = human(channel.label || ch) + (name === "missed" ? ", not seen" : "");
        say(what, [label, frame?.mod?.[ch] ?? channel.module].filter(Boolean).join(" · "));
        const number = frame?.ch?.[ch]?.[name], bad = frame?.bad?.[ch]?.[name], doubt = frame?.unc?.[ch]?.[name];
        say(value, bad ? `no value: ${bad}` : (unit === "s" ? span(number) : quantity(number, unit)) + (doubt ? ` ~ uncertain: ${doubt}` : ""));
        mark(value, "bad", bad);
        mark(value, "doubt", doubt);
      }
    }
    const fresh = live.fresh(this.stand, "derived");
    mark(this.element, "old", !fresh);
    mark(this.age, "warn", !fresh);
    say(this.age, fresh ? "" : `OLD: computed ${span(live.age(`${path}/frame`))} ago`);
  }
}
