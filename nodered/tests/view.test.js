'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const fates = require('../src/fates.js');
const { Freshness, hear, fresh, age } = require('../src/freshness.js');
const { Model, take, pressedKill } = require('../src/model.js');
const { view } = require('../src/view.js');

const commands = { on: { role: 'shifter' }, off: {}, hold: {}, set_voltage: { args: { v: { type: 'number', unit: 'V', low: -800, high: 0 } } } };
const quantities = { v_set: { unit: 'V' }, v_mon: { unit: 'V' }, i_mon: { unit: 'A' }, on: { unit: '1' }, state: { unit: '' } };
const meta = { v: 1, kind: 'hv', period: 1, channels: { ch0: { quantities, commands, label: 'bias', module: 'm-1' } } };
const status = { v: 1, state: 'online' };

/** A page that has heard a device; `say` tells it more, `at` gives the view at a time. */
function page(boot = 'b') {
    const model = Model();
    let now = 100;
    const clock = () => ({ now, wall: now * 1000, connected: true });
    const bus = (topic, body, retained = false) => take(model, { op: 'bus', topic: `dcs/v1/s/${topic}`, body, retained }, clock());
    const beat = () => take(model, { op: 'beat', n: 1, bus: true, login: true }, clock());
    const frame = (seq, ch = { v_set: -100, v_mon: -99.97, i_mon: -1e-7, on: true, state: 'on' }, more = {}, retained = false) => (
        bus('hv1/frame', { v: 1, ts: now * 1e9, seq, boot, ch: { ch0: ch }, ...more }, retained));
    const shown = (later = 0, alive = true) => {
        now += later;
        if (alive) beat();
        return view(model, clock());
    };
    const channel = (later, alive) => shown(later, alive).stands[0].devices[0].channels[0];
    const device = (later, alive) => shown(later, alive).stands[0].devices[0];
    take(model, { op: 'welcome', you: { user: 'somebody', rights: { s: 'shifter' } }, messages: [], n: 0, bus: true }, clock());
    bus('hv1/meta', meta, true);
    bus('hv1/status', status);
    return { model, bus, frame, shown, channel, device, clock, beat };
}

test('set and measured are kept apart', () => {
    const p = page();
    p.frame(0);
    const c = p.channel();
    assert.deepEqual(c.measured.map((r) => r.quantity), ['v_mon', 'i_mon']);
    assert.deepEqual(c.set.map((r) => r.quantity), ['v_set']);
});

test('buttons are closed for whoever has rights elsewhere only, the way down is not', () => {
    const p = page();
    p.frame(0, { v_set: -100, v_mon: 0, on: false, state: 'off' });
    assert.equal(p.channel().buttons.on.closed, '');
    for (const rights of [{ other: 'admin' }, { 's/hv1/ch1': 'admin' }, { '': 'viewer' }, {}]) {
        p.model.you = { user: 'somebody', rights };
        assert.match(p.channel().buttons.on.closed, /needs the role shifter here/);
        assert.equal(p.channel().buttons.off.closed, '');
    }
    p.model.you = { user: 'somebody', rights: { 's/hv1/ch0': 'shifter' } };
    assert.equal(p.channel().buttons.on.closed, '');
});

test('a frame that the broker has kept is never fresh: waiting, then stale', () => {
    const p = page();
    p.frame(7, undefined, {}, true);
    assert.equal(p.device(0).mark, 'waiting');
    assert.match(p.channel(0).buttons.on.closed, /waiting/);
    assert.equal(p.device(3.1).mark, 'stale');
    p.frame(7); // the same frame live is news for who has only the kept one
    assert.equal(p.device(0).mark, 'fresh');
});

test('a repeated frame is no sign of life, nor is a kept one', () => {
    const p = page();
    p.frame(1);
    assert.equal(p.device(2.9).mark, 'fresh');
    p.frame(1);
    p.frame(1, undefined, {}, true);
    assert.equal(p.device(0.2).mark, 'stale');
    p.frame(2);
    assert.equal(p.device(0).mark, 'fresh');
});

test('a lag that has grown by three periods is stale although frames come', () => {
    const f = Freshness();
    for (let n = 0; n < 5; n += 1) hear(f, 'b', n, n, 100 + n);
    assert.ok(fresh(f, 1, 104));
    hear(f, 'b', 5, 5, 109);
    assert.ok(!fresh(f, 1, 109));
    assert.equal(age(f, 109), 4);
    hear(f, 'c', 0, 9, 110); // a new boot begins anew
    assert.ok(fresh(f, 1, 110));
});

