// Our flows come from the image at every start, a lab's own stay: one file of Node-RED, told apart by the ids of nodes.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const OURS = /^dcs-/;

class Unusable extends Error {}

/** Ours as shipped, theirs as they are. */
function merged(ours, theirs) {
    return [...ours, ...theirs.filter((node) => !OURS.test(node.id) && !OURS.test(node.z || ''))];
}

function key(secret) {
    return crypto.createHash('sha256').update(secret).digest();
}

/** Node-RED's own form of flows_cred.json. */
function encrypt(secret, credentials) {
    const iv = crypto.randomBytes(16), cipher = crypto.createCipheriv('aes-256-ctr', key(secret), iv);
    return { $: iv.toString('hex') + cipher.update(JSON.stringify(credentials), 'utf8', 'base64') + cipher.final('base64') };
}

function decrypt(secret, file) {
    const iv = Buffer.from(file.$.slice(0, 32), 'hex'), cipher = crypto.createDecipheriv('aes-256-ctr', key(secret), iv);
    return JSON.parse(cipher.update(file.$.slice(32), 'base64', 'utf8') + cipher.final('utf8'));
}

function read(file, empty) {
    if (!fs.existsSync(file)) return empty;
    try {
        return JSON.parse(fs.readFileSync(file, 'utf8'));
    } catch (e) {
        throw new Unusable(`${file}: ${e.message}`);
    }
}

/** Whole or not at all: a start that is cut off leaves the old file. */
function write(file, content) {
    fs.writeFileSync(`${file}.new`, content, { mode: 0o600 });
    fs.renameSync(`${file}.new`, file);
}

/** Bring `data` up to date; the password itself stays in the environment of this process. */
function prepare({ shipped, data, secret }) {
    const flows = path.join(data, 'flows.json'), credentials = path.join(data, 'flows_cred.json');
    const ours = JSON.parse(fs.readFileSync(shipped, 'utf8'));
    const theirs = read(flows, []);
    if (!Array.isArray(theirs)) throw new Unusable(`${flows}: expected a list of nodes`);
    const kept = read(credentials, {});
    let known = kept;
    if (kept.$) {
        try {
            known = decrypt(secret, kept);
        } catch {
            throw new Unusable(`${credentials}: not written with this credential secret; put the old secret back, or remove the file and enter the credentials of your own nodes anew`);
        }
    }
    known['dcs-broker'] = { user: 'nodered', password: '${TRACKERDCS_MQTT_PASSWORD}' };
    write(flows, JSON.stringify(merged(ours, theirs), null, 2));
    write(credentials, JSON.stringify(encrypt(secret, known)));
}

module.exports = { prepare, merged, encrypt, decrypt, Unusable };
