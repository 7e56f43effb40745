// The page Health: is everything well, and if not, what is not.

import {get} from "./api.js";
import {bytes, clock, keyed, setWord, show, soon, table, why} from "./desk.js";
import {h, mark, say, span} from "./dom.js";
import * as live from "./live.js";
import "./shell.js";

const AGAIN_MS = 4000;
const verdict = h("p", {class: "verdict", role: "status"}, "asking ...");
const list = h("ul", {class: "findings"});
const bodies = {parts: h("tbody", {id: "parts"}), loaders: h("tbody", {}), sources: h("tbody", {}), places: h("tbody", {}), journals: h("tbody", {})};
show(
  h("h1", {}, "Health"), verdict, list,
  h("h2", {}, "Devices and services"),
  table(["", "Name", "What", "State", "Since", "Last word", "Last values", "Clock", "Version", "What is wrong"], bodies.parts),
  h("h2", {}, "Loaders: what is in the database"),
  table(["", "Loader", "Received", "Stored", "Not storable", "Waiting", "Spool", "Database behind by", "What is wrong"], bodies.loaders),
  h("details", {}, h("summary", {}, "By source"), table(["Source", "Stored", "Behind by", ""], bodies.sources)),
  h("h2", {}, "Data folders"),
  table(["", "Stand", "Disk free", "Dead letters", "What is wrong"], bodies.places),
  h("details", {}, h("summary", {}, "Journals, and frames that are missing (24 h)"),
    table(["Device", "Waiting in the journal", "Missing", "Lost", "Parked", "On their way"], bodies.journals)));

const count = (n) => (n === null || n === undefined ? "–" : String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, "\u202f"));
const seconds = (s) => (s === null || s === undefined ? "–" : s < 10 ? `${s.toFixed(1)} s` : span(s));
const off = (s) => (s === null || s === undefined ? "–" : Math.abs(s) < 0.1 ? "right" : `${Math.abs(s).toFixed(1)} s ${s > 0 ? "ahead" : "behind"}`);

// Cells by the texts that they have; the first is a word with its sign.
function fill(body, items, key, texts) {
  keyed(body, items, key, (item) => h("tr", {"data-key": key(item)}, texts(item).map(() => h("td", {}))), (row, item) => {
    row.className = item.level ? `level-${item.level}` : "";
    texts(item).forEach((text, i) => (i === 0 && item.level ? setWord(row.cells[0], text) : say(row.cells[i], text)));
  });
}

function draw(said) {
  const bad = said.faults.length, watch = said.watch.length;
  setWord(verdict, bad ? "fault" : watch ? "watch" : "well");
  say(verdict, bad ? `✖ NOT WELL: ${bad} ${bad === 1 ? "fault" : "faults"}` : watch ? `▲ Running, ${watch} to look at` : "✓ Everything is well");
  verdict.classList.add("verdict");
  mark(verdict, "is-bad", bad);
  list.replaceChildren(...said.faults.map((text) => h("li", {class: "bad"}, text)), ...said.watch.map((text) => h("li", {}, `▲ ${text}`)));
  const rank = (each) => ["fault", "watch", "well"].indexOf(each.level);
  const parts = said.parts.map((part, i) => ({part, i})).sort((a, b) => rank(a.part) - rank(b.part) || a.i - b.i).map(({part}) => part);
  fill(bodies.parts, parts, (p) => `${p.stand}/${p.name}`, (p) => [
    p.level, `${p.stand}/${p.name}`, p.role + (p.sim ? " (simulated)" : ""), p.state, clock(p.since), seconds(p.said),
    p.measures ? seconds(p.values) : "–", off(p.ahead), p.version ?? "–", p.findings.join("; ")]);
  fill(bodies.loaders, said.loaders, (l) => l.name, (l) => [
    l.level, l.name, count(l.received), count(l.stored), count(l.parked), count(l.waiting), bytes(l.spool_bytes), seconds(l.lag), l.findings.join("; ")]);
  const sources = said.loaders.flatMap((loader) => loader.sources.map((s) => ({...s, key: `${loader.name} ${s.source}`})));
  fill(bodies.sources, sources, (s) => s.key, (s) => [s.source, count(s.stored), seconds(s.lag), s.doubt ?? ""]);
  fill(bodies.places, said.places, (p) => p.stand, (p) => [
    p.level, p.stand, p.free === null ? "not known" : `${bytes(p.free)} of ${bytes(p.total)}`,
    Object.entries(p.letters).map(([loader, n]) => `${loader}: ${n}`).join(", ") || "–", [...p.findings, ...p.why].join("; ")]);
  const devices = said.places.flatMap((place) => {
    const gaps = new Map(place.gaps.map((gap) => [gap.device, gap]));
    return [...new Set([...Object.keys(place.journals), ...gaps.keys()])].map((device) => ({name: `${place.stand}/${device}`, waiting: place.journals[device], gap: gaps.get(device)}));
  });
  fill(bodies.journals, devices, (d) => d.name, (d) => [d.name, count(d.waiting), count(d.gap?.missing), count(d.gap?.lost), count(d.gap?.parked), count(d.gap?.underway)]);
}

let asking = false;
async function read() {
  if (asking || document.hidden) return;
  asking = true;
  try {
    draw(await get("/api/health"));
    mark(document.getElementById("main"), "old", false);
  } catch (error) {
    say(verdict, `✖ NOT KNOWN: ${why(error)}. What is below is old.`);
    verdict.className = "verdict word bad-ink is-bad";
    mark(document.getElementById("main"), "old", true);
  }
  asking = false;
}

const again = soon(read, 300);
let states = new Map();
live.on((topics) => {
  for (const topic of topics) {
    if (!topic.endsWith("/status")) continue;
    const state = live.message(topic)?.state;
    if (states.get(topic) !== state) again(); // a heartbeat alone is no news
    states.set(topic, state);
  }
});
read();
setInterval(read, AGAIN_MS);
document.addEventListener("visibilitychange", read);
