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
const body = h("tbody", {});
const more = h("button", {type: "button", hidden: true}, "Older ones");
show(
  h("h1", {}, "Ledger"),
  h("p", {class: "dim"}, "Commands, as the bridge of each stand's calibrations has heard them. KILL, and what devices do by themselves, is in their own ledgers: trackerdcs ledger."),
  form, note,
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

function result(command) {
  if (!command.state) return [word("unknown"), " no answer was heard"];
  if (command.state === "accepted") return [word("accepted"), " its end was not heard yet"];
  return [word(command.state), command.why ? ` ${command.why}` : ""];
}

// "v_set=−50.00 V i_mon=−52.35 nA": numbers as on the page Stand, where the device says their units.
const values = (all, unit) => Object.entries(all).map(([name, value]) =>
  `${name}=${typeof value === "number" && unit(name) ? quantity(value, unit(name)) : typeof value === "object" ? JSON.stringify(value) : value}`).join(" ");

function row(c) {
  const channel = live.message(`${c.stand}/${c.device}/meta`)?.channels?.[c.channel];
  const args = values(c.args, (name) => channel?.commands?.[c.cmd]?.args?.[name]?.unit);
  const back = values(c.readback, (name) => channel?.quantities?.[name]?.unit);
  return h("tr", {"data-id": c.id},
    h("td", {}, clock(c.ts)),
    h("td", {}, h("strong", {}, c.who), c.who === c.user ? null : h("span", {class: "dim"}, ` by ${c.user}`)),
    h("td", {}, `${c.stand}/${c.device}${c.channel === "-" ? "" : `/${c.channel}`}`),
    h("td", {}, h("strong", {}, c.cmd), ` ${args}`),
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
    say(note, body.children.length ? "" : "No command is known of this time: without a bridge, or while it was down, nobody kept them.");
  } catch (error) {
    say(note, `Not read: ${why(error)}`);
  }
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
let knowing = false; // the units come with what devices say of themselves
live.on((topics, passing) => {
  if (!knowing && live.connected()) {
    knowing = true;
    if (body.children.length) again();
  }
  if (!older && passing.some(([topic, , old]) => topic.endsWith("/ack") && old < 5)) again();
});
read();
