// All that this page has heard, from the messages of the bus alone. Keeps; what it means is decided in view.js.
'use strict';

const fates = require('./fates.js');
const { Freshness, hear } = require('./freshness.js');

const EVENTS = 40;

function Model() {
    return {
        devices: new Map(), interlocks: new Map(), kills: new Map(), events: [], fates: fates.Fates(),
        you: {}, beat: null, bus: null, login: true, opened: null, ended: '',
    };
}

/** `dcs/v1/demo/hv1/frame` -> {stand, kind, device, item}. */
function parse(topic) {
    const [, , stand, second, third, fourth] = topic.split('/');
    if (second === 'interlock' || second === 'kill') return { stand, kind: second, item: third };
    return { stand, device: second, kind: third, item: fourth };
}

function deviceOf(model, stand, name) {
    const key = `${stand}/${name}`;
    if (!model.devices.has(key)) {
        model.devices.set(key, {
            stand, name, meta: null, status: null, statusHeard: null, frame: null, live: false, freshness: Freshness(),
        });
    }
    return model.devices.get(key);
}

/** A message of the server; `at`: {now: s monotonic, wall: ms}. */
function take(model, message, at) {
    const { op } = message;
    if (op === 'beat') {
        Object.assign(model, { beat: { n: message.n, heard: at.now, wall: at.wall }, bus: message.bus, login: message.login });
    } else if (op === 'welcome') {
        welcome(model, message, at);
    } else if (op === 'answer') {
        fates.answered(model.fates, message.id, message.by, message.refused);
        for (const kill of model.kills.values()) {
            if (kill.id === message.id) Object.assign(kill, message.refused ? { refused: message.refused } : { by: message.by });
        }
    } else if (op === 'bus') {
        heard(model, message, at);
    }
}

/** The page is new, or was cut off: what the server has kept is shown, and nothing of it is fresh. */
function welcome(model, message, at) {
    model.you = message.you;
    model.opened = at.now;
    model.bus = message.bus;
    for (const key of ['devices', 'interlocks']) model[key].clear();
    for (const one of message.messages) heard(model, one, at);
}

function heard(model, { topic, body, retained, ago = 0 }, at) {
    const where = parse(topic), then = { now: at.now - ago, wall: at.wall - ago * 1000 };
    switch (where.kind) {
    case 'kill': return killed(model, where, body, then);
    case 'interlock': return interlock(model, topic, where, body, retained, at);
    case 'cmd': return fates.commanded(model.fates, where, body, then.now, then.wall);
    case 'ack': return fates.acknowledged(model.fates, body, then.now);
    case 'event': return happened(model, where, body, then);
    case 'meta':
        if (body || model.devices.has(`${where.stand}/${where.device}`)) deviceOf(model, where.stand, where.device).meta = body;
        return undefined;
    case 'status': {
        const device = deviceOf(model, where.stand, where.device);
        device.status = body;
        device.statusHeard = at.now;
        return undefined;
    }
    case 'frame': return body && framed(deviceOf(model, where.stand, where.device), body, retained, at);
    default: return undefined;
    }
}

function framed(device, frame, retained, at) {
    const known = device.frame;
    if (known && known.boot === frame.boot && (frame.seq < known.seq || (frame.seq === known.seq && device.live))) return;
    if (retained && device.live) return; // the broker came back: what it kept is no news of a device that we hear
    if (!retained) {
        const doubtful = ((frame.unc || {})['-'] || {}).ts !== undefined;
        hear(device.freshness, frame.boot, frame.seq, doubtful ? null : frame.ts / 1e9, at.now);
    }
    device.frame = frame;
    device.live = !retained;
}

function interlock(model, topic, where, body, retained, at) {
    if (!body) {
        model.interlocks.delete(topic);
        return;
    }
    const known = model.interlocks.get(topic);
    const news = !retained && !(known && known.live && known.body.boot === body.boot && body.seq <= known.body.seq);
    if (retained && known && known.live) return;
    model.interlocks.set(topic, {
        stand: where.stand, name: where.item, body, live: news || !!(known && known.live),
        heard: news ? at.now : known ? known.heard : at.now,
    });
}

/** A kill seen on the bus: the broker has it. The same id is the same kill. */
function killed(model, where, body, at) {
    const said = body || {}, known = model.kills.get(where.stand);
    const same = known && said.id && known.id === said.id;
    const who = (where.item === 'nodered' || where.item === 'web') && said.by ? said.by : where.item;
    if (same) Object.assign(known, { by: who, echoed: true });
    else model.kills.set(where.stand, { id: said.id, stand: where.stand, by: who, ...at, echoed: true, heardBy: new Map() });
}

/** A KILL pressed here, before anybody has answered. */
function pressedKill(model, stand, id, at) {
    const known = model.kills.get(stand);
    if (known && known.id === id) return;
    model.kills.set(stand, { id, stand, by: model.you.user, ...at, echoed: false, heardBy: new Map() });
}

const KILL_EVENTS = ['killed', 'kill_emergency', 'kill_ended', 'kill_refused'];

function happened(model, where, body, at) {
    if (!body || typeof body.event !== 'string') return;
    model.events.unshift({ stand: where.stand, device: where.device, ...body, at: at.now, wall: at.wall });
    model.events.length = Math.min(model.events.length, EVENTS);
    const kill = model.kills.get(where.stand);
    if (kill && KILL_EVENTS.includes(body.event) && at.now >= kill.now - 1) kill.heardBy.set(where.device, body);
}

module.exports = { Model, take, pressedKill, parse };
