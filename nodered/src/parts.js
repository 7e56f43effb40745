// The parts of the page: a device, and a channel with what a person types into it.
'use strict';

const { clock } = require('./format.js');
const fields = require('./fields.js');

const channel = {
    template: require('./channel.html'),
    props: ['c', 'd'],
    inject: ['command', 'askOn'],
    data: () => ({ texts: {}, reason: '' }),
    methods: {
        clock,
        said(field) { return fields.read(this.texts[field.cmd], field.argument); },
        extra(m, a) { return fields.read(this.texts[`${m.cmd}.${a.name}`], a.argument); },
        ready(m) {
            const given = ({ value, why }, a) => value !== undefined || (a.argument.optional && !why);
            return m.args.every((a) => given(this.extra(m, a), a)) && (!m.reason || this.reason.trim() !== '');
        },
        send(cmd, args = {}, reason = '') { return this.command(this.c.stand, this.c.device, this.c.ch, cmd, args, reason); },
        apply(field) {
            const { value } = this.said(field);
            if (value !== undefined && this.send(field.cmd, { [field.arg]: value })) this.texts[field.cmd] = '';
        },
        sendMore(m) {
            const typed = m.args.map((a) => [a.name, this.extra(m, a).value]).filter(([, value]) => value !== undefined);
            const args = Object.fromEntries(typed);
            this.send(m.cmd, args, this.reason);
        },
    },
};
const device = {
    template: require('./device.html'),
    props: ['d', 'link'],
    components: { 'dcs-channel': channel },
};

module.exports = { components: { 'dcs-device': device, 'dcs-channel': channel } };
