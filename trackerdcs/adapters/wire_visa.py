"""Any VISA resource through PyVISA: a vendor's library where there is one, else pyvisa-py (PYVISA_LIBRARY chooses).

What pyvisa-py 0.8.1 does badly on SOCKET and ASRL: `open_resource` succeeds on a closed port, a peer that has closed
looks like a timeout at full CPU load, and partial data is thrown away at a timeout. The latter is harmless, because for
StreamLink every fault ends the connection. `clear()` is never called: on a dead link it does not return.
"""

import math
import socket
import struct
from contextlib import suppress
from functools import cache

import pyvisa
from pyvisa.constants import StatusCode
from pyvisa.resources import MessageBasedResource, SerialInstrument, TCPIPSocket

from trackerdcs.domain.errors import LinkLost, NotConnected

CHUNK = 4096


@cache
def _manager() -> pyvisa.ResourceManager:
    return pyvisa.ResourceManager()


class VisaWire:
    """RawWire over a VISA resource; `read_end` becomes its termination character, `baud` its speed if it is serial."""

    def __init__(self, resource: str, read_end: str, baud: int) -> None:
        self.name = resource
        self.resets = not resource.upper().startswith("ASRL")
        self._read_end, self._baud = read_end, baud
        self._resource: MessageBasedResource | None = None
        self._stream = False
        self._early = b""

    def open(self, timeout: float) -> None:
        """Open and prove that somebody is there: a refused SOCKET shows at the first read. NotConnected if not."""
        # Nothing has been sent, so whatever the library and its protocols raise here means the same (a plain Exception
        # for a silent host, ValueError for a missing USB or GPIB library, OSError, VisaIOError, RPC errors ...).
        self._early = b""
        try:
            resource = _manager().open_resource(self.name, open_timeout=round(timeout * 1000))
            if not isinstance(resource, MessageBasedResource):
                resource.close()
                raise NotConnected(f"{self.name}: {type(resource).__name__} takes no messages")
            self._resource = resource
            self._configure(resource)
            self._early = self.read(0)
        except Exception as e:
            self.close_hard()
            raise NotConnected(f"{self.name}: {e}") from e

    def _configure(self, resource: MessageBasedResource) -> None:
        self._stream = isinstance(resource, SerialInstrument | TCPIPSocket)
        if self._stream:
            resource.read_termination = self._read_end
        if isinstance(resource, SerialInstrument):
            resource.baud_rate = self._baud
        # pyvisa-py can neither switch Nagle off (44 ms for each order that a query follows) nor reset when it closes (a
        # timed-out order would arrive when the cable is back), so its socket is told directly.
        session = getattr(resource.visalib, "sessions", {}).get(resource.session)
        if isinstance(sock := getattr(session, "interface", None), socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 5000)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close_hard(self) -> None:
        """Close the resource; pyvisa-py then resets its socket."""
        if self._resource is not None:
            with suppress(OSError, pyvisa.Error):
                self._resource.close()
            self._resource = None

    def read(self, timeout: float) -> bytes:
        """A line, a part of one or a message, b"" if none comes in time. A bus is not asked for what is there now:
        reading unasked is an error there."""
        data, self._early = self._early, b""
        if data or (timeout <= 0 and not self._stream):
            return data
        try:
            return self._read(self._timed(timeout), CHUNK if timeout > 0 else 1)
        except pyvisa.VisaIOError as e:
            if e.error_code == StatusCode.error_timeout:
                return b""
            raise LinkLost(f"{self.name}: {e}") from e
        except (
            Exception
        ) as e:  # what pyvisa-py's protocols let through is of any class (OSError, RPC errors, RuntimeError)
            raise LinkLost(f"{self.name}: {type(e).__name__}: {e}") from e

    def _read(self, resource: MessageBasedResource, count: int) -> bytes:
        # What has come when time is up is thrown away, so never more is asked for than may be lost: a whole exchange
        # when it fails anyway, else the first byte and what is known to be there.
        if isinstance(resource, SerialInstrument):
            first = resource.read_bytes(1)
            if not (more := resource.bytes_in_buffer):
                return first
            return first + self._timed(1.0).read_bytes(more, chunk_size=more, break_on_termchar=True)
        data = resource.read_bytes(count, chunk_size=count, break_on_termchar=True)
        if self._stream or len(data) == count or data.endswith(self._read_end.encode("ascii")):
            return data
        return data + self._read_end.encode("ascii")  # a message that its bus has ended

    def write(self, data: bytes, timeout: float) -> None:
        """Hand it to the library, whatever it raises is LinkLost."""
        try:
            self._timed(timeout).write_raw(data)
        except Exception as e:  # as above
            raise LinkLost(f"{self.name}: {type(e).__name__}: {e}") from e

    def _timed(self, timeout: float) -> MessageBasedResource:
        assert self._resource is not None
        self._resource.timeout = math.ceil(timeout * 1000)
        return self._resource
