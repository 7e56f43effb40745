// A device: one row a channel, drawn from what its meta says; a value that cannot be trusted says so and why.

import {controls} from "./controls.js";
import {h, human, mark, quantity, say, span} from "./dom.js";
import * as live from "./live.js";
import {Spark} from "./spark.js";

const NO_CHANNEL = "-";
const STATES = {
  off: "○ off", on: "● ON", ramping_up: "▲ RAMPING UP", ramping_down: "▼ ramping down", hold: "■ HOLD",
  tripped: "⚠ TRIPPED", unknown: "? UNKNOWN", idle: "○ idle",
};
const FLAGS = {compliance: "⚠ at the current limit", trip: "⚠ trip"};
const PLAIN = new Set(["v_set", "v_mon", "i_limit", "i_mon", "on", "state", "compliance", "trip", "ramp_up", "ramp_down"]);

// What a frame says of one quantity: value, and why it is bad or doubtful.
function reading(frame, ch, name) {
  return {value: frame?.ch?.[ch]?.[name], bad: frame?.bad?.[ch]?.[name], doubt: frame?.unc?.[ch]?.[name]};
}

function shownReading(element, {value, bad, doubt}, unit, reason = bad) {
  say(element, bad ? `no value${reason ? `: ${reason}` : ""}` : quantity(value, unit) + (doubt ? ` ~ uncertain: ${doubt}` : ""));
  mark(element, "bad", bad);
  mark(element, "doubt", doubt);
}

// "ch0 ch1: no answer": each reason once, that 24 red sentences do not push the buttons of a device away.
function reasons(frame, known = "") {
  const where = new Map();
  for (const [ch, names] of Object.entries(frame?.bad ?? {})) {
    for (const why of new Set(Object.values(names))) if (!known.includes(why)) where.set(why, [...(where.get(why) ?? []), ch]);
  }
  return [...where].map(([why, chs]) => `${chs.filter((ch) => ch !== NO_CHANNEL).join(" ")}: ${why}`.replace(/^: /, "")).join("; ");
}

class Value {
  constructor(name, unit, period, drawn) {
    this.name = name;
    this.unit = unit;
    this.text = h("span", {class: "value", "data-quantity": name});
    this.spark = drawn ? new Spark(unit, period) : null;
  }

  draw(frame, ch, news) {
    const read = reading(frame, ch, this.name);
    shownReading(this.text, read, this.unit, "");
    this.text.title = read.bad ?? "";
    if (news) this.spark?.add(performance.now() / 1000, read.bad ? null : read.value);
  }
}

class Row {
  constructor(stand, device, ch, channel, period) {
    Object.assign(this, {stand, device, ch, channel, frame: null});
    const unit = (name) => channel.quantities[name].unit;
    const has = (name) => name in channel.quantities;
    const value = (name, drawn = false) => (has(name) ? new Value(name, unit(name), period, drawn) : null);
    this.power = has("v_set") || has("v_mon");
    this.set = value("v_set");
    this.volt = value("v_mon", true);
    this.limit = value("i_limit");
    this.current = value("i_mon", true);
    this.others = Object.keys(channel.quantities).filter((name) => !PLAIN.has(name)).map((name) => value(name, unit(name) !== "1"));
    this.state = h("span", {class: "state", role: "status"});
    this.flags = h("span", {class: "flags"});
    this.where = h("span", {class: "module"});
    this.run = h("span", {class: "in-run"});
    const target = {stand, device, ch};
    this.controls = controls(target, channel, {values: () => this.values(), module: () => this.module()});
    const title = h("th", {scope: "row"}, ch === NO_CHANNEL ? null : h("b", {}, ch), channel.label ? ` ${human(channel.label)}` : null, this.where, this.run);
    const pair = (name, left, leftName, right, rightName) => h("td", {class: "pair", "data-name": name}, [[left, leftName], [right, rightName]].map(([each, words]) =>
      each ? h("div", {}, h("span", {class: "dim"}, words), each.text, each.spark?.canvas) : null));
    this.element = h("tr", {"data-channel": `${stand}/${device}/${ch}`, class: this.power ? "power" : "plain"}, title,
      h("td", {class: "state-of"}, has("state") ? this.state : null, this.flags),
      this.power
        ? [pair("voltage", this.set, "set", this.volt, "measured"), pair("current", this.limit, "limit", this.current, "measured")]
        : h("td", {class: "others", colspan: "2"}, this.others.map((each) => h("div", {}, h("span", {class: "dim"}, each.name), each.text, each.spark?.canvas))),
      h("td", {class: "do"}, this.controls.element, this.power && this.others.length ? this.others.map((each) => h("div", {}, each.name, " ", each.text)) : null));
  }

  values() {
    return this.frame?.ch?.[this.ch] ?? {};
  }

  module() {
    return this.frame?.mod?.[this.ch] ?? this.channel.module;
  }

  draw(frame, news) {
    this.frame = frame;
    for (const each of [this.set, this.volt, this.limit, this.current, ...this.others]) each?.draw(frame, this.ch, news);
    const values = this.values(), bad = frame?.bad?.[this.ch]?.state;
    const state = bad ? "unknown" : values.state;
    say(this.state, state === undefined ? "? no state" : STATES[state] ?? state);
    this.state.dataset.state = state ?? "none";
    say(this.flags, Object.keys(FLAGS).filter((name) => values[name] === true).map((name) => FLAGS[name]).join(", "));
    say(this.where, this.module() ?? "");
    this.drawRuns(frame?.runs?.[this.ch] ?? []);
    this.controls.draw(values);
  }

