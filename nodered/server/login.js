// Asks the web service who a browser is. Only its answer counts: no header, no cookie is ever believed here.
'use strict';

const { parse } = require('./rights.js');

const TIMEOUT_MS = 1000;
const AREAS = ['control', 'nodered'];

/**
 * `ask(cookie, area)` -> {state: 'ok', user, rights} | {state: 'denied', status, headers, body} | {state: 'down', why}.
 * A yes is believed for `keep` ms, so that a page with its many files is one question; a no is never kept.
 */
class Login {
    constructor(url, keep = 2000, now = () => performance.now()) {
        this.url = url;
        this.keep = keep;
        this.now = now;
        this.known = new Map();
    }

    /** `fresh`: do not believe what was said before. `page`: uri and accept of the request, for a redirect to the login. */
    ask(cookie, area, { fresh = false, page = {} } = {}) {
        if (!AREAS.includes(area)) throw new Error(`no such area: ${area}`);
        const browses = (page.accept || '').includes('text/html'); // its answer may lead back to that very page
        const key = `${area}\n${cookie || ''}\n${browses && !cookie ? page.uri : ''}`;
        const known = this.known.get(key);
        if (!fresh && known && this.now() - known.at < this.keep) return known.answer;
        const answer = this.#fetch(cookie, area, page);
        if (this.known.size > 500) this.known.clear();
        const entry = { at: this.now(), answer };
        this.known.set(key, entry);
        answer.then((said) => {
            if (said.state !== 'ok' && this.known.get(key) === entry) this.known.delete(key);
        });
        return answer;
    }

    async #fetch(cookie, area, page) {
        const headers = { accept: page.accept || 'application/json', 'x-forwarded-uri': page.uri || '/' };
        if (page.method) headers['x-forwarded-method'] = page.method;
        if (cookie) headers.cookie = cookie;
        try {
            const reply = await fetch(`${this.url}?area=${area}`, {
                headers, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS),
            });
            const body = await reply.text();
            if (reply.status >= 500) return { state: 'down', why: `login service: status ${reply.status}` };
            const user = reply.headers.get('x-webauth-user');
            if (reply.status === 200 && user) return { state: 'ok', user, rights: parse(reply.headers.get('x-webauth-rights')) };
            const kept = {};
            for (const name of ['content-type', 'location']) {
                if (reply.headers.get(name)) kept[name] = reply.headers.get(name);
            }
            return { state: 'denied', status: reply.status === 200 ? 401 : reply.status, headers: kept, body };
        } catch (e) {
            return { state: 'down', why: `login service: ${(e.cause && e.cause.code) || e.name}` };
        }
    }
}

module.exports = { Login };
