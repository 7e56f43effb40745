"""The local socket by which a shifter kills a device's high voltage: no broker, no event loop, threads of its own."""

import json
import logging
import os
import pwd
import socket
import socketserver
import struct
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from trackerdcs.domain.codec import plain
from trackerdcs.domain.errors import ConfigError, NotConnected

SUFFIX = ".kill"
PATIENCE = 2.0
"""Seconds in which an owner answers: it does not wait for its instrument."""
LONGEST = 4096
_CREDENTIALS = struct.Struct("3i")

log = logging.getLogger(__name__)

Answer = dict[str, Any]
Kill = Callable[[str, str], Answer]
"""Begin a kill, by whom and with which id; returns what it does."""


class KillSocket:
    """Any line is a kill, `{"look": true}` asks how far it is; each is answered by a line of JSON."""

    def __init__(self, path: Path, kill: Kill, look: Callable[[], Answer]) -> None:
        self._path, self._kill, self._look = path, kill, look
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        """Listen; a socket left by a crashed owner is replaced. ConfigError if a living one listens there."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(NotConnected), _connected(self._path):
            raise ConfigError(f"{self._path}: another owner answers there: one owner per device")
        self._path.unlink(missing_ok=True)
        with _short(self._path) as name:
            self._server = _Server(name, self._answer)
        # Whoever shares the data folder may kill.
        with suppress(PermissionError):
            os.chown(self._path, -1, self._path.parent.stat().st_gid)
        self._path.chmod(0o660)
        threading.Thread(target=self._server.serve_forever, name=f"socket-{self._path.stem}", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._path.unlink(missing_ok=True)

    def _answer(self, line: bytes, who: str) -> Answer:
        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            asked = None
        asked = asked if isinstance(asked, dict) else {}
        if asked.get("look") is True:
            return self._look()
        said = asked.get("reason")
        reason = f": {plain(said)}" if isinstance(said, str) and said else ""
        id = asked.get("id")
        return self._kill(f"{who}{reason}"[:200], id if isinstance(id, str) else str(uuid.uuid4()))


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, name: str, answer: Callable[[bytes, str], Answer]) -> None:
        self.answer = answer
        super().__init__(name, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.warning("a client of the kill socket was not answered", exc_info=True)


class _Handler(socketserver.StreamRequestHandler):
    timeout = 600.0

    def handle(self) -> None:
        who = _peer(self.connection)
        assert isinstance(self.server, _Server)
        while line := self.rfile.readline(LONGEST):
            self.wfile.write(json.dumps(self.server.answer(line, who), allow_nan=False).encode() + b"\n")
            while len(line) == LONGEST and not line.endswith(b"\n"):  # however long, it is one kill and no second one
                line = self.rfile.readline(LONGEST)


class KillClient:
    """Asks one owner over its socket; NotConnected if nobody listens or answers there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def kill(self, id: str, reason: str) -> Answer:
        """Begin a kill; the same `id` twice is one kill."""
        return self._ask({"id": id, "reason": reason})

    def look(self) -> Answer:
        """How far it is."""
        return self._ask({"look": True})

    def _ask(self, question: Answer) -> Answer:
        with _connected(self._path) as connection:
            try:
                connection.sendall(json.dumps(question).encode() + b"\n")
                with connection.makefile("rb") as lines:
                    answer = json.loads(lines.readline())
            except (OSError, ValueError) as e:
                raise NotConnected(f"{self._path}: {e or 'no answer'}") from e
        if not isinstance(answer, dict):
            raise NotConnected(f"{self._path}: {answer!r:.80} is no answer")
        return answer


@contextmanager
def _connected(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        try:
            with _short(path) as name:
                connection.connect(name)
        except OSError as e:
            raise NotConnected(f"{path}: {e.strerror or e}") from e
        yield connection


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path by way of its open folder: a socket's name has at most 107 bytes."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _peer(connection: socket.socket) -> str:
    """Who is at the other end, as the kernel says."""
    _, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    try:
        return f"{pwd.getpwuid(uid).pw_name} at this computer"
    except KeyError:
        return f"user {uid} at this computer"
