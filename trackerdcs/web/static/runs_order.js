// A command to a bridge, sent once; what became of it as {state, why}, never an exception.

import {Failed, post} from "./api.js";

const START_MS = 60_000; // a program that starts speaks within seconds, a busy disk or not

// An id of this press: sent again it would be the same command. No crypto.randomUUID: pages without TLS do not have it.
const fresh = () => `c-${[...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;

export async function order(stand, device, cmd, args, reason) {
  try {
    return await post(`/api/stands/${stand}/devices/${device}/commands?wait=done`, {cmd, ch: "-", args, reason: reason || null, id: fresh()}, START_MS);
  } catch (error) {
    const why = error instanceof Failed ? error.message : String(error);
    return {state: error.status === 0 ? "unknown" : "refused", why: error.status === 0 ? `${why}: look at the list of runs whether it has begun` : why, readback: {}};
  }
}
