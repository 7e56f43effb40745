// What every page of the console has: KILL of each stand, who is there, and the number of alarms.

import {Failed, get, post} from "./api.js";
import {h, mark, say} from "./dom.js";
import * as live from "./live.js";
import {unwatched} from "./watch.js";

const data = document.body.dataset;
export const me = {user: data.user, role: data.role};
export const stands = data.stands ? data.stands.split(" ") : [];
const ROLES = ["viewer", "shifter", "expert", "admin"];
export const may = (role) => ROLES.indexOf(me.role) >= ROLES.indexOf(role);

const KILL_MS = 6000; // the server needs at most 2.5 s
const FOLLOW_MS = 30000;
const INSTEAD = (stand) => `Use the hardware interlock, or: trackerdcs kill ${stand}`;

// What the owners of high voltage have said of the last kill, until each was seen off or nobody says more.
async function follow(stand, began, result) {
  while (performance.now() - began < FOLLOW_MS && Number(result.dataset.began) === began) {
    let owners;
    try {
      owners = (await get("/api/stands", KILL_MS)).find((each) => each.stand === stand).owners;
    } catch {
      return say(result, `KILL SENT, but the server does not say what became of it. ${INSTEAD(stand)}`);
    }
    const open = Object.entries(owners).filter(([, said]) => said === null || said.startsWith("REFUSES"));
    const words = Object.entries(owners).map(([device, said]) => `${device}: ${said ?? "NO ANSWER, not proven down"}`);
    mark(result, "bad", open.length);
    say(result, `KILL SENT${open.length ? ", NOT EVERY OWNER OBEYS" : ""} - ${words.join("; ") || "this stand has no high voltage"}`);
    if (Object.values(owners).every((said) => said === "every channel was seen off")) return;
    await new Promise((done) => setTimeout(done, 700));
  }
}

function killButton(stand) {
  const result = h("output", {role: "status"});
  const button = h("button", {class: "kill", type: "button", title: `brings all high voltage of ${stand} down, now`}, `KILL ${stand}`);
  button.addEventListener("click", async () => {
    const began = performance.now();
    result.dataset.began = began;
    mark(result, "bad", false);
    say(result, "sending KILL ...");
    try {
      await post(`/api/stands/${stand}/kill`, {reason: ""}, KILL_MS);
      await follow(stand, began, result);
    } catch (error) {
      const known = error instanceof Failed && error.status && error.body?.sent !== "unknown";
      mark(result, "bad", true);
      say(result, `${known ? "KILL NOT SENT" : "KILL: NOBODY KNOWS WHETHER IT WAS SENT"}: ${error.message}. ${INSTEAD(stand)}`);
    }
  });
  return h("span", {class: "kill-of"}, me.user ? button : h("a", {class: "kill", href: "/login?next=/"}, `log in to KILL ${stand}`), result);
}

function countAlarms() {
  const blind = live.connected() ? stands.filter(unwatched) : []; // without a server the whole page says that it is old
  const there = [...live.topics()].filter((t) => t.includes("/alarm/") && !blind.includes(t.split("/")[0])).map((t) => live.message(t));
  const open = there.filter((alarm) => ["raised", "cleared"].includes(alarm.state)).length;
  const known = there.filter((alarm) => alarm.state === "acknowledged").length;
  const words = []; // few: the badge must not push KILL out of its place, and what nobody watches has no number
  if (blind.length) words.push(`ALARMS NOT WATCHED${stands.length > 1 ? ` on ${blind.join(", ")}` : ""}`);
  if (open) words.push(`${open} ${open === 1 ? "needs" : "need"} you`);
  if (known) words.push(`${known} known`);
  const badge = document.getElementById("alarms");
  badge.hidden = !words.length;
  mark(badge, "unwatched", blind.length);
  mark(badge, "needs", open);
  badge.title = blind.map((stand) => `${stand}: ${unwatched(stand)}`).join("; ") || "alarms: those that need you, and those that somebody knows of";
  say(badge, `⚠ ${words.join(", ")}`);
}

document.getElementById("kill").replaceChildren(...stands.map(killButton));
live.on(countAlarms);
