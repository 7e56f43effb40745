// The whole page as plain data, from what was heard and the clock. The page draws it and decides nothing.
'use strict';

const { channelView, reading, DANGER_V } = require('./channel_view.js');
const { age: ageText, plain } = require('./format.js');
const { roleAt } = require('../server/rights.js');
const { fresh, age, PERIODS, SILENCE_S, GUARD_SILENCE_S } = require('./freshness.js');

const BEAT_LOST_S = 2;
const PERIOD_S = 1;
const KILL_ECHO_S = 1.5;
const KILL_SHOWN_S = 1800;
const AIR = ['t_air', 'rh', 't_dew'];

/** '' while server and broker are heard; else what is wrong, for the whole page. */
function broken(model, at) {
    if (model.ended) return model.ended;
    const { beat } = model;
    // Both clocks: the monotonic one may stand still while a laptop sleeps.
    const silent = beat ? Math.max(at.now - beat.heard, (at.wall - beat.wall) / 1000) : Infinity;
    if (at.connected === false || silent > BEAT_LOST_S) {
        return beat ? `CONNECTION LOST ${ageText(silent)} ago: this page hears nothing` : 'connecting \u2026';
    }
    return model.bus ? '' : 'BROKER LOST: no news of any device, and no command gets through';
}

function deviceState(device, now) {
    if (!device.status) return 'unknown';
    if (device.status.state !== 'offline' && now - device.statusHeard > SILENCE_S) return 'silent';
    return device.status.state;
}

/** fresh | waiting (kept by the broker, not heard yet) | stale | none. */
function mark(model, device, now, link) {
    const period = (device.meta || {}).period || PERIOD_S;
    if (!device.frame) return 'none';
    if (!link || (device.status || {}).state === 'offline') return 'stale';
    if (device.live) return fresh(device.freshness, period, now) ? 'fresh' : 'stale';
    return now - model.opened > PERIODS * period ? 'stale' : 'waiting';
}

function channelsOf(device) {
    const { meta, frame } = device;
    return [...new Set([meta && meta.channels, frame && frame.ch, frame && frame.bad].flatMap((g) => Object.keys(g || {})))];
}

function deviceView(model, device, now, link) {
    const state = link ? deviceState(device, now) : 'unknown', meta = device.meta || {}, is = mark(model, device, now, link);
    const at = (ch) => ({ now, link, role: roleAt(model.you.rights, device.stand, device.name, ch), device: state, fresh: is });
    const seconds = device.live ? age(device.freshness, now) : null;
    return {
        key: `${device.stand}/${device.name}`, name: device.name, kind: meta.kind || (device.frame || {}).kind || '',
        model: meta.model || '', sim: !!meta.sim, state, error: (device.status || {}).error || '', mark: is, age: seconds, heard: device.freshness.heard,
        ageText: device.live ? ageText(seconds) : '', channels: channelsOf(device).map((ch) => channelView(model, device, ch, at(ch))),
    };
}

function interlockView(model, one, now, link) {
    const { body } = one, silent = now - one.heard > GUARD_SILENCE_S;
    const known = link && one.live && !silent;
    const state = known ? body.state : 'unknown';
    const why = !link ? 'no connection' : !one.live && !silent ? 'waiting for fresh data'
        : silent ? `the guard has been silent for ${ageText(now - one.heard)}` : '';
    return {
        name: one.name, state, symbol: { ok: '\u2714', open: '\u2716' }[state] || '?', text: { ok: 'OK', open: 'OPEN' }[state] || 'UNKNOWN',
        why: why || [body.first, body.why].filter(Boolean).join(': '), guidance: known && state !== 'ok' ? body.guidance || '' : '',
        action: body.action, over: known && body.over === true,
        bypass: body.bypass ? `BYPASSED by ${body.bypass.by}: ${body.bypass.reason}` : '',
    };
}

