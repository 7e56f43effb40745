// Starts the control page: secrets, flows, Node-RED, and the door in front of it. `node main.js`, no arguments.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const { createRequire } = require('node:module');
const path = require('node:path');

const { Desk } = require('./server/desk.js');
const flows = require('./server/flows.js');
const { Gate } = require('./server/gate.js');
const { Login } = require('./server/login.js');

const BAD_CONFIGURATION = 78;
const env = (name, otherwise) => process.env[`TRACKERDCS_${name}`] || otherwise;

function fail(text) {
    console.error(`nodered: ${text}`);
    process.exit(BAD_CONFIGURATION);
}

/** The one line of a secret's file; the content is never in what is said about it. */
function secret(file) {
    let text;
    try {
        text = fs.readFileSync(file, 'utf8').replace(/\n$/, '');
    } catch (e) {
        fail(`the secret ${file} cannot be read: ${e.code}`);
    }
    if (!text || /[\r\n]/.test(text)) fail(`the secret ${file} is ${text ? 'more than one line' : 'empty'}`);
    return text;
}

async function main() {
    const secrets = env('SECRETS', '/run/secrets'), data = env('DATA', '/data'), modules = env('MODULES', __dirname);
    const credentialSecret = secret(path.join(secrets, 'credential-secret'));
    process.env.TRACKERDCS_MQTT_PASSWORD = secret(path.join(secrets, 'mqtt', 'nodered'));
    process.env.TRACKERDCS_MQTT_HOST = env('MQTT_HOST', 'mosquitto');
    process.env.TRACKERDCS_MQTT_PORT = env('MQTT_PORT', '1883');
    try {
        flows.prepare({ shipped: path.join(__dirname, 'flows.json'), data, secret: credentialSecret });
    } catch (e) {
        fail(e instanceof flows.Unusable || e.code ? e.message : e.stack);
    }
    const from = createRequire(path.join(modules, 'package.json'));
    const RED = from('node-red'), app = from('express')();
    const login = new Login(env('VERIFY', 'http://web:8000/verify'));
    const desk = new Desk({ login });
    const inner = http.createServer(app); // never listens: everything comes through the gate
    const nodes = [modules, path.join(__dirname, 'plugin')];
    const settings = require('./settings.js')({ data, nodes, credentialSecret, desk });
    RED.init(inner, settings);
    app.use(settings.httpAdminRoot, RED.httpAdmin);
    app.use(settings.httpNodeRoot, RED.httpNode);
    const gate = new Gate({
        login, inner, health: () => desk.health(), loginPage: env('LOGIN', '/login'), home: '/control/stands',
    });
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => RED.stop().finally(() => process.exit(0)));
    await RED.start();
    const port = Number(env('PORT', '1880'));
    gate.server.on('error', (e) => fail(`port ${port}: ${e.code}`));
    gate.server.listen(port, env('LISTEN', '0.0.0.0'), () => console.log(`nodered: serving on port ${port}`));
}

main().catch((e) => {
    console.error(`nodered: ${e.stack}`);
    process.exit(1);
});
