'use strict';
const assert = require('node:assert/strict');
const http = require('node:http');
const { test } = require('node:test');
const { Commands, ns } = require('../server/commands.js');
const { merged, encrypt, decrypt } = require('../server/flows.js');
const { areaOf } = require('../server/gate.js');
const { Login } = require('../server/login.js');
const { Mirror } = require('../server/mirror.js');

const ID = '0d4c1c52-7d1b-4c5e-9b55-0e7f4f2f7a11';
const meta = { channels: { ch0: { commands: { on: { role: 'shifter' }, bypass: { role: 'expert' } } } } };

function desk(now = { who: { user: 'somebody', rights: { s: 'shifter', other: 'admin' } }, certain: true }) {
    return new Commands({ people: { now: async () => now }, metaOf: (s, d) => (d === 'hv1' ? meta : undefined), beat: () => 10, now: () => 1767225600123.25 });
}
const asked = (more) => ({ op: 'command', id: ID, stand: 's', device: 'hv1', ch: 'ch0', cmd: 'on', args: {}, beat: 9, ...more });

test('ns are whole numbers that JavaScript could not hold', async () => {
    assert.equal(ns(1767225600123.25), '1767225600123250000');
    const { mqtt } = await desk().handle('x', asked({ args: { v: -50 }, reason: ' first ' }));
    assert.equal(mqtt.topic, 'dcs/v1/s/hv1/cmd/nodered');
    assert.equal(mqtt.payload, `{"v":1,"id":"${ID}","cmd":"on","ch":"ch0","args":{"v":-50},"by":"somebody","reason":"first","ts":1767225600123250000,"expires":1767225605123250000}`);
});

test('a repeated id is sent once', async () => {
    const one = desk();
    assert.ok((await one.handle('x', asked())).mqtt);
    assert.equal(await one.handle('x', asked()), null);
});

test('refused: nobody, a role too low, a late click, what meta does not know, what is no name', async () => {
    const why = async (more, now) => (await desk(now).handle('x', asked(more))).refused;
    assert.match(await why({}, { who: null, why: 'your session has ended' }), /ended/);
    assert.match(await why({ cmd: 'bypass' }), /needs the role expert at s, somebody is admin at other, shifter at s/);
    assert.match(await why({ beat: 3 }), /late/);
    assert.match(await why({ beat: undefined }), /late/);
    assert.match(await why({ cmd: 'constructor' }), /has not said/);
    assert.match(await why({ device: 'hv1/cmd/web' }), /no name/);
    assert.match(await why({ stand: '+' }), /no name/);
    assert.match(await why({ args: { v: NaN } }), /expected a number/);
    assert.match(await why({ id: 'x' }), /no id/);
});

test('a command is judged by the rights at its own node', async () => {
    const sent = async (rights, more) => !!(await desk({ who: { user: 'somebody', rights }, certain: true }).handle('x', asked(more))).mqtt;
    assert.deepEqual(await Promise.all([
        sent({ '': 'shifter' }), sent({ s: 'shifter' }), sent({ 's/hv1': 'shifter' }), sent({ 's/hv1/ch0': 'shifter' }), sent({ 's/hv1/ch0': 'expert' }, { cmd: 'bypass' }),
    ]), [true, true, true, true, true]);
    assert.deepEqual(await Promise.all([
        sent({}), sent(undefined), sent({ other: 'admin' }), sent({ 's/hv2': 'admin' }), sent({ 's/hv1/ch1': 'admin' }), sent({ '': 'viewer', other: 'admin' }),
        sent({ s: 'shifter', other: 'expert' }, { cmd: 'bypass' }),
    ]), [false, false, false, false, false, false, false]);
    assert.ok(await sent({ other: 'shifter' }, { cmd: 'off' }), 'the way down is for whoever may use the page');
});

test('with a silent login service only the way down is left, in the name last verified', async () => {
    const unsure = { who: { user: 'somebody', rights: { s: 'shifter', other: 'admin' } }, certain: false, why: 'login service: ECONNREFUSED' };
    assert.match((await desk(unsure).handle('x', asked())).refused, /cannot be checked/);
    for (const more of [{ cmd: 'off' }, { cmd: 'hold' }, { cmd: 'emergency_off' }, { op: 'kill' }]) {
        assert.match((await desk(unsure).handle('x', asked(more))).mqtt.payload, /"by":"somebody"/);
    }
    assert.match((await desk({ who: null, why: 'no login' }).handle('x', asked({ op: 'kill' }))).refused, /no login/);
});

test('whatever is not known to be the control page needs the rights for the editor', () => {
    for (const path of ['/control', '/control/stands', '/control?x=1', '/ui', '/dashboard/x']) assert.equal(areaOf(path), 'control', path);
    for (const path of ['/nodered', '/NODERED', '//control', '/controls', '/', '/Control', 'http://x/control', '/lab']) assert.equal(areaOf(path), 'nodered', path);
});

test('a lab keeps its own nodes, ours are as shipped', () => {
    const ours = [{ id: 'dcs-a', v: 2 }], theirs = [{ id: 'dcs-a', v: 1 }, { id: 'dcs-gone' }, { id: 'lab1' }, { id: 'lab2', z: 'dcs-control' }];
    assert.deepEqual(merged(ours, theirs), [{ id: 'dcs-a', v: 2 }, { id: 'lab1' }]);
    assert.deepEqual(decrypt('s', encrypt('s', { a: { b: 'ü' } })), { a: { b: 'ü' } });
    assert.throws(() => decrypt('other', encrypt('s', { a: 1 })));
});

test('login: yes is kept for 2 s, no is not, silence and a 200 without a name are no yes', async (t) => {
    let status = 200, user = 'somebody', asks = 0, now = 0;
    const server = http.createServer((req, res) => {
        asks += 1;
        res.writeHead(status, user ? { 'x-webauth-user': user, 'x-webauth-role': 'admin', 'x-webauth-rights': '{"s":"shifter"}' } : {});
        res.end();
    });
    await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
    t.after(() => server.close());
    const login = new Login(`http://127.0.0.1:${server.address().port}/verify`, 2000, () => now);
    assert.deepEqual((await login.ask('c=1', 'control', { fresh: true })).rights, { s: 'shifter' });
    const state = async (options) => (await login.ask('c=1', 'control', options)).state;
    assert.equal(await state(), 'ok');
    status = 401;
    now = 1999;
    assert.equal(await state(), 'ok');
    assert.equal(asks, 1);
    assert.equal(await state({ fresh: true }), 'denied');
    assert.equal(await state(), 'denied');
    status = 200;
    user = '';
    assert.equal(await state(), 'denied');
    status = 503;
    assert.equal(await state(), 'down');
    server.close();
    server.closeAllConnections();
    assert.equal(await state(), 'down');
    assert.throws(() => login.ask('c', 'elsewhere'));
});

test('the mirror keeps what is retained and tells it as not fresh', () => {
    const mirror = new Mirror();
    assert.ok(mirror.take('dcs/v1/s/hv1/frame', '{"v":1,"seq":1}', false));
    assert.equal(mirror.snapshot()[0].retained, true);
    assert.equal(mirror.take('dcs/v1/s/hv1/frame', '{"v":2}', false), null);
    assert.equal(mirror.take('dcs/v1/s/hv1/frame', 'NaN', false), null);
    assert.equal(mirror.take('dcs/v1/s/hv1/ack', '{"v":1}', true), null, 'a retained ack is none');
    mirror.take('dcs/v1/s/hv1/frame', '', true);
    assert.deepEqual(mirror.snapshot(), []);
});
