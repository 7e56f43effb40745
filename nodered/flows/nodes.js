// Nodes of a flow, with all the fields that the editor wants.
'use strict';

function fn(id, z, name, func, x, y, ...wires) {
    return { id, type: 'function', z, name, func, outputs: wires.length, timeout: 0, noerr: 0, initialize: '', finalize: '', libs: [], x, y, wires };
}

function mqttIn(id, z, topic, x, y, to) {
    return { id, type: 'mqtt in', z, name: '', topic, qos: '1', datatype: 'utf8', broker: 'dcs-broker', nl: false, rap: true, rh: 0,
        inputs: 0, x, y, wires: [to] };
}

function comment(z, name, x, y) {
    return { id: `${z}-comment-${x}-${y}`, type: 'comment', z, name, info: '', x, y, wires: [] };
}

module.exports = { fn, mqttIn, comment };
