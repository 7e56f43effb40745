// Which button may be pressed now, and if not, why not. The way down is never closed.
'use strict';

const { suffices } = require('../server/rights.js');

const DOWN = ['off', 'emergency_off'];
/** A second press of the same button within this time is the same press: a double click is one command. */
const AGAIN_S = 0.7;

/**
 * `spec` of meta or undefined; `at`: {link, role, device: state text, fresh: mark}. -> '' if it may be pressed, else
 * the reason in words.
 */
function closed(cmd, spec, at) {
    if (DOWN.includes(cmd)) return '';
    if (!at.link) return 'no connection';
    if (!spec) return 'this device does not know it';
    if (at.device !== 'online' && at.device !== 'fault') return `the device is ${at.device}`;
    if (at.fresh !== 'fresh') return at.fresh === 'waiting' ? 'waiting for fresh data' : 'the values are stale';
    const needed = spec.role || 'shifter';
    if (!suffices(at.role, needed)) return `needs the role ${needed} here`;
    return '';
}

/** True for a press that is not the second half of a double click; notes it. */
function first(presses, button, now) {
    const before = presses.get(button);
    if (before !== undefined && now - before < AGAIN_S) return false;
    presses.set(button, now);
    return true;
}

module.exports = { closed, first, AGAIN_S, DOWN };
