// What became of each command, ours and those of others: pending, accepted, refused, done, failed, expired, unknown.
'use strict';

const ACK_S = 1;
const FINAL_S = 120;
const FINAL = ['refused', 'done', 'failed', 'expired'];
const KEPT = 200;

const SHOWN = {
    pending: { symbol: '\u2026', text: 'pending', tone: 'wait' },
    accepted: { symbol: '\u25b7', text: 'accepted', tone: 'wait' },
    done: { symbol: '\u2714', text: 'done', tone: 'good' },
    refused: { symbol: '\u2716', text: 'REFUSED', tone: 'bad' },
    failed: { symbol: '\u2716', text: 'FAILED', tone: 'bad' },
    expired: { symbol: '\u2716', text: 'EXPIRED', tone: 'bad' },
    unknown: { symbol: '?', text: 'UNKNOWN', tone: 'bad' },
};

function Fates() {
    return { byId: new Map() };
}

function keep(fates, entry) {
    fates.byId.set(entry.id, entry);
    if (fates.byId.size > KEPT) fates.byId.delete(fates.byId.keys().next().value);
    return entry;
}

/** A click of ours; `now` in s, `wall` in ms. */
function clicked(fates, asked, who, now, wall) {
    return keep(fates, { ...asked, who, at: now, wall, state: 'pending', why: '' });
}

/** What the server of this page answered: refused before anything was sent, or sent in whose name. */
function answered(fates, id, by, refused) {
    const entry = fates.byId.get(id);
    if (!entry) return;
    if (by) entry.who = by;
    if (refused) Object.assign(entry, { state: 'refused', why: refused });
}

/** A command seen on the bus: by us, or by somebody else. */
function commanded(fates, where, body, now, wall) {
    if (!body || typeof body.id !== 'string') return;
    const who = (where.item === 'nodered' || where.item === 'web') && body.by ? body.by : where.item;
    const known = fates.byId.get(body.id);
    if (known) {
        known.who = who;
        return;
    }
    const { stand, device } = where, { id, cmd, args } = body;
    keep(fates, { id, stand, device, ch: body.ch || '-', cmd, args: args || {}, who, at: now, wall, state: 'pending', why: '' });
}

function acknowledged(fates, body, now) {
    const entry = body && fates.byId.get(body.id);
    if (!entry || FINAL.includes(entry.state)) return;
    if (entry.state === 'accepted' && body.state === 'accepted') return;
    Object.assign(entry, { state: body.state, why: body.why || '', took: now - entry.at });
}

/** As it is to be shown now: silence is `unknown`, and never sent again by itself. */
function judged(entry, now) {
    const waited = now - entry.at;
    let { state, why } = entry;
    if (state === 'pending' && waited > ACK_S) {
        state = 'unknown';
        why = 'no answer in 1 s. It may have been carried out; it is not sent again by itself: look at the device first';
    } else if (state === 'accepted' && waited > FINAL_S) {
        state = 'unknown';
        why = 'accepted, but no final answer in 120 s: the device may still be at it';
    }
    return { ...entry, ...(SHOWN[state] || SHOWN.unknown), state, why };
}

/** The newest commands of a channel, newest first. */
function ofChannel(fates, stand, device, ch, now, most = 3) {
    const found = [...fates.byId.values()].filter((e) => e.stand === stand && e.device === device && e.ch === ch);
    return found.reverse().sort((a, b) => b.at - a.at).slice(0, most).map((entry) => judged(entry, now));
}

module.exports = { Fates, clicked, answered, commanded, acknowledged, judged, ofChannel, FINAL };
