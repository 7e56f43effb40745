// What is shown of one channel: which numbers are measured, which were only set, how true they are, what may be pressed.
'use strict';

const { closed } = require('./buttons.js');
const fates = require('./fates.js');
const { number, plain, exact, NONE } = require('./format.js');
const { limits, unitOf } = require('./fields.js');

const STATES = {
    off: { symbol: '\u25cb', text: 'OFF', tone: 'off' },
    on: { symbol: '\u25cf', text: 'ON', tone: 'on' },
    ramping_up: { symbol: '\u25b2', text: 'RAMPING UP', tone: 'on' },
    ramping_down: { symbol: '\u25bc', text: 'RAMPING DOWN', tone: 'on' },
    hold: { symbol: '\u2016', text: 'HOLD', tone: 'on' },
    tripped: { symbol: '\u2716', text: 'TRIPPED', tone: 'bad' },
    unknown: { symbol: '?', text: 'UNKNOWN', tone: 'bad' },
};
const LABELS = {
    v_mon: 'voltage', i_mon: 'current', p_mon: 'power', v_set: 'voltage', i_limit: 'current limit',
    ramp_up: 'ramp up', ramp_down: 'ramp down', t_air: 'air', t_plate: 'plate', t_board: 'board', t_dew: 'dew point', rh: 'humidity',
};
const FLAGS = ['on', 'state', 'compliance', 'trip'];
const MAIN = ['on', 'off', 'hold', 'clear_trip', 'emergency_off', 'set_voltage', 'set_current_limit'];
const FIELDS = [['set_voltage', 'v', 'new set voltage'], ['set_current_limit', 'i', 'new current limit']];
/** Above it a person may be hurt or a module lost, whatever the switch says: v_safe_off of the rules. */
const DANGER_V = 10;

/** Sizes without a direction: a plus in front of them would say nothing. */
function hasSign(quantity, unit) {
    return ['V', 'A', 'degC'].includes(unit) && !/_limit$/.test(quantity);
}

function isSet(quantity) {
    return /_set$|_limit$|^ramp_/.test(quantity);
}

/** One quantity: its text, or a dash and the reason why there is none. An old number is never kept. */
function reading(device, ch, quantity, unit) {
    const frame = device.frame || {}, at = (group) => ((frame[group] || {})[ch] || {})[quantity];
    const label = LABELS[quantity] || quantity.replace(/_/g, ' ');
    if (at('bad') !== undefined) return { quantity, label, text: NONE, unit: '', quality: 'bad', reason: at('bad') };
    const value = at('ch');
    if (value === undefined) return { quantity, label, text: NONE, unit: '', quality: 'none', reason: 'not reported' };
    const shown = typeof value === 'number' ? number(value, unit, hasSign(quantity, unit)) : { text: plain(value, unit), unit: '' };
    if (at('unc') !== undefined) return { quantity, label, ...shown, value, quality: 'uncertain', reason: at('unc') };
    return { quantity, label, ...shown, value, quality: 'good', reason: '' };
}

function stateOf(device, ch, commands) {
    const said = reading(device, ch, 'state', '');
    if (said.quality === 'none' && !commands.on) return null; // not a power channel
    if (said.quality === 'bad' || said.quality === 'none') {
        return { ...STATES.unknown, name: 'unknown', reason: said.quality === 'bad' ? said.reason : '' };
    }
    return { ...(STATES[said.value] || { symbol: '?', text: String(said.value), tone: 'bad' }), name: said.value };
}

function units(device, ch) {
    const meta = ((device.meta || {}).channels || {})[ch] || {};
    const all = {};
    for (const [name, quantity] of Object.entries(meta.quantities || {})) all[name] = quantity.unit;
    for (const group of ['ch', 'bad']) {
        for (const name of Object.keys(((device.frame || {})[group] || {})[ch] || {})) all[name] ??= '';
    }
    return all;
}

/** Warnings that must not be missed, in words. */
function warnings(state, values, kind) {
    const value = (name) => (values.find((r) => r.quantity === name) || {}).value;
    const found = [];
    const volts = value('v_mon');
    if (kind === 'hv' && state && ['off', 'tripped'].includes(state.name) && Math.abs(volts) > DANGER_V) {
        found.push('voltage is still there');
    }
    if (state && state.name === 'off' && value('on') === true) found.push('the output switch says ON');
    if (value('compliance') === true) found.push('in current limit');
    return found;
}

