// Interlocks of a stand: what holds, what opened first, what to do, and the reset for who may.

import {h, human, mark, moment, quantity, say} from "./dom.js";
import * as live from "./live.js";
import {resultPlace, send} from "./orders.js";
import {me, may} from "./shell.js";

const WORDS = {ok: "✔ ok", open: "✖ OPEN", unknown: "? UNKNOWN: counts as open"};
const ACTS = {block: "blocks on and up", ramp_down: "ramps down", kill: "kills"};

class Card {
  constructor(stand, name) {
    Object.assign(this, {stand, name});
    this.state = h("b", {class: "state", role: "status"});
    this.acts = h("span", {class: "dim"});
    this.why = h("p", {class: "why"});
    this.values = h("p", {class: "dim"});
    this.todo = h("p", {class: "todo"});
    this.bypass = h("p", {class: "warn"});
    this.place = resultPlace();
    this.reset = h("button", {type: "button", "data-cmd": "reset", onclick: () => this.send()}, "Reset");
    this.element = h("section", {class: "card interlock", "data-interlock": `${stand}/${name}`},
      h("div", {class: "head"}, h("h2", {}, `interlock ${name}`), this.state, this.acts), this.why, this.bypass, this.todo, this.values,
      h("div", {}, this.reset, " ", this.place.element));
  }

  send() {
    send({stand: this.stand, device: "guard", ch: "-"}, "reset", {interlock: this.name}, this.place, this.reset);
  }

  draw() {
    const topic = `${this.stand}/interlock/${this.name}`;
    const lock = live.message(topic), guard = live.message(`${this.stand}/guard/meta`);
    const old = live.entry(topic).kept || live.age(topic) > 3 * (guard?.period ?? 1) || !live.reached(this.stand);
    const state = old ? "unknown" : lock.state;
    say(this.state, old ? `? OLD: the guard said ${lock.state} ${Math.round(live.age(topic))} s ago` : WORDS[lock.state]);
    this.state.dataset.state = state;
    this.element.dataset.state = state;
    say(this.acts, `when open it ${ACTS[lock.action]}; since ${moment(lock.since)}`);
    const broken = lock.state !== "ok";
    const first = lock.first ? `First out: ${lock.first}, at ${moment(lock.since)}: ` : ""; // `why` is of that time, not of now
    say(this.why, broken ? `${first}${human(lock.why ?? "")}${lock.over ? ". Now all conditions hold again" : ""}` : "");
    say(this.todo, broken && lock.guidance ? `What to do: ${lock.guidance}` : "");
    say(this.values, Object.entries(lock.values ?? {}).map(([of, value]) => `${of} ${quantity(value, live.unitOf(this.stand, of))}`).join(" · "));
    say(this.bypass, lock.bypass ? `⚠ BYPASSED by ${lock.bypass.by} until ${moment(lock.bypass.until)}: ${lock.bypass.reason}` : "");
    mark(this.element, "open", broken || old);
    const reset = guard?.channels?.["-"]?.commands?.reset;
    this.reset.hidden = lock.state !== "open" || !me.user || !reset || !may(reset.role);
    say(this.reset, lock.over ? "Reset" : "Reset (refused while the cause holds)");
  }
}

export class Interlocks {
  constructor(stand) {
    this.stand = stand;
    this.cards = new Map();
    this.element = h("div", {class: "interlocks"});
  }

  draw() {
    const prefix = `${this.stand}/interlock/`;
    const names = [...live.topics()].filter((topic) => topic.startsWith(prefix)).map((topic) => topic.slice(prefix.length));
    for (const [name, card] of this.cards) {
      if (names.includes(name)) continue;
      card.element.remove();
      this.cards.delete(name);
    }
    for (const name of names) {
      if (!this.cards.has(name)) {
        this.cards.set(name, new Card(this.stand, name));
        this.element.append(this.cards.get(name).element);
      }
      this.cards.get(name).draw();
    }
  }
}
