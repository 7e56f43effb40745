// Is what a device said still true? By this computer's monotonic clock, and by live frames only.
'use strict';

const PERIODS = 3;
const HEARTBEAT_S = 10;
const SILENCE_S = 3 * HEARTBEAT_S;
const GUARD_SILENCE_S = 3;

/** Follows the frames of one device; all times in s. The same rules as trackerdcs/domain/freshness.py. */
function Freshness() {
    return { last: null, heard: null, leastLag: Infinity, lag: 0, ts: null };
}

/** Take note of a live frame; `ts` in s of the source, null if it cannot be believed. False: no news. */
function hear(f, boot, seq, ts, now) {
    if (f.last && f.last.boot === boot && seq <= f.last.seq) return false;
    if (!f.last || f.last.boot !== boot) Object.assign(f, { leastLag: Infinity, lag: 0, ts });
    f.last = { boot, seq };
    f.heard = now;
    if (ts !== null) {
        const before = behind(f), steady = f.ts !== null && ts >= f.ts;
        f.lag = now - ts;
        f.leastLag = steady ? Math.min(f.leastLag, f.lag) : f.lag - before;
    }
    f.ts = ts;
    return true;
}

/** Seconds by which the lag has grown since the first frames: what a queue on the way does. */
function behind(f) {
    return Math.max(0, f.lag - f.leastLag);
}

function fresh(f, period, now) {
    if (f.heard === null) return false;
    return now - f.heard <= PERIODS * period && behind(f) <= PERIODS * period;
}

/** Seconds since the last live frame was said; null without one. */
function age(f, now) {
    return f.heard === null ? null : now - f.heard + behind(f);
}

module.exports = { Freshness, hear, fresh, age, PERIODS, SILENCE_S, GUARD_SILENCE_S };
