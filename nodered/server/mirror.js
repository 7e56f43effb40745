// What the broker has kept and what came since: a page that is opened gets it at once, marked as not fresh.
'use strict';

const KEPT = ['meta', 'status', 'frame', 'interlock'];
const RECENT = 60;

/** `dcs/v1/demo/hv1/frame` -> {stand, kind, device, item}; null for what the page does not show. */
function parse(topic) {
    const [dcs, v, stand, second, third, fourth, more] = topic.split('/');
    if (dcs !== 'dcs' || v !== 'v1' || more !== undefined || !third) return null;
    if (second === 'interlock' || second === 'kill') return fourth ? null : { stand, kind: second, item: third };
    if (third === 'cmd') return fourth ? { stand, device: second, kind: 'cmd', item: fourth } : null;
    return fourth ? null : { stand, device: second, kind: third };
}

class Mirror {
    constructor() {
        this.kept = new Map();
        this.recent = [];
    }

    /** Take note of a message; returns what the page is told of it, or null. */
    take(topic, text, retained) {
        const where = parse(topic);
        if (!where) return null;
        if (retained && !KEPT.includes(where.kind)) return null;
        let body = null;
        if (text) {
            try {
                body = JSON.parse(text);
            } catch {
                if (where.kind !== 'kill') return null;
            }
        }
        if (KEPT.includes(where.kind)) {
            if (!body || typeof body !== 'object') {
                if (text) return null;
                this.kept.delete(topic);
            } else {
                if (body.v !== 1) return null;
                this.kept.set(topic, body);
            }
        } else {
            this.recent.push({ topic, body, retained: false, heard: Date.now() });
            if (this.recent.length > RECENT) this.recent.shift();
        }
        return { topic, body, retained };
    }

    /** Frames and interlocks are told as retained, whatever they were when they came. */
    snapshot() {
        const now = Date.now();
        const old = this.recent.map((one) => ({ ...one, retained: true, ago: (now - one.heard) / 1000 }));
        return [...[...this.kept].map(([topic, body]) => ({ topic, body, retained: true })), ...old];
    }

    meta(stand, device) {
        return this.kept.get(`dcs/v1/${stand}/${device}/meta`);
    }
}

module.exports = { Mirror, parse };
