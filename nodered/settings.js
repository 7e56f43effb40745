// Settings of Node-RED. Not for `node-red -s`: main.js adds the door that checks every login, and starts.
'use strict';

const path = require('node:path');

module.exports = ({ data, nodes, credentialSecret, desk }) => ({
    userDir: data,
    flowFile: path.join(data, 'flows.json'), // absolute: a flows.json in the working folder would win
    flowFilePretty: true,
    credentialSecret,
    nodesDir: nodes,
    httpAdminRoot: '/nodered',
    httpNodeRoot: '/',
    // No adminAuth: nobody reaches the editor without a session of the web service that is allowed to (server/gate.js),
    // and a second login would be a second set of passwords.
    dashboard: { ioMiddleware: [desk.people.middleware()], maxHttpBufferSize: 1e5 },
    functionGlobalContext: { dcs: desk },
    nodesExcludes: ['90-exec.js', '10-file.js', '23-watch.js'], // flows have no business with commands and files of this computer
    functionExternalModules: false,
    externalModules: {
        autoInstall: false,
        palette: { allowInstall: false, allowUpload: false },
        modules: { allowInstall: false },
    },
    editorTheme: { tours: false, projects: { enabled: false }, palette: { catalogues: [] }, header: { title: 'trackerdcs flows' } },
    telemetry: { enabled: false, updateNotification: false },
    diagnostics: { enabled: false, ui: false },
    runtimeState: { enabled: false, ui: false },
    contextStorage: { default: { module: 'memory' } },
    exportGlobalContextKeys: false,
    mqttReconnectTime: 1000,
    logging: { console: { level: 'info', metrics: false, audit: false } },
});
