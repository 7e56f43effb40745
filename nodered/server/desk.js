// What the flows ask for: global.get("dcs"). The flows say what is wired to what, this says what it does.
'use strict';

const { Commands } = require('./commands.js');
const { Mirror } = require('./mirror.js');
const { People } = require('./people.js');
const { standing } = require('./rights.js');

class Desk {
    constructor({ login }) {
        this.people = new People(login);
        this.mirror = new Mirror();
        this.beats = 0;
        this.bus = false;
        this.commands = new Commands({
            people: this.people,
            metaOf: (stand, device) => this.mirror.meta(stand, device),
            beat: () => this.beats,
        });
    }

    /** A message of the broker -> the message for all pages, or null. */
    heard(msg) {
        const told = this.mirror.take(msg.topic, String(msg.payload), !!msg.retain);
        return told && { payload: { op: 'bus', ...told } };
    }

    /** The state of the connection to the broker, by the status of an MQTT node. */
    connection(msg) {
        this.bus = (msg.status || {}).fill === 'green';
        return this.beat();
    }

    /** Twice a second to all pages: a page that misses it says so. */
    beat() {
        this.beats += 1;
        return { payload: { op: 'beat', n: this.beats, bus: this.bus, login: this.people.reachable } };
    }

    /** What a page sent -> [message for the broker, message for pages]. */
    async asked(msg) {
        const socketId = (msg._client || {}).socketId, asked = msg.payload || {};
        if (asked.op === 'hello') return [null, this.#welcome(socketId)];
        if (asked.op !== 'command' && asked.op !== 'kill') return [null, null];
        const done = await this.commands.handle(socketId, asked);
        if (!done) return [null, null];
        const toPage = { payload: { op: 'answer', id: done.id, by: done.by, refused: done.refused }, _client: { socketId } };
        if (done.refused) return [null, toPage];
        if (!this.bus) {
            toPage.payload.refused = 'the broker is not connected; nothing was sent';
            return [null, toPage];
        }
        return [{ ...done.mqtt, qos: 1, retain: false }, toPage];
    }

    /** For the health check: the broker decides, an open port says little. */
    health() {
        return this.bus && this.beats > 0 ? { ok: true } : { ok: false, why: 'not connected to the broker' };
    }

    #welcome(socketId) {
        const { user, rights } = this.people.last(socketId) || {};
        const you = { user, rights, standing: standing(rights) };
        return { payload: { op: 'welcome', you, messages: this.mirror.snapshot(), n: this.beats, bus: this.bus }, _client: { socketId } };
    }
}

module.exports = { Desk };
