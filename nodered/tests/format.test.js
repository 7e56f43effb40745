'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { number, exact, age, fieldUnit, NONE } = require('../src/format.js');

const shown = (value, unit, plus) => Object.values(number(value, unit, plus)).join(' ').trim();

test('voltages have two digits, a sign, and never another prefix', () => {
    assert.equal(shown(-800, 'V'), '\u2212800.00 V');
    assert.equal(shown(12.5, 'V'), '+12.50 V');
    assert.equal(shown(-0.004, 'V'), '0.00 V');
    assert.equal(shown(0.006, 'V'), '+0.01 V');
    assert.equal(shown(-0.006, 'V'), '\u22120.01 V');
});

test('currents get the prefix that puts 1 to 999 before the unit, down to nano', () => {
    assert.equal(shown(-1.2e-7, 'A'), '\u2212120.0 nA');
    assert.equal(shown(2e-5, 'A'), '+20.00 \u00b5A');
    assert.equal(shown(9.9996e-7, 'A'), '+1.000 \u00b5A');
    assert.equal(shown(0.999, 'A'), '+999.0 mA');
    assert.equal(shown(1.5, 'A'), '+1.500 A');
    assert.equal(shown(-6.7e-11, 'A'), '\u22120.067 nA');
    assert.equal(shown(0, 'A'), '0.000 A');
});

test('a size without a direction has no plus', () => {
    assert.equal(shown(40.4, '%', false), '40.4 %');
    assert.equal(shown(21.04, 'degC'), '+21.0 \u00b0C');
});

test('what is no number is a dash', () => {
    for (const value of [NaN, Infinity, null, undefined, '5', true]) assert.equal(number(value, 'V').text, NONE);
});

test('a target loses no digit', () => {
    assert.equal(exact(-100, 'V'), '\u2212100 V');
    assert.equal(exact(-99.955, 'V'), '\u221299.955 V');
    assert.equal(exact(1.25e-5, 'A'), '12.5 \u00b5A');
    assert.equal(exact(0, 'A'), '0 A');
});

test('a field is filled in in the unit of its largest value', () => {
    assert.deepEqual(fieldUnit('A', 2e-5), { letter: '\u00b5A', shift: 6 });
    assert.deepEqual(fieldUnit('A', 2), { letter: 'A', shift: 0 });
    assert.deepEqual(fieldUnit('V', 800), { letter: 'V', shift: 0 });
});

test('ages', () => {
    assert.deepEqual([0.44, 9.94, 75, 600, 90000, null].map(age), ['0.4 s', '9.9 s', '75 s', '10 min', '25 h', NONE]);
});