  drawRuns(ids) {
    say(this.run, ids.map((id) => {
      const note = live.message(`${this.stand}/run/${id}`);
      return note ? `in run ${note.calibration}, ${Math.round(note.percent)} %` : `in run ${id.slice(0, 8)}`;
    }).join("; "));
  }
}

export class Device {
  constructor(stand, name) {
    Object.assign(this, {stand, name, rows: [], drawn: "", seen: ""});
    this.title = h("h2");
    this.kind = h("span", {class: "dim"});
    this.status = h("span", {class: "status"});
    this.age = h("span", {class: "age"});
    this.why = h("p", {class: "why warn"});
    this.body = h("tbody");
    this.element = h("section", {class: "card device", "data-device": `${stand}/${name}`},
      h("div", {class: "head"}, this.title, this.kind, this.status, this.age), this.why, h("table", {}, this.body));
    say(this.title, name);
  }

  // Built anew only where the device says something else of itself: a field that somebody types in stays.
  build(meta) {
    const what = JSON.stringify([meta.channels, meta.model, meta.serial, meta.period]);
    if (what === this.drawn) return;
    this.drawn = what;
    this.seen = "";
    say(this.kind, [meta.model, meta.serial, meta.sim ? "SIMULATED" : ""].filter(Boolean).join(" · "));
    this.rows = Object.entries(meta.channels).map(([ch, channel]) => new Row(this.stand, this.name, ch, channel, meta.period));
    this.body.replaceChildren(...this.rows.map((row) => row.element));
  }

  draw(changed) {
    const path = `${this.stand}/${this.name}`;
    const meta = live.message(`${path}/meta`), frame = live.message(`${path}/frame`), status = live.message(`${path}/status`);
    if (meta) this.build(meta);
    const fresh = live.fresh(this.stand, this.name);
    const identity = frame ? `${frame.boot} ${frame.seq}` : "";
    const news = fresh && identity !== this.seen;
    if (changed.has(`${path}/frame`) || changed.has(`${path}/meta`)) this.seen = identity;
    if (news || !fresh || changed.size) for (const row of this.rows) row.draw(frame, news && changed.has(`${path}/frame`));
    const state = status?.state ?? "no status";
    say(this.status, state === "online" ? "● online" : `⚠ ${state.toUpperCase()}${status?.error ? `: ${status.error}` : ""}`);
    mark(this.status, "warn", state !== "online");
    const why = reasons(frame, status?.error ?? "");
    say(this.why, why && `No value of ${why}`);
    const old = live.age(`${path}/frame`);
    say(this.age, !frame ? "nothing measured yet" : fresh ? `${old.toFixed(1)} s ago` : `OLD: measured ${span(old)} ago`);
    mark(this.element, "old", !fresh && this.rows.length);
    mark(this.age, "warn", !fresh);
  }
}

const TILES = {t_air: "air", rh: "humidity", t_dew: "dew point", dew_margin: "margin to the dew point"}; // in this order; a margin is a difference: in K, not to be read as a temperature

// Large numbers of the air: every quantity of devices of kind env, and what is derived of the dew point.
export class Environment {
  constructor(stand) {
    this.stand = stand;
    this.tiles = new Map();
    this.element = h("section", {class: "environment", "aria-label": "environment"});
  }

  draw(devices) {
    const found = [];
    for (const device of devices) {
      const meta = live.message(`${this.stand}/${device}/meta`);
      if (!meta || (meta.kind !== "env" && device !== "derived")) continue;
      for (const [ch, channel] of Object.entries(meta.channels)) {
        for (const [name, {unit}] of Object.entries(channel.quantities)) {
          const wanted = meta.kind === "env" ? unit !== "1" && name !== "state" : /dew|margin/.test(`${ch} ${name}`) && unit === "degC";
          if (wanted) found.push([device, ch, name, unit, channel.label]);
        }
      }
    }
    for (const each of found) this.tile(...each);
  }

  tile(device, ch, name, unit, label) {
    const key = `${device}.${ch}.${name}`;
    if (!this.tiles.has(key)) {
      const value = h("b"), source = ch === NO_CHANNEL ? `${device} ${name}` : `${device} ${ch}`;
      const rank = Object.keys(TILES).indexOf(name), place = rank < 0 ? Infinity : rank;
      const tile = h("div", {class: "tile", "data-tile": key}, h("span", {}, TILES[name] ?? human(label || name)), value, h("span", {class: "dim"}, source));
      const after = [...this.tiles.values()].find((each) => each.place > place);
      this.tiles.set(key, {tile, value, place});
      this.element.insertBefore(tile, after?.tile ?? null);
    }
    const {tile, value} = this.tiles.get(key);
    shownReading(value, reading(live.message(`${this.stand}/${device}/frame`), ch, name), name === "dew_margin" ? "K" : unit);
    const fresh = live.fresh(this.stand, device);
    mark(tile, "old", !fresh);
    tile.title = fresh ? "" : `OLD: ${span(live.age(`${this.stand}/${device}/frame`))}`;
  }
}
