// Writes flows.json from flows/ and src/: `node build.js`, or `node build.js --check` to be told whether it is up to date.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const FLOWS = path.join(__dirname, 'flows.json'), SRC = path.join(__dirname, 'src');

/** All that `entry` requires, by name: a function for each script, a text for each piece of HTML. */
function modules(entry, found = {}) {
    const name = path.basename(entry);
    if (found[name]) return found;
    const text = fs.readFileSync(path.join(SRC, entry), 'utf8');
    if (/<\/script|<!--/.test(text)) throw new Error(`${name}: this would end the script of the page`);
    found[name] = name.endsWith('.html') ? `function (module) { module.exports = ${JSON.stringify(text)}; }`
        : `function (module, exports, require) {\n${text}}`;
    for (const [, next] of name.endsWith('.js') ? text.matchAll(/require\('((?:\.|\.\.\/server)\/[\w.]+)'\)/g) : []) modules(next, found);
    return found;
}

/** The template node: an empty element, one script that fills it, one that ends it. */
function template() {
    const parts = Object.entries(modules('page.js')).map(([name, body]) => `${JSON.stringify(name)}: ${body}`);
    const body = `const made = {}, parts = {
${parts.join(',\n')}
};
function require(name) {
    name = name.replace(/.*\\//, '');
    if (!made[name]) parts[name](made[name] = { exports: {} }, made[name].exports, require);
    return made[name].exports;
}
element.trackerdcsEnd = require('page.js').start(element, socket, widget);`;
    // As one text: the dashboard takes every script apart and writes it anew in the browser, which took half a second.
    const script = `Function('element', 'socket', 'widget', ${JSON.stringify(body)})(this.$el, this.$socket, this.id);`;
    return `<template><div></div></template>
<style>
${fs.readFileSync(path.join(SRC, 'page.css'), 'utf8')}</style>
<script>
${script}
</script>
<script>
export default { unmounted() { if (this.$el.trackerdcsEnd) this.$el.trackerdcsEnd(); } };
</script>
`;
}

function built() {
    const nodes = [...require('./flows/control.js')(template()), ...require('./flows/examples.js')];
    return `${JSON.stringify(nodes, null, 1)}\n`;
}

if (process.argv.includes('--check')) {
    if (fs.existsSync(FLOWS) && fs.readFileSync(FLOWS, 'utf8') === built()) process.exit(0);
    console.error('nodered/flows.json is not what nodered/flows/ and nodered/src/ make of it; run: make flows');
    process.exit(1);
}
fs.writeFileSync(FLOWS, built());
