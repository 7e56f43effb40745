// The page Alarms: what a person must see and has not seen comes first, and loudly, whether anybody watches at all.

import {get, post} from "./api.js";
import {ask, clock, keyed, setWord, show, soon, table, why, word} from "./desk.js";
import {h, human, mark, quantity, say, span} from "./dom.js";
import * as live from "./live.js";
import {may, stands} from "./shell.js";
import {SILENT_S, unwatched} from "./watch.js";

const SEVERITIES = ["critical", "warning", "info"];
const ORDER = ["raised", "cleared", "acknowledged", "not_evaluated", "shelved", "suppressed", "normal"];
const QUIET = new Set(["normal", "suppressed", "shelved"]);
const ANSWER_S = 10;
const sent = new Map(); // topic -> {id, at, text}: what was asked of an alarm, and what became of it

const groups = {
  new: {title: "Needs you", states: ["raised", "cleared"], none: "No alarm needs you."},
  known: {title: "Known, still there", states: ["acknowledged"], none: "None."},
  blind: {title: "Not evaluated: nobody knows whether these are there", states: ["not_evaluated"], none: "None."},
  shelved: {title: "Shelved: put aside by a person, for a while", states: ["shelved"], none: "None."},
  suppressed: {title: "Suppressed: another alarm or a condition covers them", states: ["suppressed"], none: "None.", closed: true},
  normal: {title: "Normal", states: ["normal"], none: "None.", closed: true},
};
const HEADS = ["Severity", "State", "Alarm", "Since", "What", "What to do", "Count", ""];

for (const group of Object.values(groups)) {
  group.body = h("tbody", {});
  group.head = h(group.closed ? "summary" : "h2", {});
  group.empty = h("p", {class: "dim"});
  group.table = table(HEADS, group.body);
  const inside = [group.head, group.empty, group.table];
  group.box = group.closed ? h("details", {class: "group"}, inside) : h("section", {class: "group"}, inside);
}
const banners = stands.map((stand) => ({stand, element: h("p", {class: "watch", role: "status"})}));
const story = h("tbody", {});
const nuisance = h("ol", {});
const storyNote = h("p", {class: "dim"});
show(
  h("h1", {}, "Alarms"),
  banners.map((b) => b.element),
  may("shifter") ? null : h("p", {class: "dim"}, "Acknowledging and shelving need the role shifter: log in as one."),
  Object.values(groups).map((group) => group.box),
  h("section", {class: "group"}, h("h2", {}, "Raised most often in the last 24 h"), nuisance),
  h("section", {class: "story"}, h("h2", {}, "The last 24 h"), storyNote, table(["When", "Alarm", "Became", "What", "By"], story)),
);

function send(topic, cmd, args, doing) {
  const [stand, , alarm] = topic.split("/");
  return async (form) => {
    const comment = (form.get("comment") ?? "").trim();
    const whole = {alarm, ...args(form), ...(comment && cmd !== "unshelve" ? {comment} : {})};
    const id = crypto.randomUUID();
    sent.set(topic, {id, at: performance.now(), text: `… ${doing}, waiting for the answer`});
    draw();
    try {
      const answer = await post(`/api/stands/${stand}/devices/alarms/commands`, {cmd, args: whole, reason: comment, id});
      if (["refused", "failed", "expired"].includes(answer?.state)) throw new Error(answer.why ?? answer.state);
      if (answer?.state === "unknown") throw new Error(`nobody knows whether it was done: ${answer.why}`);
      if (answer?.state === "done") told(id, answer);
    } catch (error) {
      sent.delete(topic);
      draw();
      throw error;
    }
  };
}

// What has become of something that was asked, by the answer or from the bus.
function told(id, {state, why: reason}) {
  for (const asked of sent.values()) {
    if (asked.id !== id || state === "accepted") continue;
    asked.ended = performance.now();
    asked.text = state === "done" ? "✓ done" : `✖ ${state}: ${reason ?? ""}`;
  }
}

