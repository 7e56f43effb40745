'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { read, limits } = require('../src/fields.js');
const { closed, first } = require('../src/buttons.js');

const volts = { type: 'number', unit: 'V', low: -800, high: 0 };
const amps = { type: 'number', unit: 'A', low: 0, high: 2e-5 };

test('what is typed becomes SI without rounding', () => {
    assert.deepEqual(read('-100', volts), { value: -100 });
    assert.deepEqual(read(' \u2212100.5 ', volts), { value: -100.5 });
    assert.deepEqual(read('20', amps), { value: 2e-5 });
    assert.deepEqual(read('12.3', amps), { value: 1.23e-5 });
    assert.deepEqual(read('1e1', amps), { value: 1e-5 });
    assert.deepEqual(read('', volts), {});
    assert.deepEqual(read(undefined, volts), {});
});

test('what must not be sent says why', () => {
    assert.match(read('-800.1', volts).why, /outside \u2212800 \u2026 0 V/);
    assert.match(read('100', volts).why, /outside/);
    assert.match(read('20.1', amps).why, /outside 0 \u2026 20 \u00b5A/);
    assert.match(read('1,5', volts).why, /point/);
    for (const bad of ['abc', '1 0', '--1', '1e', 'NaN', 'Infinity', '0x10', '1e999']) assert.ok(read(bad, { unit: 'V' }).why, bad);
});

test('limits in the unit of the field', () => {
    assert.equal(limits(volts), '\u2212800 \u2026 0 V');
    assert.equal(limits({ unit: 's', low: 1, high: null }), '1 \u2026 any s');
});

test('a button says why it is closed, and the way down never is', () => {
    const well = { link: true, role: 'shifter', device: 'online', fresh: 'fresh' };
    assert.equal(closed('on', {}, well), '');
    assert.equal(closed('on', {}, { ...well, device: 'fault' }), '');
    for (const [change, why] of [
        [{ link: false }, /connection/], [{ device: 'offline' }, /offline/], [{ device: 'silent' }, /silent/], [{ device: 'unknown' }, /unknown/],
        [{ fresh: 'stale' }, /stale/], [{ fresh: 'waiting' }, /waiting/], [{ fresh: 'none' }, /stale/], [{ role: undefined }, /role/],
    ]) assert.match(closed('on', {}, { ...well, ...change }), why);
    assert.match(closed('on', undefined, well), /does not know/);
    assert.match(closed('bypass', { role: 'expert' }, well), /role expert/);
    for (const cmd of ['off', 'emergency_off']) assert.equal(closed(cmd, undefined, { link: false, device: 'offline', fresh: 'none' }), '');
});

test('a double click is one press', () => {
    const presses = new Map();
    assert.deepEqual([10, 10.1, 10.5, 11.3].map((now) => first(presses, 'x', now)), [true, false, false, true]);
});
