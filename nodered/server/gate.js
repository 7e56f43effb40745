// The only door: each HTTP request and each websocket passes here before any part of Node-RED sees it.
//
// Node-RED's own settings protect pages, but the dashboard's socket.io hangs beside Express and the editor's
// websocket has a login of its own. So Node-RED is attached to a server that never listens, and this one hands over
// what the web service has let through. Nothing that is added later can be forgotten.
'use strict';

const http = require('node:http');

const SWEEP_MS = 5000;
const CONTROL = ['/control', '/ui', '/dashboard']; // the dashboard asks for its icon under its own usual path

/** Whoever asks for what we do not know needs the rights for the editor. */
function areaOf(url) {
    const path = url.split('?')[0];
    return CONTROL.some((root) => path === root || path.startsWith(`${root}/`)) ? 'control' : 'nodered';
}

/** A page of another site must not use this one's cookie. */
function sameOrigin(req) {
    const { origin, host } = req.headers;
    if (!origin) return true;
    try {
        return new URL(origin).host === host;
    } catch {
        return false;
    }
}

class Gate {
    /** `health()` -> {ok, why}; `loginPage`: where the login is for this browser, on the same host behind the gateway. */
    constructor({ login, inner, health, loginPage = '/login', home = '/control', log = console.log }) {
        Object.assign(this, { login, inner, health, loginPage, home, log });
        this.open = new Map();
        this.server = http.createServer((req, res) => this.#request(req, res).catch((e) => this.#broken(res, e)));
        this.server.on('upgrade', (req, socket, head) => this.#upgrade(req, socket, head).catch(() => socket.destroy()));
        this.sweeper = setInterval(() => this.sweep(), SWEEP_MS);
        this.sweeper.unref();
    }

    async #request(req, res) {
        if (req.url === '/healthz' && ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(req.socket.remoteAddress)) {
            const { ok, why } = this.health();
            return answer(res, ok ? 200 : 503, JSON.stringify({ ok, why }), 'application/json');
        }
        if (req.method !== 'GET' && req.method !== 'HEAD' && !sameOrigin(req)) return answer(res, 403, 'other origin');
        const page = { uri: req.url, accept: req.headers.accept, method: req.method };
        const said = await this.login.ask(req.headers.cookie, areaOf(req.url), { page });
        if (said.state === 'down') return answer(res, 503, `${said.why}. Nobody is let in until it answers.`);
        if (said.state !== 'ok') return this.#deny(res, said);
        if (req.url === '/ui' || req.url.startsWith('/ui/') || req.url === '/') {
            res.writeHead(302, { location: this.home });
            return res.end();
        }
        // "No installing" in Node-RED's settings only hides the dialogue.
        if (req.method !== 'GET' && /^\/nodered\/+nodes/i.test(req.url)) return answer(res, 403, 'nodes are not installed from here');
        // Their names hold their content: a browser that has them need not ask again, and starts in half the time.
        if (req.url.startsWith('/control/assets/')) res.setHeader('cache-control', 'private, max-age=31536000, immutable');
        if (req.method === 'POST' && /^\/nodered\/flows?\b/i.test(req.url)) this.log(`flows deployed by ${said.user}`);
        this.inner.emit('request', req, res);
    }

    #deny(res, said) {
        const headers = { ...said.headers, 'cache-control': 'no-store' };
        if (headers.location) headers.location = headers.location.replace(/^\/login(?=\?|$)/, () => this.loginPage);
        res.writeHead(said.status, headers);
        res.end(said.body);
    }

    async #upgrade(req, socket, head) {
        socket.on('error', () => socket.destroy());
        const area = areaOf(req.url), cookie = req.headers.cookie;
        const said = sameOrigin(req) ? await this.login.ask(cookie, area) : { state: 'denied', status: 403 };
        if (said.state !== 'ok') {
            const status = said.state === 'down' ? '503 Service Unavailable' : `${said.status === 403 ? 403 : 401} Denied`;
            return socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
        }
        this.open.set(socket, { area, cookie });
        socket.on('close', () => this.open.delete(socket));
        this.inner.emit('upgrade', req, socket, head);
    }

    /** Close what belongs to a session that has ended. A login service that is away ends nothing. */
    async sweep() {
        await Promise.all([...this.open].map(async ([socket, { area, cookie }]) => {
            const said = await this.login.ask(cookie, area);
            if (said.state === 'denied') socket.end(() => socket.destroy());
        }));
    }

    #broken(res, e) {
        this.log(`request: ${e.message}`);
        if (!res.headersSent) answer(res, 500, 'internal error');
    }
}

function answer(res, status, text, type = 'text/plain; charset=utf-8') {
    res.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
    res.end(text);
}

module.exports = { Gate, areaOf };
