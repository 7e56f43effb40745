// What a person may do with a channel, drawn from what the device says of its commands.

import {h, mark, quantity, say, unitName} from "./dom.js";
import * as live from "./live.js";
import {confirmed, resultPlace, send} from "./orders.js";
import {me, may} from "./shell.js";

const FIELDS = [["set_voltage", "v", "voltage"], ["set_current_limit", "i", "limit"]];
const NUMBER = /^[-+−]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/;
const UNITS = [[1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"]];

// The unit in which an argument is typed: microamperes where the highest is 20 of them.
function typedUnit(argument) {
  const size = Math.max(Math.abs(argument.low ?? 0), Math.abs(argument.high ?? 0));
  if (argument.unit !== "A" || !size) return [1, unitName(argument.unit)];
  const [scale, prefix] = UNITS.find(([least]) => size >= least * 0.9995) ?? UNITS.at(-1);
  return [scale, `${prefix}A`];
}

const shown = (value, scale) => String(Number((value / scale).toPrecision(6))).replace("-", "−");

function field(target, cmd, name, words, argument, place) {
  const [scale, unit] = typedUnit(argument);
  const low = argument.low ?? null, high = argument.high ?? null;
  const range = `${low === null ? "any" : shown(low, scale)} to ${high === null ? "any" : shown(high, scale)} ${unit}`;
  const wrong = h("span", {class: "wrong", role: "status"});
  const input = h("input", {type: "text", inputmode: "text", size: "7", autocomplete: "off", placeholder: unit, title: range,
    "aria-label": `${words} of ${target.device} ${target.ch}, ${range}`});
  const apply = h("button", {type: "submit", disabled: true}, "Apply");
  const read = () => {
    const text = input.value.trim();
    if (!text) return [null, ""];
    if (text.includes(",")) return [null, "a point, not a comma"];
    if (!NUMBER.test(text)) return [null, "not a number"];
    const value = Number((Number(text.replace("−", "-")) * scale).toPrecision(12));
    if ((low !== null && value < low) || (high !== null && value > high)) return [null, `outside ${range}`];
    return [value, ""];
  };
  const judge = () => {
    const [value, why] = read();
    say(wrong, why);
    apply.disabled = value === null;
  };
  input.addEventListener("input", judge);
  const form = h("form", {class: "field", "data-cmd": cmd}, h("label", {}, `${words} `, input), h("span", {class: "dim"}, unit), apply, wrong);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [value] = read();
    if (value === null || apply.disabled) return;
    send(target, cmd, {[name]: value}, place, apply, `${words} ${quantity(value, argument.unit)}`).then(() => {
      input.value = "";
      judge();
    });
  });
  return form;
}

// -> {element, result place's element, draw(values): what is only offered in some states}
export function controls(target, channel, spec) {
  const place = resultPlace();
  const commands = channel.commands ?? {};
  const mine = (cmd) => me.user && cmd in commands && !commands[cmd].reason && may(commands[cmd].role);
  const fields = FIELDS.filter(([cmd]) => mine(cmd)).map(([cmd, name, words]) => field(target, cmd, name, words, commands[cmd].args[name], place));
  const where = `${target.device} ${target.ch}${channel.label ? `, ${channel.label}` : ""}`;
  const press = (cmd, words, ask, look = "") => {
    if (!mine(cmd)) return null;
    const button = h("button", {type: "button", class: look, "data-cmd": cmd}, words);
    button.addEventListener("click", async () => {
      if (button.disabled) return;
      if (ask && !(await confirmed(`${words}: ${where}?`, ask(), words))) return;
      send(target, cmd, {}, place, button);
    });
    return button;
  };
  const going = () => {
    const values = spec.values(), module = spec.module();
    return [
      `Stand ${target.stand}, ${module ? `module ${module}` : "no module bound"}.`,
      `It goes to ${quantity(values.v_set, "V")}; measured now: ${quantity(values.v_mon, "V")}.`,
    ];
  };
  const on = press("on", "On", going);
  const off = press("off", "Off", null);
  const hold = press("hold", "Hold", null);
  const clear = press("clear_trip", "Clear trip", null);
  const emergency = press("emergency_off", "Emergency off", () => [`Stand ${target.stand}: switches off at once, without a ramp.`]);
  const element = h("div", {class: "controls"}, fields, h("div", {class: "buttons"}, on, off, hold, clear, emergency), place.element);
  return {
    element: fields.length || on || off ? element : null,
    draw(values) {
      const lost = !live.reached(target.stand);
      for (const form of fields) mark(form, "lost", lost);
      if (!clear) return;
      const known = values.state !== undefined && values.state !== "unknown", tripped = values.state === "tripped" || values.trip === true;
      mark(clear, "urgent", tripped);
      mark(clear, "needless", known && !tripped); // out of sight, but its place stays: no button may move under a finger
    },
  };
}