/** Of each high-voltage channel: has it been seen to be down, by a frame that is fresh and came after the kill? */
function downs(devices, since) {
    const found = [];
    for (const device of devices.filter((d) => d.kind === 'hv')) {
        for (const channel of device.channels) {
            const raw = (name) => device.raw(channel.ch, name);
            const volts = raw('v_mon'), on = raw('on'), is = device.mark === 'fresh';
            const news = device.heard !== null && device.heard >= since; // a frame from before the kill knows nothing of it
            const low = volts === undefined ? true : Math.abs(volts) <= DANGER_V;
            found.push({
                key: channel.key, name: `${device.name} ${channel.ch}`, down: is && news && on === false && low,
                text: !is ? `not known: ${device.mark === 'waiting' ? 'waiting for fresh data' : device.state === 'offline' ? 'device offline' : 'stale'}`
                    : `${channel.state ? channel.state.text : '?'}${volts === undefined ? '' : ` ${plain(volts, 'V')}`}`,
            });
        }
    }
    return found;
}

function killView(model, stand, devices, now) {
    const kill = model.kills.get(stand);
    if (!kill || now - kill.now > KILL_SHOWN_S || kill.hidden) return null;
    const channels = downs(devices, kill.now), left = channels.filter((c) => !c.down).length;
    const silent = devices.filter((d) => d.kind === 'hv' && !kill.heardBy.has(d.name) && now - kill.now > KILL_ECHO_S).map((d) => d.name);
    const refused = [...kill.heardBy].filter(([, event]) => event.event === 'kill_refused').map(([name, event]) => `${name}: ${event.why}`);
    const ended = devices.filter((d) => d.kind === 'hv').every((d) => (kill.heardBy.get(d.name) || {}).event === 'kill_ended');
    const of = `${left} of ${channels.length} high-voltage channels`;
    let state = 'going', text = `${of} not yet seen off`;
    if (kill.refused) [state, text] = ['failed', `KILL WAS NOT SENT: ${kill.refused}`];
    else if (refused.length) [state, text] = ['failed', `KILL REFUSED by ${refused.join('; ')}`];
    else if (!kill.echoed && now - kill.now > KILL_ECHO_S) [state, text] = ['failed', 'NO WORD FROM THE BROKER: nobody knows whether it got through'];
    else if (left === 0) [state, text] = ['down', 'all high voltage was seen off'];
    // Who switches on after a kill must not read that the kill has failed.
    else if (ended) [state, text] = ['over', `its owners saw all high voltage off; since then ${of} on again or not known`];
    return {
        by: kill.by || '?', wall: kill.wall, state, text, channels, id: kill.id,
        silent: ['down', 'over'].includes(state) ? [] : silent, since: now - kill.now,
        help: state === 'failed' || silent.length ? `use: trackerdcs kill ${stand}, or go to the supply` : '',
    };
}

/** Temperature, humidity and dew point wherever a device of the stand says them. */
function airOf(devices) {
    return devices.flatMap((device) => device.channels.flatMap((channel) => channel.measured
        .filter((r) => AIR.includes(r.quantity)).map((r) => ({ ...r, key: `${channel.key}/${r.quantity}`, device: device.name, mark: device.mark }))));
}

/** `at`: {now: s monotonic, wall: ms, connected}. */
function view(model, at) {
    const problem = broken(model, at), link = problem === '', stands = new Map();
    for (const device of [...model.devices.values()].sort((a, b) => a.name.localeCompare(b.name))) {
        if (!device.meta && !device.frame) continue;
        if (!stands.has(device.stand)) stands.set(device.stand, []);
        const shown = deviceView(model, device, at.now, link);
        shown.raw = (ch, name) => reading(device, ch, name, '').value;
        stands.get(device.stand).push(shown);
    }
    const shown = [...stands].sort(([a], [b]) => a.localeCompare(b)).map(([name, devices]) => ({
        name, devices, air: airOf(devices), hv: devices.some((d) => d.kind === 'hv'), kill: killView(model, name, devices, at.now),
        interlocks: [...model.interlocks.values()].filter((i) => i.stand === name).map((i) => interlockView(model, i, at.now, link)),
        events: model.events.filter((e) => e.stand === name).slice(0, 5),
    }));
    return { problem, ended: !!model.ended, link, login: model.login, you: model.you, stands: shown, opened: model.opened !== null };
}

module.exports = { view };
