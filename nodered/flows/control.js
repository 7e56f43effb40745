// The control flow: what the broker says goes to the page, what the page asks goes through the desk to the broker.
'use strict';

const { fn, mqttIn, comment } = require('./nodes.js');

const TAB = 'dcs-control';
const SHOWN = ['+/+/meta', '+/+/status', '+/+/frame', '+/interlock/+', '+/+/ack', '+/+/event', '+/+/cmd/+', '+/kill/+'];

module.exports = (template) => [
    { id: TAB, type: 'tab', label: 'trackerdcs: control page', disabled: false,
        info: 'Comes with trackerdcs and is written anew at each start: copy it to change it.' },
    { id: 'dcs-broker', type: 'mqtt-broker', name: 'broker', broker: '${TRACKERDCS_MQTT_HOST}', port: '${TRACKERDCS_MQTT_PORT}',
        clientid: '', autoConnect: true, usetls: false, protocolVersion: '4', keepalive: '5', cleansession: true, autoUnsubscribe: true,
        birthTopic: '', closeTopic: '', willTopic: '' },
    { id: 'dcs-ui', type: 'ui-base', name: 'trackerdcs', path: '/control', appIcon: '', includeClientData: true,
        acceptsClientConfig: ['ui-notification', 'ui-control', 'ui-template'], showPathInSidebar: false, headerContent: 'page',
        navigationStyle: 'temporary', titleBarStyle: 'hidden', showReconnectNotification: false, showDisconnectNotification: false,
        notificationDisplayTime: 5, allowInstall: false },
    { id: 'dcs-theme', type: 'ui-theme', name: 'trackerdcs',
        colors: { surface: '#16202b', primary: '#0b4f9e', bgPage: '#eef1f4', groupBg: '#ffffff', groupOutline: '#c9d1d9' },
        sizes: { density: 'default', pagePadding: '0px', groupGap: '0px', groupBorderRadius: '0px', widgetGap: '0px' } },
    { id: 'dcs-page', type: 'ui-page', name: 'stands', ui: 'dcs-ui', path: '/stands', icon: 'flash', layout: 'notebook', theme: 'dcs-theme',
        order: 1, className: '', visible: 'true', disabled: 'false', breakpoints: [{ name: 'Default', px: '0', cols: '12' }] },
    comment(TAB, 'What the broker says, as long as it is one of these topics, goes to every open page', 300, 40),
    ...SHOWN.map((topic, n) => mqttIn(`dcs-in-${n}`, TAB, `dcs/v1/${topic}`, 140, 80 + 40 * n, ['dcs-heard'])),
    fn('dcs-heard', TAB, 'note and pass on', 'return global.get("dcs").heard(msg);', 420, 220, ['dcs-control-page']),
    { id: 'dcs-status', type: 'status', z: TAB, name: 'connection', scope: ['dcs-in-0'], x: 140, y: 420, wires: [['dcs-connection']] },
    fn('dcs-connection', TAB, 'broker there?', 'return global.get("dcs").connection(msg);', 420, 420, ['dcs-control-page']),
    { id: 'dcs-beat', type: 'inject', z: TAB, name: 'twice a second', props: [], repeat: '0.5', crontab: '', once: true, onceDelay: 0.1,
        topic: '', x: 150, y: 460, wires: [['dcs-tick']] },
    fn('dcs-tick', TAB, 'sign of life', 'return global.get("dcs").beat();', 420, 460, ['dcs-control-page']),
    { id: 'dcs-control-page', type: 'ui-template', z: TAB, group: '', page: 'dcs-page', ui: '', name: 'control page', order: 1,
        width: 0, height: 0, head: '', format: template, storeOutMessages: false, passthru: false, resendOnRefresh: false,
        templateScope: 'widget:page', className: '', x: 670, y: 300, wires: [['dcs-asked']] },
    comment(TAB, 'What a page asks: who it is, whether it may, and what is sent, is decided in server/commands.js', 860, 240),
    fn('dcs-asked', TAB, 'desk', 'return await global.get("dcs").asked(msg);', 860, 300, ['dcs-out'], ['dcs-control-page']),
    { id: 'dcs-out', type: 'mqtt out', z: TAB, name: 'commands and kills', topic: '', qos: '1', retain: 'false', respTopic: '', contentType: '',
        userProps: '', correl: '', expiry: '', broker: 'dcs-broker', x: 1070, y: 280, wires: [] },
];