const comment = (needed) =>
  h("label", {class: "field"}, needed ? "Comment: why" : "Comment", h("textarea", {name: "comment", rows: 2, maxlength: 200, required: needed, autofocus: true}));

// What was shown when the button was pressed: what is raised while somebody writes a comment is not acknowledged with it.
function seen(topic) {
  const raised = live.message(topic)?.raised;
  const known = live.message(`${topic.split("/")[0]}/alarms/meta`)?.channels?.["-"]?.commands?.ack?.args?.raised;
  return () => (raised && known ? {raised} : {});
}

const ACTIONS = {
  ack: (topic, name) => ask(`Acknowledge ${name}`, comment(false), "Acknowledge", send(topic, "ack", seen(topic), "acknowledging")),
  shelve: (topic, name) =>
    ask(`Shelve ${name}: it is out of sight until then`, [
      h("label", {class: "field"}, "For", h("select", {name: "minutes"}, [[15, "15 minutes"], [60, "1 hour"], [240, "4 hours"], [480, "8 hours"], [1440, "24 hours"]].map(([n, text]) => h("option", {value: n, selected: n === 60}, text)))),
      comment(true),
    ], "Shelve", send(topic, "shelve", (form) => ({minutes: Number(form.get("minutes"))}), "shelving")),
  unshelve: (topic, name) => ask(`Bring ${name} back`, [], "Unshelve", send(topic, "unshelve", () => ({}), "bringing back")),
};

function makeRow({topic}) {
  const [stand, , name] = topic.split("/");
  const at = {};
  const cell = (key, ...inside) => (at[key] = h("td", {}, ...inside));
  at.severity = h("span");
  at.state = h("span");
  at.of = h("div", {class: "dim"});
  at.note = h("div", {class: "dim"});
  at.value = h("div");
  at.why = h("div");
  at.result = h("output", {role: "status"});
  const button = (cmd, text) => (at[cmd] = h("button", {type: "button", class: cmd === "ack" ? "primary" : "quiet", onclick: () => ACTIONS[cmd](topic, name)}, text));
  const buttons = may("shifter") ? [button("ack", "Acknowledge"), button("shelve", "Shelve"), button("unshelve", "Unshelve")] : [];
  const row = h("tr", {"data-alarm": name},
    h("td", {}, at.severity), h("td", {}, at.state), h("td", {}, h("strong", {}, name), at.of),
    cell("since"), h("td", {}, at.value, at.why, at.note), cell("guidance"), cell("count"),
    h("td", {class: "actions"}, buttons, at.result));
  at.count.classList.add("number");
  at.stand = stand;
  row.parts = at;
  return row;
}

function fillRow(row, {topic, alarm}) {
  const at = row.parts;
  setWord(at.severity, alarm.severity);
  if (QUIET.has(alarm.state)) at.severity.className = "word dim"; // the weight that it would have, not what it has
  setWord(at.state, alarm.state);
  row.className = `severity-${alarm.severity} state-${alarm.state}`;
  say(at.of, stands.length > 1 ? `${at.stand} · ${alarm.of ?? ""}` : alarm.of || "the whole stand");
  const since = alarm.since / 1e6;
  say(at.since, `${span((live.now() - since) / 1000)}\n${new Date(since).toISOString().slice(5, 19).replace("T", " ")} UTC`);
  say(at.value, alarm.value === undefined || alarm.value === null ? "" : quantity(alarm.value, live.unitOf(at.stand, alarm.of ?? "")));
  say(at.why, human(alarm.why ?? ""));
  const notes = [];
  if (alarm.by) notes.push(`${alarm.state === "shelved" ? "shelved" : "acknowledged"} by ${alarm.by}${alarm.comment ? `: ${alarm.comment}` : ""}`);
  if (alarm.until) notes.push(`comes back in ${span((alarm.until / 1e6 - live.now()) / 1000)}`);
  const old = live.age(topic);
  if (old > 2 * SILENT_S) notes.push(`OLD: last said ${span(old)} ago`);
  say(at.note, notes.join(" · "));
  say(at.guidance, alarm.guidance ?? "");
  say(at.count, alarm.count ? `${alarm.count}×` : "");
  const asked = sent.get(topic);
  const pending = asked && !asked.ended;
  if (pending && performance.now() - asked.at > ANSWER_S * 1000) asked.text = "? no answer: nobody knows whether it was done";
  if (asked?.ended && performance.now() - asked.ended > 8000) sent.delete(topic);
  say(at.result, sent.get(topic)?.text ?? "");
  if (!at.ack) return;
  const waiting = pending && performance.now() - asked.at <= ANSWER_S * 1000;
  at.ack.hidden = !["raised", "cleared"].includes(alarm.state);
  at.shelve.hidden = alarm.state === "shelved";
  at.unshelve.hidden = alarm.state !== "shelved";
  for (const button of [at.ack, at.shelve, at.unshelve]) button.disabled = Boolean(waiting);
}

