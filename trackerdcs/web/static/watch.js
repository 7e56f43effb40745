// Does anybody watch the alarms of a stand? Said on every page: no alarm means nothing where nobody looks.

import {span} from "./dom.js";
import * as live from "./live.js";

export const SILENT_S = 30; // three heartbeats of a service

// Why the alarms of a stand are not watched; "" when they are.
export function unwatched(stand) {
  const topic = `${stand}/alarms/status`;
  const entry = live.entry(topic);
  if (!live.connected()) return "this page hears nothing from the server";
  if (!live.reached(stand)) return "its broker does not answer";
  if (!entry) return "no alarm service has ever spoken";
  const {state, error} = entry.message;
  if (state === "offline") return `the alarm service is gone${error ? ` (${error})` : ""}`;
  const silence = live.age(topic);
  if (silence > SILENT_S) return `no word from the alarm service for ${span(silence)}`;
  if (state !== "online") return `the alarm service says: ${error ?? state}`;
  return "";
}
