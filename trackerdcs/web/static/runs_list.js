// What goes on now, the start of a calibration, and all runs by module, calibration, state and time.

import {get} from "./api.js";
import {h, moment, say, span} from "./dom.js";
import * as live from "./live.js";
import {starters} from "./runs_start.js";
import {STATES, counted, lasted, modules, ns, number, rows, simulated, state} from "./run_words.js";
import {abortButton} from "./runs_abort.js";

const SILENT_S = 12; // a run that goes on is said every 5 s
const OVER = new Set(["done", "failed", "aborted"]);

export function list(main) {
  const now = h("section", {"aria-label": "runs now"});
  const start = h("section", {id: "start"});
  const filter = form();
  const table = h("div", {id: "runs"});
  const fault = h("p", {class: "bad", role: "alert", hidden: true});
  const more = h("button", {type: "button", hidden: true}, "Older ones");
  main.append(h("h1", {}, "Runs"), now, start, h("h2", {}, "All runs"), filter.element, fault, table, more);
  let all = [], next = null, asked = 0;

  async function load(address) {
    const mine = ++asked;
    try {
      const page = await get(address);
      if (mine !== asked) return;
      all = address.includes("after=") ? [...all, ...page.runs] : page.runs;
      next = page.next;
      fault.hidden = true;
      show();
    } catch (error) {
      if (mine !== asked) return;
      say(fault, `The runs are not to be had: ${error.message}`);
      fault.hidden = false;
    }
  }

  function show() {
    more.hidden = !next;
    table.replaceChildren(all.length ? rows(["calibration", "state", "modules", "start", "took", "channels, bad", "by", "why", "number"], all.map((run) => [
      h("span", {}, h("a", {href: `/runs/${run.id}`}, run.calibration || run.id), " ", simulated(run.sim)),
      h("span", {}, state(run.state), run.failure ? h("span", {title: run.failure.text}, ` ${run.failure.code}`) : ""),
      modules(run), moment(ns(run.start)), lasted(run), number(counted(run)), run.requested_by || (run.origin === "import" ? "imported" : ""), run.why, run.number === null ? "–" : String(run.number),
    ])) : h("p", {class: "dim"}, "No run is meant by this."));
  }

  filter.changed((address) => {
    history.replaceState(null, "", address ? `/runs?${address}` : "/runs");
    load(`/api/runs?limit=50&${address}`);
  });
  more.addEventListener("click", () => load(next));

  const cards = new Map();
  let states = "";
  live.on(() => {
    running(now, cards);
    starters(start, () => load(`/api/runs?limit=50&${filter.address()}`));
    const present = JSON.stringify(notes().map(([topic, note]) => [topic, note.state]));
    if (present !== states && states !== "") setTimeout(() => load(`/api/runs?limit=50&${filter.address()}`), 500);
    states = present;
  });
  filter.read();
}

const notes = () => [...live.topics()].filter((topic) => topic.split("/")[1] === "run").map((topic) => [topic, live.message(topic)]);

// One card a run that goes on, and the one that ended last.
function running(parent, cards) {
  const all = notes();
  const over = all.filter(([, note]) => OVER.has(note.state)).sort(([, a], [, b]) => b.since - a.since).slice(0, 1);
  const shown = [...all.filter(([, note]) => !OVER.has(note.state)), ...over];
  for (const [topic, card] of cards) {
    if (shown.some(([other]) => other === topic)) continue;
    card.element.remove();
    cards.delete(topic);
  }
  for (const [topic, note] of shown) {
    if (!cards.has(topic)) {
      cards.set(topic, makeCard(topic, note));
      parent.prepend(cards.get(topic).element);
    }
    cards.get(topic).say(note);
  }
}

function makeCard(topic, note) {
  const [stand, , id] = topic.split("/");
  const how = h("strong"), detail = h("p"), old = h("p", {class: "bad", role: "alert", hidden: true});
  const bar = h("progress", {max: 100, "aria-label": `progress of ${note.calibration}`});
  const stop = abortButton(stand, note.device);
  const element = h("article", {class: "card running"}, h("h2", {}, h("a", {href: `/runs/${id}`}, note.calibration), ` on ${stand} `, simulated(note.sim)), h("p", {}, how), bar, detail, old, stop);
  element.dataset.run = id;
  return {element, say(said) {
    const over = OVER.has(said.state);
    how.replaceChildren(state(said.state));
    element.dataset.state = said.state;
    bar.value = said.percent;
    const left = over ? "" : said.left === null || said.left === undefined ? ", nobody knows how long still" : `, about ${span(said.left)} left`;
    say(detail, `${Math.round(said.percent)} %${said.stages ? `, ${said.done} of ${said.stages} stages done` : ""}${said.stage ? `, now ${said.stage}` : ""}${left}. ${(said.modules ?? []).join(", ") || "No module named"}. ${said.by ? `Started by ${said.by}` : ""}${said.reason ? `: ${said.reason}` : ""}${said.why ? ` — ${said.why}` : ""}`);
    const age = live.age(topic);
    old.hidden = over || age < SILENT_S;
    say(old, old.hidden ? "" : `No word of this run for ${span(age)}: what is shown is old.`);
    stop.hidden = over;
  }};
}

function form() {
  const names = {module: "module", calibration: "calibration", since: "after (UTC)", until: "before (UTC)"};
  const fields = Object.fromEntries(Object.keys(names).map((name) => [name, h("input", {name, size: 16, maxlength: 100, autocomplete: "off", placeholder: /since|until/.test(name) ? "2026-05-29T14:00Z" : ""})]));
  const states = h("select", {name: "state"}, h("option", {value: ""}, "any"), STATES.map((name) => h("option", {value: name}, name)));
  const sim = h("select", {name: "sim"}, [["", "all"], ["false", "real ones"], ["true", "simulated ones"]].map(([value, text]) => h("option", {value}, text)));
  const all = {...fields, state: states, sim};
  const element = h("form", {class: "window"}, Object.entries(fields).map(([name, field]) => h("label", {}, `${names[name]} `, field)), h("label", {}, "state ", states), h("label", {}, "of ", sim), h("button", {class: "quiet"}, "Show"));
  let listener = () => {};
  const address = () => {
    const asked = new URLSearchParams();
    for (const [name, field] of Object.entries(all)) {
      const text = field.value.trim();
      if (text) asked.set(name, /since|until/.test(name) ? full(text) : text);
    }
    return asked.toString();
  };
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    listener(address());
  });
  for (const field of [states, sim]) field.addEventListener("change", () => listener(address()));
  return {element, address, changed: (call) => (listener = call), read() {
    for (const [name, value] of new URLSearchParams(location.search)) if (all[name]) all[name].value = value;
    listener(address());
  }};
}

// 2026-05-29 or 2026-05-29 14:00 is meant in UTC; anything else goes to the server as it is, which says what is wrong.
function full(text) {
  const found = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?)?Z?$/.exec(text);
  return found ? `${found[1]}T${found[2] ?? "00:00"}${found[3] ?? ":00"}Z` : text;
}
