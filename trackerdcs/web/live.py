"""What the stands say now, over a websocket: the whole first, then what is new."""

import asyncio
import contextlib
import logging

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from trackerdcs.app.live_hub import LiveHub, Watcher
from trackerdcs.domain.access import Account
from trackerdcs.domain.errors import StoreFault
from trackerdcs.web import sessions
from trackerdcs.web.parts import Parts
from trackerdcs.web.requests import from_here, is_local

NOT_LOGGED_IN, NOT_FROM_HERE, TOO_SLOW = 4401, 4403, 4408
"""Close codes: those of the HTTP status, above 4000."""
LOOK_AGAIN_S = 15.0
"""Seconds after which a session is asked for again: who has logged out sees no more."""

log = logging.getLogger(__name__)


def routes(parts: Parts, hub: LiveHub) -> APIRouter:
    """The websocket /api/live."""
    router = APIRouter()

    @router.websocket("/api/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()  # a refusal before it has no code that a page could read
        if not from_here(socket, parts.behind_gateway):
            await socket.close(NOT_FROM_HERE, "only taken from a page of this site")
            return
        person = await _person(socket, parts)
        if person is None and not _open(socket, parts):
            await socket.close(NOT_LOGGED_IN, "not logged in")
            return
        own = person.stands if person else None
        watcher = hub.watch(hub.stands if own is None else own & hub.stands)
        ends = [asyncio.create_task(work) for work in (_until_gone(socket), _until_logged_out(socket, parts, person))]
        telling = asyncio.create_task(_tell(socket, watcher))
        try:
            await asyncio.wait([*ends, telling], return_when=asyncio.FIRST_COMPLETED)
        finally:
            hub.leave(watcher)
            for task in (*ends, telling):
                task.cancel()
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # gone already
            if ends[1].done() and not ends[1].cancelled():
                await socket.close(NOT_LOGGED_IN, "not logged in any more")
            elif telling.done():
                await socket.close(TOO_SLOW, "too slow: come back for the present")

    return router


def _open(socket: WebSocket, parts: Parts) -> bool:
    return parts.open_reads and is_local(socket)


async def _person(socket: WebSocket, parts: Parts) -> Account | None:
    try:
        return await sessions.account_of(socket, parts)
    except StoreFault:
        log.exception("nobody is let in")
        return None


async def _tell(socket: WebSocket, watcher: Watcher) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        async for batch in watcher:
            await socket.send_text(batch.decode())


async def _until_gone(socket: WebSocket) -> None:
    """What a page says here has no meaning."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_text()


async def _until_logged_out(socket: WebSocket, parts: Parts, person: Account | None) -> None:
    """The controls on the page are those of the person: it is told also where anybody may look on."""
    while person is None or await _person(socket, parts) == person:  # noqa: ASYNC110 the file of users tells nobody
        await asyncio.sleep(LOOK_AGAIN_S)
