// What has happened in the last minutes, what is wrong now, and which runs go on.

import {h, human, mark, say, span} from "./dom.js";
import * as live from "./live.js";

const KEPT_S = 900;
const MOST = 30;
const GUESS_PERCENT = 5; // before that, what is left is a guess from older runs
const GOING = new Set(["queued", "configuring", "running", "finalizing"]);
const WORDS = {raised: "NOW", acknowledged: "known", cleared: "over, but nobody has acknowledged it"};
const SIGNS = {raised: "⚠", acknowledged: "✓", cleared: "◇"};
const RANKS = {critical: 0, warning: 1, info: 2};

const SPEAKERS = new Set(["alarms", "guard"]); // their events name what they are about

export class Events {
  constructor(stand) {
    this.stand = stand;
    this.list = h("ol", {class: "events"});
    this.none = h("p", {class: "dim"}, "nothing in the last 15 minutes");
    this.element = h("section", {class: "card", "aria-label": `events of ${stand}`}, h("h2", {}, "Events of the last 15 minutes"), this.none, this.list);
    this.shown = []; // [at, element], the newest first
  }

  take(passing) {
    for (const [topic, event, old] of passing) {
      const [stand, device, leaf] = topic.split("/");
      if (leaf !== "event" || stand !== this.stand || old > KEPT_S) continue;
      const time = new Date(event.ts / 1e6).toISOString().slice(11, 19);
      const what = event.event.replaceAll("_", " ");
      const line = h("li", {}, h("time", {class: "dim"}, `${time} UTC `), SPEAKERS.has(device) ? null : h("b", {}, `${device}${event.ch && event.ch !== "-" ? ` ${event.ch}` : ""} `), what, event.why ? `: ${human(event.why)}` : "");
      this.shown.unshift([performance.now() - old * 1000, line]);
      this.list.prepend(line);
    }
    while (this.shown.length && (this.shown.length > MOST || performance.now() - this.shown.at(-1)[0] > KEPT_S * 1000)) this.shown.pop()[1].remove();
    this.none.hidden = this.shown.length > 0;
  }
}

// What needs a person comes before what is known; of the same weight what was first, which is nearer to the cause.
const rank = (alarm) => ["raised", "cleared", "acknowledged"].indexOf(alarm.state) * 10 + RANKS[alarm.severity];

// Alarms that are there, worst first: the page Alarms has the rest.
export class Alarms {
  constructor(stand) {
    this.stand = stand;
    this.element = h("ul", {class: "alarms-now", "aria-label": "alarms"});
    this.drawn = "";
  }

  draw() {
    const prefix = `${this.stand}/alarm/`;
    const there = [...live.topics()].filter((topic) => topic.startsWith(prefix))
      .map((topic) => [topic.slice(prefix.length), live.message(topic)])
      .filter(([, alarm]) => alarm.state in SIGNS)
      .sort(([, a], [, b]) => rank(a) - rank(b) || a.since - b.since);
    const lines = there.slice(0, 8).map(([name, alarm]) => {
      const known = alarm.state === "acknowledged" && alarm.by ? `known to ${alarm.by}` : WORDS[alarm.state];
      const todo = alarm.guidance && alarm.state !== "cleared" ? `. What to do: ${alarm.guidance}` : "";
      return `${SIGNS[alarm.state]} ${alarm.severity.toUpperCase()} ${name}${alarm.of ? ` (${alarm.of})` : ""}: ${known}${alarm.why ? `: ${human(alarm.why)}` : ""}${todo}`;
    });
    if (there.length > 8) lines.push(`and ${there.length - 8} more`);
    if (lines.join("\n") === this.drawn) return;
    this.drawn = lines.join("\n");
    this.element.replaceChildren(...lines.map((line) => h("li", {}, h("a", {href: "/alarms"}, line))));
  }
}

export class Runs {
  constructor(stand) {
    this.stand = stand;
    this.element = h("div", {class: "runs-now"});
    this.lines = new Map();
  }

  draw() {
    const prefix = `${this.stand}/run/`;
    const ids = [...live.topics()].filter((topic) => topic.startsWith(prefix)).map((topic) => topic.slice(prefix.length));
    for (const id of new Set([...this.lines.keys(), ...ids])) {
      const note = live.message(prefix + id);
      const going = note && GOING.has(note.state);
      if (!going) {
        this.lines.get(id)?.remove();
        this.lines.delete(id);
        continue;
      }
      if (!this.lines.has(id)) {
        this.lines.set(id, h("p", {class: "run"}));
        this.element.append(this.lines.get(id));
      }
      const left = note.left === undefined || note.left === null || note.percent < GUESS_PERCENT ? "" : `, about ${span(note.left)} left`;
      say(this.lines.get(id), `▶ ${note.device} ${note.state}: ${note.calibration} ${Math.round(note.percent ?? 0)} %${left}, ${(note.modules ?? []).join(", ")}`);
      mark(this.lines.get(id), "old", live.age(prefix + id) > 60);
    }
  }
}
