"""Serves an ASGI application over HTTP, until it is cancelled."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from trackerdcs.domain.errors import ConfigError

LAST_ANSWERS_S = 1.0
"""Seconds that requests under way may take at the end."""

log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """uvicorn without its own idea of signals: the runtime of all our services has the say."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on; ConfigError where it cannot be had, before anything else is begun."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=256)
    except (OSError, OverflowError) as e:
        why = getattr(e, "strerror", None) or str(e)
        raise ConfigError(f"--host {host} --port {port}: cannot listen there: {why}") from e


async def serve_http(app: Any, listener: socket.socket) -> None:
    """Answer on the socket, for ever. Nobody's word about its own address is believed here: the application decides."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=16 * 1024,  # of what comes in: pages say nothing there
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        h11_max_incomplete_event_size=32 * 1024,
        limit_concurrency=500,
        timeout_graceful_shutdown=round(LAST_ANSWERS_S),
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    host, port, *_ = listener.getsockname()
    log.info("web: listening at http://%s:%d", host, port)
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await asyncio.wait({serving}, timeout=LAST_ANSWERS_S + 0.5)
