// Numbers as a person reads them in the dark: fixed digits, the sign always there, one unit, never an exponent.
'use strict';

const MINUS = '\u2212', NONE = '\u2014';
const PREFIXES = [['', 1], ['m', 1e-3], ['\u00b5', 1e-6], ['n', 1e-9]];
const SHOWN_UNIT = { degC: '\u00b0C', 1: '', '1/s': '/s' };
const DIGITS = { V: 2, 'V/s': 1, degC: 1, '%': 1, W: 2, s: 0, B: 0, 1: 0 };

/** With its sign: a true minus, a plus, and nothing in front of what is zero at this resolution. */
function signed(value, digits, plus = true) {
    const text = Math.abs(value).toFixed(digits);
    if (Number(text) === 0) return text;
    return (value < 0 ? MINUS : plus ? '+' : '') + text;
}

/** The prefix for currents, so that 1 to 999 stands before the unit; nothing smaller than nano. */
function prefix(value) {
    const size = Math.abs(value);
    return PREFIXES.find(([, factor]) => size >= factor * 0.9995) || PREFIXES[PREFIXES.length - 1];
}

function digitsFor(scaled) {
    const size = Math.abs(scaled);
    return size >= 99.95 ? 1 : size >= 9.995 ? 2 : 3;
}

/** -> {text, unit}; what is no finite number is a dash. `plus` false: a size that has no direction. */
function number(value, unit, plus = true) {
    if (typeof value !== 'number' || !Number.isFinite(value)) return { text: NONE, unit: '' };
    if (unit === 'A') {
        const [letter, factor] = value === 0 ? ['', 1] : prefix(value);
        const scaled = value / factor;
        return { text: signed(scaled, digitsFor(scaled), plus), unit: `${letter}A` };
    }
    const digits = Object.hasOwn(DIGITS, unit) ? DIGITS[unit] : digitsFor(value);
    const shown = Object.hasOwn(SHOWN_UNIT, unit) ? SHOWN_UNIT[unit] : unit;
    return { text: signed(value, digits, plus), unit: shown };
}

/** A value of any kind as one text. */
function plain(value, unit) {
    if (typeof value === 'boolean') return value ? 'yes' : 'no';
    if (typeof value === 'string') return value || NONE;
    const { text, unit: shown } = number(value, unit);
    return shown ? `${text} ${shown}` : text;
}

/** A limit or a target as it was asked for: no digit is lost. */
function exact(value, unit) {
    const { letter, shift } = fieldUnit(unit, value);
    const scaled = Number((value * 10 ** shift).toPrecision(12));
    const text = String(Math.abs(scaled));
    return `${scaled < 0 ? MINUS : ''}${text} ${letter}`.trim();
}

/** In which unit a field is filled in, by the largest value that it takes: 2e-5 A is 20 µA. */
function fieldUnit(unit, largest) {
    if (unit !== 'A' || !largest) return { letter: Object.hasOwn(SHOWN_UNIT, unit) ? SHOWN_UNIT[unit] : unit, shift: 0 };
    const [letter, factor] = prefix(largest);
    return { letter: `${letter}A`, shift: 0 - Math.round(Math.log10(factor)) };
}

/** Seconds as a person says them. */
function age(seconds) {
    if (seconds === null || !Number.isFinite(seconds)) return NONE;
    if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
    if (seconds < 120) return `${Math.floor(seconds)} s`;
    if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
    return `${Math.floor(seconds / 3600)} h`;
}

/** Clock time of this computer, of a Date or ms. */
function clock(ms) {
    const date = new Date(ms), two = (n) => String(n).padStart(2, '0');
    return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

module.exports = { number, plain, exact, fieldUnit, age, clock, signed, NONE, MINUS };
