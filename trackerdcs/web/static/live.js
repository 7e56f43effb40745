// What the stands say now. The page says so when it hears nothing: an old number must never look like a new one.

import {mark, say} from "./dom.js";

const SILENCE_MS = 2200; // the server speaks at least once a second
const RETRY_MS = [200, 500, 1000, 2000];
const ENDED = {4401: "your session has ended: log in again", 4403: "this page was opened under another name: reload it"};

const said = new Map(); // topic below the contract's root -> {message, at (performance.now() at which it was said), kept}
const listeners = new Set();
let stands = {}; // stand -> its broker is reached
let heard = -Infinity;
let offset = 0; // ms that the server's clock is ahead of ours
let socket = null;
let tries = 0;
let tried = -Infinity; // when the last connection was begun
let ended = "";
let changed = new Set();
let drawing = false;

// The newest message of a topic, `demo/hv1/frame`, or undefined.
export const message = (topic) => said.get(topic)?.message;
export const entry = (topic) => said.get(topic);
export const topics = () => said.keys();
// Seconds since a message was heard by the server; of one that the broker had kept, since it was said by its own time.
export function age(topic) {
  const one = said.get(topic);
  if (!one) return Infinity;
  const heard = (performance.now() - one.at) / 1000;
  return one.kept && one.message.ts ? Math.max(heard, (now() - one.message.ts / 1e6) / 1000) : heard;
}
export const reached = (stand) => connected() && Boolean(stands[stand]);
export const connected = () => !ended && performance.now() - heard < SILENCE_MS;
// The server's time, ms since 1970.
export const now = () => Date.now() + offset;

// The unit of `hv1.ch0.i_mon` or `env1.rh`, as the device says it; nothing for what is no quantity.
export function unitOf(stand, of) {
  const [device, ...rest] = of.split(".");
  const [ch, name] = rest.length > 1 ? rest : ["-", rest[0]];
  return message(`${stand}/${device}/meta`)?.channels?.[ch]?.quantities?.[name]?.unit ?? "";
}

// A frame is fresh when it came live within three of its device's periods, and nothing between is lost.
export function fresh(stand, device) {
  const topic = `${stand}/${device}/frame`;
  const period = message(`${stand}/${device}/meta`)?.period ?? 1;
  return reached(stand) && said.has(topic) && !said.get(topic).kept && age(topic) <= 3 * period;
}

// `listener(changed topics, passing messages [[topic, message, age in s]])`: after each batch, at most once a frame; and once a second.
export function on(listener) {
  listeners.add(listener);
}

let passing = [];
const passed = new Set(); // what has happened is told once, also where it comes again with the whole after a reconnection
const REMEMBERED = 1000;

function take(batch) {
  const at = performance.now();
  if (batch.whole) {
    for (const topic of said.keys()) changed.add(topic);
    said.clear();
  }
  stands = batch.stands;
  offset = batch.now / 1e6 - Date.now();
  for (const [topic, old, kept, message] of batch.said) {
    const leaf = topic.slice(topic.lastIndexOf("/") + 1);
    if (leaf === "ack" || leaf === "event") {
      const key = `${topic} ${message.ts} ${message.id ?? message.event} ${message.state ?? message.why ?? ""}`;
      if (passed.has(key)) continue;
      if (passed.size > REMEMBERED) passed.delete(passed.values().next().value);
      passed.add(key);
      passing.push([topic, message, old]);
      continue;
    }
    if (message === null) said.delete(topic);
    else said.set(topic, {message, at: at - old * 1000, kept});
    changed.add(topic);
  }
  heard = at;
  draw();
}

function draw() {
  if (drawing) return;
  drawing = true;
  const run = () => {
    drawing = false;
    const [topics, happened] = [changed, passing];
    changed = new Set();
    passing = [];
    for (const listener of listeners) {
      try {
        listener(topics, happened);
      } catch (error) {
        console.error(error); // one part of a page that breaks must not keep the others from being drawn
      }
    }
  };
  // A page in the background is not drawn, but must not pile up what it hears.
  if (document.hidden) run();
  else requestAnimationFrame(run);
}

function judge() {
  const banner = document.getElementById("lost");
  const down = Object.keys(stands).filter((stand) => !stands[stand]);
  let text = "";
  if (ended) text = `NOT LIVE: ${ended}`;
  else if (!connected()) {
    text = heard < 0 ? "NOT LIVE: waiting for the server" : `NOT LIVE: no word from the server for ${Math.round((performance.now() - heard) / 1000)} s. What is shown is old.`;
  } else if (down.length) text = `NO BROKER: ${down.join(", ")}. What is shown of it is old, and no command arrives.`;
  if (text) text += " To bring high voltage down: the hardware interlock, or trackerdcs kill STAND on the computer of the instruments.";
  say(banner, text);
  banner.hidden = !text;
  mark(banner, "unloaded", false);
  mark(document.body, "lost", !connected());
}

function connect() {
  if (ended) return;
  tried = performance.now();
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/live`);
  socket.onmessage = (event) => {
    tries = 0;
    take(JSON.parse(event.data));
    judge();
  };
  socket.onclose = (event) => {
    if (ENDED[event.code]) {
      ended = ENDED[event.code];
      judge();
      return;
    }
    setTimeout(connect, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
    if (tries > 1 && document.body.dataset.user) stillLoggedIn();
  };
}

// A gateway refuses a websocket before it has a code that a page could read.
async function stillLoggedIn() {
  try {
    const answer = await fetch("/api/me", {cache: "no-store", signal: AbortSignal.timeout(2000)});
    if (answer.status !== 401) return;
  } catch {
    return; // nobody answers: that is said already
  }
  ended = ENDED[4401];
  judge();
}

// A connection that has died without a word: half open sockets are not noticed by a browser for minutes.
function watch() {
  judge();
  draw(); // ages grow also when nothing comes
  if (ended || performance.now() - Math.max(heard, tried) < 2 * SILENCE_MS) return;
  socket.onmessage = socket.onclose = null; // a close of a dead connection is not answered either
  socket.close();
  connect();
}

connect();
judge();
setInterval(watch, 400);
