"""A raw TCP connection to an instrument that is always ended with a reset."""

import socket
import struct

from trackerdcs.adapters.wire_fd import FdWire
from trackerdcs.domain.errors import NotConnected

# The kernel finds a dead peer within seconds, with or without traffic. The linger is set at once, so that even a killed
# process resets: an order that the kernel still holds must not reach the instrument when the cable is back.
_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 5000),
    (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
)


class TcpWire(FdWire):
    """RawWire over a socket."""

    resets = True

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port}")
        self._host, self._port = host, port
        self._socket: socket.socket | None = None

    def open(self, timeout: float) -> None:
        """Connect within `timeout` s for each address of the host; NotConnected says which host and port."""
        try:
            self._socket = socket.create_connection((self._host, self._port), timeout)
            for level, option, value in _OPTIONS:
                self._socket.setsockopt(level, option, value)
        except (OSError, UnicodeError) as e:
            self.close_hard()
            raise NotConnected(f"{self.name}: {e}") from e
        self._attach(self._socket.fileno())

    def close_hard(self) -> None:
        """Reset."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
