// Commands: sent once by one press, visibly pending until the device has said what became of it.

import {post} from "./api.js";
import {h, mark, say} from "./dom.js";
import * as live from "./live.js";
import {over} from "./question.js";

const FINAL = new Set(["done", "refused", "failed", "expired"]);
const SIGNS = {done: "✔", refused: "✖", failed: "✖", expired: "✖", unknown: "?", accepted: "…", sending: "…"};
const WORDS = {sending: "sending", accepted: "accepted, under way", unknown: "UNKNOWN whether it was carried out"};
const NO_END_S = 130;
const OLD_MS = 20000;

const pending = new Map(); // id -> Order
const shown = new Set(); // that a channel shows

class Order {
  constructor(place, cmd, words) {
    this.id = crypto.randomUUID();
    this.place = place;
    this.words = words;
    this.began = performance.now();
    this.state = "";
    this.told("sending");
  }

  // The first answer, and later the last; the last one stands.
  told(state, why = "") {
    if (FINAL.has(this.state)) return;
    this.state = state;
    this.at = performance.now();
    this.time = new Date(live.now()).toISOString().slice(11, 19);
    this.why = why;
    this.show();
  }

  show() {
    const old = this.place.order && this.place.order !== this && this.place.order.began > this.began;
    if (old) return; // a newer one of the same channel is shown
    if (this.place.order !== this) shown.delete(this.place.order);
    this.place.order = this;
    shown.add(this);
    const waiting = this.state === "sending" || this.state === "accepted";
    const took = waiting ? ` (${Math.round((performance.now() - this.began) / 1000)} s)` : ` at ${this.time} UTC`;
    say(this.place.element, `${SIGNS[this.state]} ${this.words}: ${WORDS[this.state] ?? this.state}${took}${this.why ? `: ${this.why}` : ""}`);
    mark(this.place.element, "waiting", waiting);
    mark(this.place.element, "bad", !waiting && this.state !== "done");
    mark(this.place.element, "past", !waiting && performance.now() - this.at > OLD_MS);
    this.place.element.dataset.state = this.state;
  }
}

// Where a channel says what became of its last command.
export function resultPlace() {
  return {element: h("output", {class: "result", role: "status"}), order: null};
}

// `target` {stand, device, ch}; `button` takes no second press until there is an answer.
export async function send(target, cmd, args, place, button, words = cmd.replaceAll("_", " ")) {
  if (button?.disabled) return;
  if (button) button.disabled = true;
  const order = new Order(place, cmd, words);
  pending.set(order.id, order);
  const body = {cmd, ch: target.ch, args, id: order.id};
  try {
    const answer = await post(`/api/stands/${target.stand}/devices/${target.device}/commands`, body, 6000);
    order.told(answer.state, answer.why ?? "");
    if (answer.state === "unknown") pending.delete(order.id);
  } catch (error) {
    order.told(error.status ? "refused" : "unknown", error.message);
    if (error.status) pending.delete(order.id);
  } finally {
    if (button) button.disabled = false;
  }
}

live.on((_, passing) => {
  for (const [topic, ack] of passing) {
    if (!topic.endsWith("/ack") || ack.user !== "web") continue;
    const order = pending.get(ack.id);
    if (!order) continue;
    order.told(ack.state, ack.why ?? "");
    if (FINAL.has(ack.state)) pending.delete(ack.id);
  }
  for (const [id, order] of pending) {
    if (performance.now() - order.began > NO_END_S * 1000) {
      order.told("unknown", `no final answer in ${NO_END_S} s: look at the device`);
      pending.delete(id);
    }
  }
  for (const order of shown) order.show();
});

// Ask before something goes up; resolves to true for the button that says what happens, Escape and the other are no.
export function confirmed(title, lines, yes) {
  return new Promise((resolve) => {
    const no = h("button", {type: "button", autofocus: true}, "Cancel");
    const go = h("button", {type: "button", class: "go"}, yes);
    const dialog = h("dialog", {"aria-label": title}, h("h2", {}, title), lines.map((line) => h("p", {}, line)), h("p", {class: "answers"}, no, go));
    const end = (answer) => {
      away();
      resolve(answer);
    };
    no.addEventListener("click", () => end(false));
    go.addEventListener("click", () => end(true));
    const away = over(dialog, () => end(false));
  });
}
