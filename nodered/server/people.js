// Who sits behind each socket of the dashboard, and whether that is still true.
'use strict';

const FAREWELL_MS = 5000;

class People {
    constructor(login) {
        this.login = login;
        this.sockets = new Map();
        this.reachable = true;
        setInterval(() => this.sweep(), FAREWELL_MS).unref();
    }

    /** socket.io middleware: the handshake's own cookie decides, whatever the transport is. */
    middleware() {
        return async (socket, next) => {
            const cookie = socket.handshake.headers.cookie;
            const said = await this.login.ask(cookie, 'control');
            if (said.state !== 'ok') return next(new Error('not logged in'));
            this.sockets.set(socket.id, { cookie, socket, user: said.user, rights: said.rights });
            socket.on('disconnect', () => this.sockets.delete(socket.id));
            next();
        };
    }

    /** Identity as it was last verified, to show. */
    last(id) {
        const found = this.sockets.get(id);
        return found ? { user: found.user, rights: found.rights } : null;
    }

    /**
     * Who it is now, asked anew. A session that has ended is nobody. Where the login service does not answer, the
     * last verified person is returned with `certain: false`: enough for the way down, for nothing else.
     */
    async now(id) {
        const found = this.sockets.get(id);
        if (!found) return { who: null, why: 'this page has no login' };
        const said = await this.login.ask(found.cookie, 'control', { fresh: true });
        this.reachable = said.state !== 'down';
        if (said.state === 'ok') {
            found.user = said.user;
            found.rights = said.rights;
            return { who: { user: said.user, rights: said.rights }, certain: true };
        }
        if (said.state === 'down') return { who: this.last(id), certain: false, why: said.why };
        this.#end(found);
        return { who: null, why: 'your session has ended or your role is too low: log in again' };
    }

    async sweep() {
        await Promise.all([...this.sockets.values()].map(async (one) => {
            const said = await this.login.ask(one.cookie, 'control');
            this.reachable = said.state !== 'down';
            if (said.state === 'denied') this.#end(one);
        }));
    }

    #end(one) {
        one.socket.emit('dcs-ended', 'Your session has ended. Log in again.');
        setTimeout(() => one.socket.disconnect(true), 200).unref();
    }
}

module.exports = { People };
