// The page Stand: every device of every stand, drawn from what they say of themselves.

import {Device, Environment} from "./device.js";
import {h, say} from "./dom.js";
import {Alarms, Events, Runs} from "./happened.js";
import {Interlocks} from "./interlocks.js";
import * as live from "./live.js";
import {Computed, isService, Services} from "./services.js";
import {stands} from "./shell.js";
import {worldPanel} from "./world.js";

const JUMP_PX = 8, SETTLE_MS = 600;
const ORDER = ["hv", "lv", "env"];

class Stand {
  constructor(name) {
    this.name = name;
    this.devices = new Map();
    this.environment = new Environment(name);
    this.interlocks = new Interlocks(name);
    this.alarms = new Alarms(name);
    this.runs = new Runs(name);
    this.services = new Services(name);
    this.computed = new Computed(name);
    this.events = new Events(name);
    this.empty = h("p", {class: "dim"}, "no device of this stand has said anything yet");
    this.list = h("div", {class: "devices"});
    this.element = h("article", {class: "stand", "data-stand": name}, h("h1", {}, `Stand ${name}`), this.alarms.element, this.services.element, this.runs.element,
      h("div", {class: "top"}, this.interlocks.element, this.environment.element), this.empty, this.list, this.computed.element, worldPanel(name), this.events.element);
  }

  draw(changed, passing) {
    const names = [...live.topics()].filter((topic) => topic.startsWith(`${this.name}/`) && topic.endsWith("/meta")).map((topic) => topic.split("/")[1])
      .filter((name) => !isService(live.message(`${this.name}/${name}/meta`)));
    this.empty.hidden = names.length > 0;
    for (const name of names) if (!this.devices.has(name)) this.add(name);
    for (const device of this.devices.values()) device.draw(changed);
    this.environment.draw([...names, "derived"]);
    this.services.draw();
    this.computed.draw();
    this.interlocks.draw();
    this.alarms.draw();
    this.runs.draw();
    this.events.take(passing);
    this.settle();
  }

  settle() {
    const at = this.list.getBoundingClientRect().top + scrollY, height = this.list.offsetHeight;
    const moved = Math.abs(at - this.at) > JUMP_PX || Math.abs(height - this.height) > JUMP_PX;
    [this.at, this.height] = [at, height];
    if (!moved) return;
    this.list.classList.add("settling");
    clearTimeout(this.settled);
    this.settled = setTimeout(() => this.list.classList.remove("settling"), SETTLE_MS);
  }

  // A device that was here stays, and says that it is old: nothing on a wall may vanish without a word.
  add(name) {
    const device = new Device(this.name, name);
    this.devices.set(name, device);
    const rank = (each) => {
      const place = ORDER.indexOf(live.message(`${this.name}/${each}/meta`)?.kind);
      return `${place < 0 ? 9 : place} ${each}`;
    };
    const sorted = [...this.devices.keys()].sort((a, b) => rank(a).localeCompare(rank(b)));
    this.list.replaceChildren(...sorted.map((each) => this.devices.get(each).element));
  }
}

const shown = stands.map((name) => new Stand(name));
const main = document.getElementById("main");
main.replaceChildren(...(shown.length ? shown.map((stand) => stand.element) : [h("p", {}, "This service knows no stand.")]));
let interactive = false;

live.on((changed, passing) => {
  for (const stand of shown) stand.draw(changed, passing);
  if (!interactive && shown.some((stand) => stand.devices.size)) {
    interactive = true;
    performance.mark("interactive");
    document.body.dataset.interactive = String(Math.round(performance.now()));
  }
});
