"""The hardened link: lines over a byte stream, one exchange at a time, and whatever goes wrong ends the connection."""

import math
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from trackerdcs.domain.errors import BadReply, Delivered, Desync, LinkError, NotConnected, ReplyTimeout
from trackerdcs.domain.resource import Wire

LIMIT = 65536
"""A reply is at most this long, in bytes."""

_TEXT = re.compile(rb"[\t -~]*")


class RawWire(Protocol):
    """Bytes to and from one instrument. `resets`: what is in flight when it is closed can never arrive later.

    A timeout of 0 asks for what is there now. `read` returns b"" when nothing comes in time, and raises LinkLost at the
    end of the stream. `write` raises LinkLost or ReplyTimeout. `open` raises NotConnected. `close_hard` never raises,
    and throws away what has not left the host.
    """

    @property
    def name(self) -> str: ...
    @property
    def resets(self) -> bool: ...
    def open(self, timeout: float) -> None: ...
    def close_hard(self) -> None: ...
    def read(self, timeout: float) -> bytes: ...
    def write(self, data: bytes, timeout: float) -> None: ...


class StreamLink:
    """ports.Link over a RawWire. It never sends anything twice and never connects by itself."""

    def __init__(self, raw: RawWire, wire: Wire) -> None:
        self._raw, self._wire = raw, wire
        self._write_end, self._read_end = wire.write_end.encode("ascii"), wire.read_end.encode("ascii")
        self._lock = threading.Lock()
        self._connected = False
        self._buffer = b""
        self._sent: Delivered = (
            "no"  # "unknown" from the first byte of an order until an answer proves that it was heard
        )
        self._asked = b""
        self._settled_at: float | None = None  # until the first call after connect
        self._hushed = True  # False on a wire that outlives its link, until the first question after connect
        self._last = -math.inf

    @property
    def connected(self) -> bool:
        """No fault has been seen since `connect`."""
        return self._connected

    def connect(self) -> None:
        """Open the wire anew; raises NotConnected. The pause for settling is made by the first call that needs it."""
        with self._lock:
            self._drop()
            self._raw.open(self._wire.timeout)
            self._settled_at = time.monotonic() + self._wire.settle if self._wire.settle else None
            self._hushed, self._connected = self._raw.resets, True

    def drop(self) -> None:
        """End the connection with a reset; harmless if there is none."""
        with self._lock:
            self._drop()

    def query(self, command: str, timeout: float | None = None) -> str:
        """Send a line and return the one that answers it; `timeout` in s, over the whole exchange after its pause."""
        message = self._message(command)
        with self._lock, self._fatal():
            deadline = self._send(message, timeout)
            reply = self._line(deadline)
            self._sent, self._last = "no", time.monotonic()
            return reply

    def order(self, command: str) -> None:
        """Send a line that has no answer. A fault of the wire may show only at the next call, `delivered` unknown."""
        message = self._message(command)
        with self._lock, self._fatal():
            self._send(message, None)
            self._last = time.monotonic()

    def lines(self, timeout: float | None = None) -> list[str]:
        """Whole lines sent since the last call, at least one. The first after `connect` may be the tail of one."""
        with self._lock, self._fatal():
            self._settle()
            self._asked = b""
            deadline = time.monotonic() + (self._wire.timeout if timeout is None else timeout)
            while True:
                while len(self._buffer) <= LIMIT and (data := self._raw.read(0)):
                    self._buffer += data
                *whole, self._buffer = self._buffer.split(self._read_end)
                if texts := [self._text(line) for line in whole if line or not self._wire.skip_empty]:
                    return texts
                self._receive(deadline)

    @contextmanager
    def _fatal(self) -> Iterator[None]:
        """Whatever goes wrong inside, interrupts included, ends the connection: no later call can read what is left."""
        if not self._connected:
            raise NotConnected(f"{self._raw.name}: not connected")
        try:
            yield
        except BaseException as e:
            if isinstance(e, LinkError) and not isinstance(e, BadReply):
                e.delivered = self._sent
            self._drop()
            raise

    def _drop(self) -> None:
        if self._connected:
            self._connected = False
            self._raw.close_hard()
        self._buffer, self._sent = b"", "no"

    @staticmethod
    def _message(command: str) -> bytes:
        if not _TEXT.fullmatch(data := command.encode("utf-8")):
            raise ValueError(f"a command is one line of plain ASCII text, got {command!r}")
        return data

    def _send(self, message: bytes, timeout: float | None) -> float:
        """Send a line, take its echo; returns the deadline of the exchange."""
        self._settle()
        if (pause := self._last + self._wire.min_interval - time.monotonic()) > 0:
            time.sleep(pause)
        if not self._hushed:
            self._hush()
        deadline = time.monotonic() + (self._wire.timeout if timeout is None else timeout)
        self._refuse_stale()
        self._asked = message
        message += self._write_end
        self._sent = "unknown"
        self._raw.write(message, deadline - time.monotonic())
        if self._wire.echo:
            self._take_echo(message, deadline)
        return deadline

    def _settle(self) -> None:
        """Wait for the rest of the settling time, and forget what a board says while it starts."""
        if self._settled_at is not None:
            time.sleep(max(0.0, self._settled_at - time.monotonic()))
            while self._raw.read(0):
                pass
            self._settled_at = None

    def _hush(self) -> None:
        """A reply to an older question, even another program's, may still be under way: wait for one silent timeout."""
        silence = self._wire.timeout
        start = time.monotonic()
        until, heard = start + silence, 0
        while (left := until - time.monotonic()) > 0:
            if data := self._raw.read(left):
                until, heard = time.monotonic() + silence, heard + 1
                # One late piece is no chatter: this process may have been kept waiting itself.
                if heard > 2 and until - start > 3 * silence:
                    raise Desync(f"{self._raw.name}: is not silent before the first question, says {data[:80]!r}")
        self._hushed = True

    def _refuse_stale(self) -> None:
        stale = self._buffer + self._raw.read(0)
        if self._wire.skip_empty:
            stale = stale.strip(self._read_end)
        if stale:
            raise Desync(f"{self._raw.name}: {stale[:80]!r} was waiting before anything had been asked")
        self._buffer = b""

    def _take_echo(self, message: bytes, deadline: float) -> None:
        while True:
            self._skip_empty()
            if not message.startswith(self._buffer[: len(message)]):
                raise BadReply(f"{self._raw.name}: sent {message!r}, the echo is {self._buffer[:80]!r}")
            if len(self._buffer) >= len(message):
                self._buffer = self._buffer[len(message) :]
                return
            self._receive(deadline)

    def _line(self, deadline: float) -> str:
        while True:
            self._skip_empty()
            line, end, rest = self._buffer.partition(self._read_end)
            if end:
                self._buffer = rest
                return self._text(line)
            self._receive(deadline)

    def _skip_empty(self) -> None:
        if self._wire.skip_empty:
            self._buffer = self._buffer.lstrip(self._read_end)

    def _receive(self, deadline: float) -> None:
        if len(self._buffer) > LIMIT:
            raise BadReply(f"{self._raw.name}: more than {LIMIT} bytes without a line end {self._read_end!r}")
        left = deadline - time.monotonic()
        data = self._raw.read(left) if left > 0 else b""
        if not data:
            asked = f" to {self._asked.decode()!r}" if self._asked else ""
            came = f"only {self._buffer[:80]!r}" if self._buffer else "nothing"
            raise ReplyTimeout(f"{self._raw.name}: no whole answer in time{asked}, {came} came")
        self._buffer += data

    def _text(self, line: bytes) -> str:
        if len(line) > LIMIT or not _TEXT.fullmatch(line):
            raise BadReply(
                f"{self._raw.name}: {line[:80]!r} is no line of plain text that ends with {self._read_end!r}"
            )
        return line.decode("ascii")