function fieldsOf(commands, may) {
    return FIELDS.filter(([cmd]) => commands[cmd]).map(([cmd, arg, label]) => {
        const argument = (commands[cmd].args || {})[arg] || {};
        return { cmd, arg, label, argument, unit: unitOf(argument).letter, limits: limits(argument), closed: may(cmd) };
    });
}

function more(commands, may) {
    return Object.entries(commands).filter(([cmd]) => !MAIN.includes(cmd)).map(([cmd, spec]) => ({
        cmd, reason: !!spec.reason, closed: may(cmd),
        args: Object.entries(spec.args || {}).map(([name, argument]) => (
            { name, argument, unit: unitOf(argument).letter, limits: argument.type === 'text' ? '' : limits(argument) })),
    }));
}

/** What `on` would do, for the question before it. */
function target(device, ch, set) {
    const volts = set.find((r) => r.quantity === 'v_set'), amps = set.find((r) => r.quantity === 'i_limit');
    const text = (r) => (r && r.quality === 'good' ? exact(r.value, r.quantity === 'v_set' ? 'V' : 'A') : NONE);
    return { v: text(volts), i: text(amps), known: !!volts && volts.quality === 'good' };
}

/**
 * Where a ramp goes, from the commands that were heard: the set value is only a stage of it, which the supply is fed
 * piece by piece. Empty if nobody has said so here.
 */
function goal(model, device, ch, state) {
    if (!state || !['ramping_up', 'ramping_down'].includes(state.name)) return '';
    const under = fates.ofChannel(model.fates, device.stand, device.name, ch, 0, 20)
        .find((one) => ['accepted', 'done'].includes(one.state) && ['off', 'set_voltage'].includes(one.cmd));
    if (!under) return 'where it goes was not heard here';
    return under.cmd === 'off' ? 'goes to 0 V, then off' : `goes to ${exact(under.args.v, 'V')}`;
}

/** A command in words: `set_voltage v = -100 V`. */
function words(entry, commands) {
    const args = (commands[entry.cmd] || {}).args || {};
    const one = ([name, value]) => `${name} = ${typeof value === 'number' ? exact(value, (args[name] || {}).unit || '') : value}`;
    return [entry.cmd, Object.entries(entry.args || {}).map(one).join(', ')].filter(Boolean).join(' ');
}

function channelView(model, device, ch, at) {
    const meta = ((device.meta || {}).channels || {})[ch] || {}, commands = meta.commands || {};
    const may = (cmd) => closed(cmd, commands[cmd], at);
    const all = Object.entries(units(device, ch));
    const values = all.filter(([name]) => !FLAGS.includes(name)).map(([name, unit]) => reading(device, ch, name, unit));
    const flags = FLAGS.map((name) => reading(device, ch, name, ''));
    const state = stateOf(device, ch, commands), set = values.filter((r) => isSet(r.quantity));
    const power = !!commands.on || !!commands.off;
    const aim = target(device, ch, set);
    const buttons = {};
    for (const cmd of ['on', 'off', 'hold', 'clear_trip', 'emergency_off']) {
        buttons[cmd] = power ? { closed: may(cmd) } : null;
    }
    if (buttons.on && !buttons.on.closed) {
        const is = (state || {}).name;
        buttons.on.closed = !aim.known ? 'the set voltage is not known' : is === 'tripped' ? 'tripped: clear it first'
            : is === 'unknown' ? 'its state is not known' : is !== 'off' ? 'it is on already' : '';
    }
    if (state && state.name.startsWith('ramping')) {
        for (const r of set) if (r.quantity === 'v_set') r.label = 'voltage, stage of the ramp:';
    }
    const moves = state && !['off', 'tripped'].includes(state.name);
    return {
        key: `${device.stand}/${device.name}/${ch}`, stand: device.stand, device: device.name, ch,
        label: meta.label || '', module: ((device.frame || {}).mod || {})[ch] || meta.module || '',
        power, state, target: aim, goal: goal(model, device, ch, state), buttons, set,
        measured: values.filter((r) => !isSet(r.quantity)),
        warnings: warnings(state, [...values, ...flags], (device.meta || {}).kind),
        fields: fieldsOf(commands, may).map((f) => ({ ...f, hint: moves && f.cmd === 'set_voltage' ? 'moves at once' : '' })), more: more(commands, may),
        fates: fates.ofChannel(model.fates, device.stand, device.name, ch, at.now)
            .map((entry) => ({ ...entry, words: words(entry, commands) })),
    };
}

module.exports = { channelView, reading, isSet, DANGER_V };