function draw() {
  const blind = banners.map(({stand, element}) => {
    const reason = unwatched(stand);
    say(element, reason ? `ALARMS ARE NOT WATCHED on ${stand}: ${reason}. What is shown below is old. Watch the values yourself: page Stand.` : `✓ The alarms of ${stand} are watched.`);
    mark(element, "unwatched", reason);
    return reason;
  }).filter(Boolean);
  const alarms = [...live.topics()].filter((t) => t.split("/")[1] === "alarm").map((topic) => ({topic, alarm: live.message(topic)}));
  const rank = ({alarm}) => SEVERITIES.indexOf(alarm.severity) * 10 + ORDER.indexOf(alarm.state);
  for (const [name, group] of Object.entries(groups)) {
    const mine = alarms.filter(({alarm}) => group.states.includes(alarm.state));
    mine.sort((a, b) => rank(a) - rank(b) || b.alarm.since - a.alarm.since || (a.topic < b.topic ? -1 : 1));
    say(group.head, `${group.title}: ${mine.length}`);
    group.table.hidden = !mine.length;
    group.empty.hidden = Boolean(mine.length);
    say(group.empty, name === "new" && blind.length ? "Nobody knows: alarms are not watched." : group.none);
    if (name !== "new") group.box.hidden = !mine.length;
    keyed(group.body, mine, (each) => each.topic, makeRow, fillRow);
  }
  mark(document.getElementById("main"), "blind", blind.length);
}

async function read() {
  try {
    const told = await get("/api/alarms/history?last=24h&limit=50");
    nuisance.replaceChildren(...told.nuisances.map((n) => h("li", {}, h("strong", {}, n.alarm), ` raised ${n.raised} ${n.raised === 1 ? "time" : "times"}, last ${clock(n.last)}`)));
    if (!told.nuisances.length) nuisance.replaceChildren(h("p", {class: "dim"}, "None was raised."));
    story.replaceChildren(...told.story.map((each) => h("tr", {}, h("td", {}, clock(each.ts)), h("td", {}, each.alarm), h("td", {}, word(each.state)), h("td", {}, each.why), h("td", {}, [each.by, each.comment].filter(Boolean).join(": ")))));
    say(storyNote, told.left_out ? `The newest 50; ${told.left_out} more: /api/alarms/history` : told.story.length ? "" : "Nothing is stored of this time.");
  } catch (error) {
    say(storyNote, `What has been is not known: ${why(error)}`);
  }
}

const again = soon(read, 1500); // events reach the database a moment after this page
live.on((topics, passing) => {
  for (const [topic, message, old] of passing) {
    if (topic.endsWith("/alarms/event") && old < 5) again();
    if (topic.endsWith("/alarms/ack")) told(message.id, message);
  }
  draw();
});
read();
setInterval(read, 60000);
