// The page Ledger: who commanded what, why, and what became of it.

import {get} from "./api.js";
import {clock, show, soon, table, why, word} from "./desk.js";
import {h, quantity, say, span} from "./dom.js";
import * as live from "./live.js";
import {stands} from "./shell.js";

const PERIODS = {"1h": 3600, "24h": 86400, "7d": 604800, "": 0};
const asked = new URLSearchParams(location.search);
const field = (name, text, control) => h("label", {class: "filter"}, text, Object.assign(control, {name}));
const input = (name, hint) => h("input", {type: "search", maxlength: 64, placeholder: hint, value: asked.get(name) ?? ""});
const select = (name, options) => h("select", {}, options.map(([value, text]) => h("option", {value, selected: (asked.get(name) ?? options[0][0]) === value}, text)));

const form = h("form", {class: "filters", role: "search"},
  field("stand", "Stand", select("stand", [["", "all"], ...stands.map((s) => [s, s])])),
  field("device", "Device", input("device", "hv1")),
  field("user", "Who", input("user", "name or client")),
  field("cmd", "Command", input("cmd", "set_voltage")),
  field("last", "Time", select("last", [["24h", "last 24 h"], ["1h", "last hour"], ["7d", "last 7 days"], ["", "all"]])),
  h("button", {type: "submit"}, "Show"));
const csv = h("a", {class: "csv"}, "CSV");
const note = h("p", {class: "dim", role: "status"});
const gap = h("p", {class: "warn-ink", role: "alert"});
const body = h("tbody", {});
const more = h("button", {type: "button", hidden: true}, "Older ones");
show(
  h("h1", {}, "Ledger"),
  h("p", {class: "dim"}, "Commands and KILLs of all stands, as the recorder has heard them on the bus. What devices really sent to instruments is in their own ledgers: trackerdcs ledger."),
  form, gap, note,
  table(["When", "Who", "Where", "What", "Why", "Result", "Took"], body), more, h("p", {}, csv));

let next = null;
let older = false; // somebody reads further down: what is new waits there

function query() {
  const params = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim() && name !== "last") params.set(name, value.trim());
  const seconds = PERIODS[form.elements.last.value];
  if (seconds) params.set("since", new Date(live.now() - seconds * 1000).toISOString());
  return params;
}

const killed = (c) => c.device === "kill"; // no device can have this name

function result(command) {
  if (killed(command)) {
    const owners = Object.entries(command.readback).map(([device, said]) => h("div", {}, `${device} ${said}`));
    if (!owners.length) return [word("unknown"), " no owner of a high voltage has said that it heard it"];
    return [word(command.state), ...owners];
  }
  if (!command.state) return [word("unknown"), " no answer was heard"];
  if (command.state === "accepted") return [word("accepted"), " its end was not heard yet"];
  return [word(command.state), command.why ? ` ${command.why}` : ""];
}

// "v_set=−50.00 V i_mon=−52.35 nA": numbers as on the page Stand, where the device says their units.
const values = (all, unit) => Object.entries(all).map(([name, value]) =>
  `${name}=${typeof value === "number" && unit(name) ? quantity(value, unit(name)) : typeof value === "object" ? JSON.stringify(value) : value}`).join(" ");

function what(c) {
  if (killed(c)) return [h("strong", {class: "bad-ink"}, "■ KILL"), " all high voltage of the stand"];
  if (c.cmd === "?") return h("span", {class: "dim"}, "a command that was not heard, only its answer");
  return h("strong", {}, c.cmd);
}

function row(c) {
  const channel = live.message(`${c.stand}/${c.device}/meta`)?.channels?.[c.channel];
  const args = values(c.args, (name) => channel?.commands?.[c.cmd]?.args?.[name]?.unit);
  const kill = killed(c);
  const back = kill ? "" : values(c.readback, (name) => channel?.quantities?.[name]?.unit);
  return h("tr", {"data-id": c.id, class: kill && "killed"},
    h("td", {}, clock(c.ts)),
    h("td", {}, h("strong", {}, c.who), c.who === c.user || c.user === "-" ? null : h("span", {class: "dim"}, ` by ${c.user}`)),
    h("td", {}, kill ? c.stand : `${c.stand}/${c.device}${c.channel === "-" ? "" : `/${c.channel}`}`),
    h("td", {}, what(c), ` ${args}`),
    h("td", {}, c.reason ?? ""),
    h("td", {}, result(c), back ? h("div", {class: "dim"}, `reads back ${back}`) : null),
    h("td", {class: "number"}, c.took === null ? "–" : c.took < 60 ? `${c.took.toFixed(c.took < 10 ? 1 : 0)} s` : span(c.took)));
}

async function read(address) {
  const added = Boolean(address);
  const params = query();
  csv.href = `/api/ledger?${new URLSearchParams([...params, ["limit", "1000"], ["format", "csv"]])}`;
  try {
    const page = await get(address ?? `/api/ledger?${params}`);
    const rows = page.commands.map(row);
    if (added) body.append(...rows);
    else body.replaceChildren(...rows);
    next = page.next;
    more.hidden = !next;
    say(note, body.children.length ? "" : "No command is known of this time.");
  } catch (error) {
    say(note, `Not read: ${why(error)}`);
  }
}

// What the recorder has not kept yet is missing here, and must not look as if nobody had done anything.
function look() {
  const status = live.message("site/recorder/status");
  const sites = [...live.topics()].some((topic) => topic.startsWith("site/")); // else it is not ours to know
  if (!live.connected() || !sites) return;
  if (!status) say(gap, "▲ No recorder is known: nobody keeps commands.");
  else if (status.state === "offline") say(gap, `▲ The recorder is offline since ${clock(new Date(status.since / 1e6).toISOString())}: what was commanded since then is not here yet.`);
  else if (status.state === "fault") say(gap, `▲ The recorder cannot keep what it hears, newer commands are not here yet: ${status.error ?? "it does not say why"}`);
  else if (live.age("site/recorder/status") > 30) say(gap, "▲ The recorder has said nothing for 30 s: newer commands may not be here yet.");
  else say(gap, status.error ? `▲ ${status.error}` : "");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  older = false;
  const kept = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", `?${kept}`);
  read();
});
more.addEventListener("click", () => {
  older = true;
  read(next);
});
const again = soon(() => read(), 800); // who keeps commands writes them a moment after the answer
const SHOWN = /\/(ack|event)$/;
let knowing = false; // the units come with what devices say of themselves
live.on((topics, passing) => {
  look();
  if (!knowing && live.connected()) {
    knowing = true;
    if (body.children.length) again();
  }
  if (!older && passing.some(([topic, , old]) => SHOWN.test(topic) && old < 5)) again();
});
read();
