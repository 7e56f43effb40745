// Plugin of the dashboard: the server says who sent a message, and a browser reaches widgets only.
'use strict';

module.exports = function (RED) {
    const { people } = RED.settings.functionGlobalContext.dcs;

    // The dashboard takes the id of ANY node from the browser and sends the message out of it: without this check a
    // browser could speak for the node behind which a command has been judged, in another person's name.
    function fromWidget(conn, id, msg) {
        const node = RED.nodes.getNode(id);
        return node && node.type.startsWith('ui-') && people.last(conn.id) ? msg : null;
    }

    RED.plugins.registerPlugin('trackerdcs-identity', {
        type: 'node-red-dashboard-2',
        hooks: {
            onAction: fromWidget,
            onSend: fromWidget,
            onChange: fromWidget,
            // What the browser wrote there itself is thrown away.
            onAddConnectionCredentials: (conn, msg) => {
                msg._client = { user: people.last(conn.id) };
                return msg;
            },
            // Messages to one client only are for that one; all others are for everybody who is logged in.
            onIsValidConnection: (conn) => people.last(conn.id) !== null,
        },
    });
};
