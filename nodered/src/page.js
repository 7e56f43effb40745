// The page itself: draws what view.js says, and turns presses into requests to the server. Runs in the browser.
'use strict';

const buttons = require('./buttons.js');
const { components } = require('./parts.js');
const fates = require('./fates.js');
const { clock } = require('./format.js');
const { Model, take, pressedKill } = require('./model.js');
const { view } = require('./view.js');

const REDRAW_MS = 200;
const SERVICES = ['guard', 'loader', 'alarms', 'config', 'sim'];
const ORDER = ['hv', 'lv', 'env'];
const SAME_KILL_S = 2;

function uuid() {
    // crypto.randomUUID exists on https and localhost only; getRandomValues everywhere.
    const b = crypto.getRandomValues(new Uint8Array(16));
    b[6] = (b[6] & 15) | 64;
    b[8] = (b[8] & 63) | 128;
    const hex = [...b].map((x) => x.toString(16).padStart(2, '0')).join('');
    return [8, 13, 18, 23].reduce((text, at) => `${text.slice(0, at)}-${text.slice(at)}`, hex);
}

/** `socket` and `widget` are the dashboard's. Returns what ends it. */
function start(element, socket, widget) {
    const model = Model(), presses = new Map(), clickedKills = new Map();
    const time = () => ({ now: performance.now() / 1000, wall: Date.now(), connected: socket.connected });
    let app = null, soon = null;

    function redraw() {
        soon = null;
        if (app) app.v = view(model, time());
    }
    function redrawSoon() {
        soon ??= setTimeout(redraw, 20);
    }
    function emit(body) {
        socket.emit('widget-action', widget, { payload: { ...body, beat: model.beat ? model.beat.n : null } });
    }

    /** One command, once; a socket that is gone keeps nothing back for later. */
    function command(stand, device, ch, cmd, args = {}, reason = '') {
        const at = time();
        if (!buttons.first(presses, `${stand}/${device}/${ch}/${cmd}`, at.now)) return null;
        const asked = { id: uuid(), stand, device, ch, cmd, args, reason };
        fates.clicked(model.fates, asked, model.you.user, at.now, at.wall);
        if (view(model, at).link) emit({ op: 'command', ...asked });
        else fates.answered(model.fates, asked.id, null, 'NOT SENT: this page has no connection');
        redraw();
        return asked.id;
    }

    function kill(stand) {
        const at = time(), last = clickedKills.get(stand);
        // A double click is one kill: a second one would switch off without a ramp.
        const id = last && at.now - last.at < SAME_KILL_S ? last.id : uuid();
        clickedKills.set(stand, { id, at: at.now });
        pressedKill(model, stand, id, at);
        if (socket.connected) emit({ op: 'kill', id, stand });
        else model.kills.get(stand).refused = 'this page has no connection';
        redraw();
    }

    const root = {
        template: require('./page.html'),
        components,
        provide: { command, askOn: (channel) => app.askOn(channel) },
        data: () => ({ v: view(model, time()), only: '', ask: null, waited: false }),
        computed: {
            shown() { return this.v.stands.filter((s) => !this.only || s.name === this.only); },
            killable() { return this.v.stands.filter((s) => s.hv); },
            clock() { return this.v && clock(Date.now()); },
            /** The question, held against what is true now: what was read must be what is done. */
            asked() {
                const { ask } = this;
                if (!ask) return null;
                const channels = this.v.stands.flatMap((s) => s.devices).flatMap((d) => d.channels);
                const now = channels.find((c) => c.key === ask.key), measured = now && now.measured.find((r) => r.quantity === 'v_mon');
                const wrong = !now ? 'the channel is gone' : now.buttons.on.closed
                    || (now.target.v !== ask.target.v || now.target.i !== ask.target.i || now.module !== ask.module
                        ? 'it has changed meanwhile: cancel, and look again' : '');
                return { wrong, now: measured ? `${measured.text} ${measured.unit} ${measured.reason}` : 'not reported' };
            },
        },
        methods: {
            kill,
            at: clock,
            reload: () => window.location.reload(),
            instruments(s) {
                const rank = (d) => (ORDER.indexOf(d.kind) + ORDER.length + 1) % (ORDER.length + 1);
                return s.devices.filter((d) => !this.service(d)).sort((a, b) => rank(a) - rank(b));
            },
            services(s) { return s.devices.filter((d) => this.service(d)); },
            service: (d) => SERVICES.includes(d.kind) || SERVICES.includes(d.name),
            hide(stand) {
                model.kills.get(stand).hidden = true;
                redraw();
            },
            reset: (stand, interlock) => command(stand, 'guard', '-', 'reset', { interlock }),
            askOn(c) {
                this.ask = { key: c.key, stand: c.stand, device: c.device, ch: c.ch, label: c.label, module: c.module, target: c.target, reason: '' };
                this.$nextTick(() => this.$refs.cancel && this.$refs.cancel.focus());
            },
            confirm() {
                const { stand, device, ch, reason } = this.ask;
                this.ask = null;
                command(stand, device, ch, 'on', {}, reason);
            },
        },
    };

    const vue = window.Vue.createApp(root);
    // Not `on`: when the dashboard draws this widget anew, it takes away all listeners of that name, the new ones too.
    const onAny = (event, msg) => {
        if (event !== `msg-input:${widget}`) return;
        take(model, (msg || {}).payload || {}, time());
        redrawSoon();
    };
    const onEnded = (why) => {
        model.ended = why;
        redraw();
    };
    const hello = () => emit({ op: 'hello' });
    const escape = (event) => { if (event.key === 'Escape' && app) app.ask = null; };
    socket.onAny(onAny);
    socket.on('dcs-ended', onEnded);
    socket.on('connect', hello);
    socket.on('disconnect', redraw);
    document.addEventListener('keydown', escape);
    const timers = [setInterval(redraw, REDRAW_MS), setTimeout(() => { app.waited = true; }, 2500)];
    app = vue.mount(element);
    hello();
    return () => {
        timers.forEach(clearInterval);
        socket.offAny(onAny);
        for (const [name, f] of [['dcs-ended', onEnded], ['connect', hello], ['disconnect', redraw]]) socket.off(name, f);
        document.removeEventListener('keydown', escape);
        app = null;
        vue.unmount();
    };
}

module.exports = { start };
