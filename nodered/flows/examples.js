// Two small flows to copy from: logic of a lab's own, and test data on a topic outside the contract.
'use strict';

const { fn, mqttIn, comment } = require('./nodes.js');

const LAB = 'dcs-example', DATA = 'dcs-testdata';

const WARN = `// Warns once when the humidity has risen by 5 % within ten minutes; says it again only after it has been quiet.
const frame = JSON.parse(msg.payload);
if (msg.retain) return null;                       // what the broker has kept is not news
const rh = ((frame.ch || {})['-'] || {}).rh;
if (typeof rh !== 'number') return null;           // could not be read: no number is not a low number
const now = Date.now();
const seen = (context.get('seen') || []).filter((one) => now - one.at < 600000);
seen.push({ at: now, rh });
context.set('seen', seen);
const least = Math.min(...seen.map((one) => one.rh));
const rising = rh - least > 5;
const before = context.get('rising') || false;
context.set('rising', rising);
node.status({ fill: rising ? 'red' : 'green', shape: 'dot', text: rh.toFixed(1) + ' %' });
if (!rising || before) return null;
const where = msg.topic.split('/');
return { payload: 'humidity at ' + where[2] + '/' + where[3] + ' rose from ' + least.toFixed(1) + ' % to ' + rh.toFixed(1) + ' %' };`;

const MADE = `// A slow sine with noise. Plain JSON outside the contract: a mapping file tells a loader what it means.
const t = Date.now() / 1000;
msg.topic = 'lab/nodered/testdata';
msg.payload = JSON.stringify({ ts: Date.now(), temperature: 20 + 3 * Math.sin(t / 60) + Math.random() / 10, level: 50 + 10 * Math.cos(t / 45) });
return msg;`;

module.exports = [
    { id: LAB, type: 'tab', label: 'trackerdcs: example of own logic', disabled: false,
        info: 'Copy it into a tab of your own and change the copy: this one is written anew at each start.' },
    comment(LAB, 'Reads, warns, and publishes nothing. Commands belong to people: see doc/how-to/control-with-node-red.md', 380, 40),
    mqttIn('dcs-example-in', LAB, 'dcs/v1/+/env1/frame', 160, 100, ['dcs-example-warn']),
    fn('dcs-example-warn', LAB, 'humidity rises?', WARN, 400, 100, ['dcs-example-note']),
    { id: 'dcs-example-note', type: 'ui-notification', z: LAB, ui: 'dcs-ui', position: 'bottom right', colorDefault: true, color: '#8a4b00',
        displayTime: '30', showCountdown: true, outputs: 0, allowDismiss: true, dismissText: 'seen', allowConfirm: false, confirmText: '',
        raw: false, className: '', name: 'on every open page', x: 640, y: 100, wires: [] },
    { id: DATA, type: 'tab', label: 'trackerdcs: test data', disabled: true,
        info: 'Disabled. Copy it into a tab of your own to use it.' },
    comment(DATA, 'Numbers that mean nothing, on lab/nodered/testdata, for trying mapping files and dashboards', 370, 40),
    { id: 'dcs-testdata-clock', type: 'inject', z: DATA, name: 'each second', props: [], repeat: '1', crontab: '', once: false, onceDelay: 0.1,
        topic: '', x: 160, y: 100, wires: [['dcs-testdata-made']] },
    fn('dcs-testdata-made', DATA, 'make a message', MADE, 380, 100, ['dcs-testdata-out']),
    { id: 'dcs-testdata-out', type: 'mqtt out', z: DATA, name: 'lab/nodered/testdata', topic: '', qos: '1', retain: 'false', respTopic: '',
        contentType: '', userProps: '', correl: '', expiry: '', broker: 'dcs-broker', x: 640, y: 100, wires: [] },
];
