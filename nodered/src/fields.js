// What a person types: a number in the unit beside the field, inside the limits of meta, or a reason why not.
'use strict';

const { exact, fieldUnit } = require('./format.js');

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;

/** Largest size that an argument can have: it decides the unit of its field. */
function largest(argument) {
    return Math.max(Math.abs(argument.low || 0), Math.abs(argument.high || 0));
}

function unitOf(argument) {
    return fieldUnit(argument.unit || '', largest(argument));
}

/** `-800 … 0 V`, as far as meta gives limits. */
function limits(argument) {
    const { letter } = unitOf(argument);
    const one = (value) => (value === null || value === undefined ? 'any' : scaled(value, argument));
    if ((argument.low ?? null) === null && (argument.high ?? null) === null) return letter;
    return `${one(argument.low)} \u2026 ${one(argument.high)} ${letter}`.trim();
}

function scaled(value, argument) {
    const { letter, shift } = unitOf(argument);
    return exact(Number((value * 10 ** shift).toPrecision(12)), letter).replace(letter, '').trim();
}

/** -> {value} in SI, {why} when it must not be sent, {} while the field is empty. */
function read(text, argument) {
    const typed = String(text ?? '').trim().replace(/^\u2212/, '-');
    if (!typed) return {};
    if (argument.type === 'text') {
        const most = argument.high || 64;
        return typed.length <= most ? { value: typed } : { why: `at most ${most} characters` };
    }
    if (typed.includes(',')) return { why: 'use a point, not a comma' };
    if (!NUMBER.test(typed)) return { why: 'not a number' };
    const { shift } = unitOf(argument);
    const [mantissa, exponent] = typed.toLowerCase().split('e');
    const value = Number(`${mantissa}e${Number(exponent || 0) - shift}`);
    if (!Number.isFinite(value)) return { why: 'not a number' };
    const { low = null, high = null } = argument;
    if ((low !== null && value < low) || (high !== null && value > high)) return { why: `outside ${limits(argument)}` };
    return { value };
}

module.exports = { read, limits, unitOf };
