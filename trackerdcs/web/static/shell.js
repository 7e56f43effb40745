// What every page of the console has: KILL of each stand, who is there, and the number of alarms.

import {Failed, post} from "./api.js";
import {h, say} from "./dom.js";
import * as live from "./live.js";

const data = document.body.dataset;
export const me = {user: data.user, role: data.role};
export const stands = data.stands ? data.stands.split(" ") : [];
const ROLES = ["viewer", "shifter", "expert", "admin"];
export const may = (role) => ROLES.indexOf(me.role) >= ROLES.indexOf(role);

function killButton(stand) {
  const result = h("output", {role: "status"});
  const button = h("button", {class: "kill", type: "button", title: `brings all high voltage of ${stand} down, now`}, `KILL ${stand}`);
  button.addEventListener("click", async () => {
    say(result, "sending KILL ...");
    try {
      const press = await post(`/api/stands/${stand}/kill`, {reason: ""});
      say(result, press.sent === "sent" ? "KILL SENT" : `KILL ${press.sent.toUpperCase()}: ${press.why}`);
    } catch (error) {
      const why = error instanceof Failed ? error.message : String(error);
      say(result, `KILL NOT SENT: ${why}. Use the hardware interlock, or: trackerdcs kill ${stand}`);
    }
  });
  return h("span", {class: "kill-of"}, me.user ? button : h("a", {class: "kill", href: "/login?next=/"}, `log in to KILL ${stand}`), result);
}

function countAlarms() {
  const there = [...live.topics()].filter((t) => t.includes("/alarm/")).map((t) => live.message(t));
  const open = there.filter((alarm) => ["raised", "cleared"].includes(alarm.state)).length;
  const known = there.filter((alarm) => alarm.state === "acknowledged").length;
  const badge = document.getElementById("alarms");
  badge.hidden = !open && !known;
  say(badge, `⚠ ${open} new, ${known} known`);
}

document.getElementById("kill").append(...stands.map(killButton));
live.on(countAlarms);
