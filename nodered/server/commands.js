// From a click to a message on the bus: who, whether it may be, and what exactly is sent. Decides; sends nothing itself.
'use strict';

const { roleAt, standing, suffices } = require('./rights.js');

const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DOWN = ['off', 'emergency_off', 'hold'];
const LIFE_MS = 5000;
const LATE_BEATS = 6;
const USER = 'nodered';
const KEPT = 1000;

/** ns UTC as text: a number of JavaScript cannot hold it. */
function ns(ms) {
    return (BigInt(Math.floor(ms * 1000)) * 1000n).toString();
}

/** A JSON object whose fields `ts` and `expires` are whole numbers of ns. */
function payload(fields, ts, expires) {
    const rest = JSON.stringify(fields);
    return `${rest.slice(0, -1)},"ts":${ts}${expires ? `,"expires":${expires}` : ''}}`;
}

class Refused extends Error {}

class Commands {
    /** `people` says who a socket is, `metaOf(stand, device)` what a device said of itself, `beat()` the newest beat. */
    constructor({ people, metaOf, beat, now = () => performance.timeOrigin + performance.now() }) {
        Object.assign(this, { people, metaOf, beat, now });
        this.seen = new Set();
    }

    /** -> {mqtt: {topic, payload}} or {refused: why}; both with `id` and `by`. A repeated id gives null. */
    async handle(socketId, asked) {
        const id = String((asked && asked.id) || '');
        try {
            if (!ID.test(id)) throw new Refused('the page sent no id');
            const kill = asked.op === 'kill';
            if (!kill && this.seen.has(id)) return null;
            this.#remember(id);
            const { who, certain, why } = await this.people.now(socketId);
            if (!who) throw new Refused(why);
            const safe = kill || DOWN.includes(asked.cmd);
            if (!certain && !safe) {
                throw new Refused(`${why}: who you are cannot be checked now; only KILL, off, emergency off and hold work`);
            }
            const mqtt = kill ? this.#kill(id, asked, who) : this.#command(id, asked, who, safe);
            return { id, by: who.user, mqtt };
        } catch (e) {
            if (!(e instanceof Refused)) throw e;
            return { id, refused: e.message };
        }
    }

    #command(id, asked, who, safe) {
        const { stand, device, ch, cmd, args, reason } = asked;
        if (![stand, device, cmd].every(name)) throw new Refused('stand, device or command is no name');
        if (ch !== '-' && !name(ch)) throw new Refused('channel is no name');
        const meta = this.metaOf(stand, device);
        const spec = (((meta || {}).channels || {})[ch] || {}).commands || {};
        if (!safe) {
            if (!Number.isInteger(asked.beat) || this.beat() - asked.beat > LATE_BEATS) {
                throw new Refused('the click arrived late; nothing was sent: look again, then repeat it');
            }
            if (!Object.hasOwn(spec, cmd)) throw new Refused(`${device} has not said that ${ch} knows ${cmd}`);
            const needed = spec[cmd].role || 'shifter';
            if (!suffices(roleAt(who.rights, stand, device, ch), needed)) {
                throw new Refused(`${cmd} needs the role ${needed} at ${stand}, ${who.user} is ${standing(who.rights)}`);
            }
        }
        const fields = { v: 1, id, cmd, ch, args: plain(args), by: who.user };
        if (text(reason)) fields.reason = text(reason);
        const ms = this.now();
        return {
            topic: `dcs/v1/${stand}/${device}/cmd/${USER}`,
            payload: payload(fields, ns(ms), ns(ms + LIFE_MS)),
        };
    }

    #kill(id, asked, who) {
        if (!name(asked.stand)) throw new Refused('stand is no name');
        const reason = `${who.user}${text(asked.reason) ? `: ${text(asked.reason)}` : ''}`;
        return {
            topic: `dcs/v1/${asked.stand}/kill/${USER}`,
            payload: payload({ id, by: who.user, reason }, ns(this.now())),
        };
    }

    #remember(id) {
        this.seen.add(id);
        if (this.seen.size > KEPT) this.seen.delete(this.seen.values().next().value);
    }
}

function name(value) {
    return typeof value === 'string' && NAME.test(value);
}

function text(value) {
    return typeof value === 'string' ? value.trim().slice(0, 200) : '';
}

/** Arguments: numbers and short texts only; anything else never leaves here. */
function plain(args) {
    const kept = {};
    for (const [key, value] of Object.entries(args || {})) {
        const fine = typeof value === 'number' ? Number.isFinite(value) : typeof value === 'string' && value.length <= 64;
        if (!name(key) || !fine) throw new Refused(`argument ${key}: expected a number or a short text`);
        kept[key] = value;
    }
    return kept;
}

module.exports = { Commands, ns };