test('offline is stale at once, whatever the frame says', () => {
    const p = page();
    p.frame(0);
    p.bus('hv1/status', { ...status, state: 'offline' });
    assert.equal(p.device(0).mark, 'stale');
    assert.equal(p.channel(0).buttons.off.closed, '');
});

test('a status that is not repeated for 30 s is silent', () => {
    const p = page();
    p.frame(0);
    p.shown(29);
    p.frame(1);
    assert.equal(p.device(0).state, 'online');
    p.shown(1.5);
    p.frame(2);
    assert.equal(p.device(0).state, 'silent');
    assert.match(p.channel(0).buttons.on.closed, /silent/);
});

test('without a beat for 2 s the whole page says so', () => {
    const p = page();
    p.frame(0);
    assert.equal(p.shown(0).problem, '');
    assert.match(p.shown(2.1, false).problem, /CONNECTION LOST/);
    assert.equal(p.device(0, false).mark, 'stale');
    take(p.model, { op: 'beat', n: 2, bus: false, login: true }, p.clock());
    assert.match(view(p.model, p.clock()).problem, /BROKER LOST/);
    take(p.model, { op: 'beat', n: 3, bus: true, login: true }, p.clock());
    const asleep = { ...p.clock(), wall: p.clock().wall + 60000 };
    assert.match(view(p.model, asleep).problem, /CONNECTION LOST/, 'a laptop that slept: only the wall clock knows');
});

test('bad is a dash with its reason, uncertain keeps its number with its reason', () => {
    const p = page();
    p.frame(0);
    p.frame(1, { v_set: -100, i_mon: -1e-7, state: 'on' }, { bad: { ch0: { v_mon: 'timeout' } }, unc: { ch0: { i_mon: 'overload' } } });
    const [volts, amps] = p.channel(0).measured;
    assert.deepEqual([volts.text, volts.quality, volts.reason], ['\u2014', 'bad', 'timeout']);
    assert.deepEqual([amps.text, amps.quality, amps.reason], ['\u2212100.0', 'uncertain', 'overload']);
});

test('an unreadable state is unknown, and a strange one is shown as it is', () => {
    const p = page();
    p.frame(0, { v_mon: 0 }, { bad: { ch0: { state: 'timeout' } } });
    assert.equal(p.channel(0).state.text, 'UNKNOWN');
    assert.match(p.channel(0).buttons.on.closed, /not known/);
    p.frame(1, { state: 'melting' });
    assert.equal(p.channel(0).state.text, 'melting');
});

test('voltage that is still there is said, whatever the switch says', () => {
    const p = page();
    p.frame(0, { v_set: 0, v_mon: -312, on: false, state: 'off' });
    assert.deepEqual(p.channel(0).warnings, ['voltage is still there']);
    p.frame(1, { v_set: 0, v_mon: -3, on: true, state: 'off' });
    assert.deepEqual(p.channel(0).warnings, ['the output switch says ON']);
});

test('on is asked with the target, and is closed unless the channel is off', () => {
    const p = page();
    p.frame(0, { v_set: -100, v_mon: 0, on: false, state: 'off' });
    assert.deepEqual([p.channel(0).target.v, p.channel(0).buttons.on.closed], ['\u2212100 V', '']);
    p.frame(1);
    assert.match(p.channel(0).buttons.on.closed, /already/);
    p.frame(2, { v_mon: 0, on: false, state: 'off' }, { bad: { ch0: { v_set: 'timeout' } } });
    assert.match(p.channel(0).buttons.on.closed, /set voltage is not known/);
});

test('a ramp says where it goes, not only its stage', () => {
    const p = page();
    p.bus('hv1/cmd/cli', { id: 'x', cmd: 'set_voltage', ch: 'ch0', args: { v: -800 } });
    p.bus('hv1/ack', { id: 'x', state: 'accepted' });
    p.frame(0, { v_set: -250, v_mon: -230, on: true, state: 'ramping_up' });
    assert.equal(p.channel(0).goal, 'goes to \u2212800 V');
    p.bus('hv1/cmd/cli', { id: 'y', cmd: 'off', ch: 'ch0' });
    p.bus('hv1/ack', { id: 'y', state: 'accepted' });
    p.frame(1, { v_set: -200, v_mon: -230, on: true, state: 'ramping_down' });
    assert.equal(p.channel(0.1).goal, 'goes to 0 V, then off');
});

test('fates: pending, unknown after a second of silence, late answers still count, the first final one stays', () => {
    const f = fates.Fates(), last = (now) => fates.ofChannel(f, 's', 'd', 'ch0', now)[0];
    fates.clicked(f, { id: 'a', stand: 's', device: 'd', ch: 'ch0', cmd: 'on' }, 'somebody', 10, 0);
    assert.equal(last(10.9).state, 'pending');
    assert.equal(last(11.1).state, 'unknown');
    fates.acknowledged(f, { id: 'a', state: 'accepted' }, 11.2);
    assert.equal(last(11.3).state, 'accepted');
    assert.equal(last(131).state, 'unknown');
    fates.acknowledged(f, { id: 'a', state: 'failed', why: 'killed' }, 12);
    fates.acknowledged(f, { id: 'a', state: 'done' }, 13);
    assert.deepEqual([last(14).state, last(14).why, last(14).who], ['failed', 'killed', 'somebody']);
});

test('by is believed from nodered and web only', () => {
    const f = fates.Fates();
    for (const item of ['cli', 'web']) fates.commanded(f, { stand: 's', device: 'd', item }, { id: item, cmd: 'off', ch: 'ch0', by: 'somebody' }, 1, 1);
    assert.deepEqual(fates.ofChannel(f, 's', 'd', 'ch0', 1).map((e) => e.who), ['somebody', 'cli']);
});

test('a kill is down only when fresh frames of every channel say so', () => {
    const p = page();
    p.frame(0);
    pressedKill(p.model, 's', 'k', p.clock());
    assert.equal(p.shown(0).stands[0].kill.state, 'going');
    assert.match(p.shown(1.6).stands[0].kill.text, /NO WORD FROM THE BROKER/);
    p.bus('kill/nodered', { id: 'k', by: 'somebody' });
    p.frame(1, { v_mon: -50, on: false, state: 'tripped' });
    assert.equal(p.shown(0).stands[0].kill.state, 'going', 'the switch is off, the voltage is not down');
    assert.deepEqual(p.shown(2).stands[0].kill.silent, ['hv1']);
    p.frame(2, { v_mon: -1, on: false, state: 'tripped' });
    assert.equal(p.shown(0).stands[0].kill.state, 'down');
    assert.equal(p.shown(5).stands[0].kill.state, 'going', 'what was seen is stale');
});

test('what was heard before a kill does not tell that all is off after it', () => {
    const p = page();
    p.frame(0, { v_mon: 0, on: false, state: 'off' });
    p.shown(0.5);
    p.bus('kill/web', { id: 'k' });
    assert.equal(p.shown(0).stands[0].kill.state, 'going');
    p.shown(0.5);
    p.frame(1, { v_mon: 0, on: false, state: 'tripped' });
    assert.equal(p.shown(0).stands[0].kill.state, 'down');
});

test('what is switched on after a kill is no rest of it, once its owner has seen all off', () => {
    const p = page();
    p.bus('kill/web', { id: 'k' });
    p.bus('hv1/event', { v: 1, event: 'killed', why: 'by web' });
    p.frame(0);
    assert.match(p.shown(0).stands[0].kill.text, /^1 of 1 high-voltage channels not yet seen off/);
    p.bus('hv1/event', { v: 1, event: 'kill_ended' });
    p.frame(1, { v_mon: 0, on: false, state: 'tripped' });
    assert.equal(p.shown(0).stands[0].kill.state, 'down');
    p.frame(2);
    const { state, text } = p.shown(0).stands[0].kill;
    assert.deepEqual([state, text], ['over', 'its owners saw all high voltage off; since then 1 of 1 high-voltage channels on again or not known']);
    p.bus('kill/web', { id: 'another' });
    assert.equal(p.shown(0).stands[0].kill.state, 'going');
});

test('interlocks: only live ones are ok, a silent guard is unknown', () => {
    const p = page();
    p.frame(0);
    const body = { v: 1, state: 'ok', seq: 1, boot: 'g' };
    p.bus('interlock/dry', body, true);
    assert.equal(p.shown(0).stands[0].interlocks[0].state, 'unknown');
    p.bus('interlock/dry', { ...body, seq: 2 });
    assert.equal(p.shown(0).stands[0].interlocks[0].state, 'ok');
    assert.match(p.shown(3.5).stands[0].interlocks[0].why, /silent/);
});
