"""Bytes through a file descriptor that does not block: what a TCP socket and a serial port have in common."""

import os
import select
import time

from trackerdcs.domain.errors import LinkLost, ReplyTimeout

CHUNK = 65536


class FdWire:
    """Reads and writes the descriptor that `open` of a subclass has attached; `name` begins every error. Times in s."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _attach(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(fd, select.POLLIN)
        self._writable.register(fd, select.POLLOUT)

    def read(self, timeout: float) -> bytes:
        """What is there, or what comes first; b"" if nothing comes in time; LinkLost at the end of the stream."""
        # A serial port that does not block reads as b"" when it is empty: only after a poll this means its end.
        if not self._readable.poll(timeout * 1000):
            return b""
        try:
            data = os.read(self._fd, CHUNK)
        except BlockingIOError:
            return b""
        except OSError as e:
            raise LinkLost(f"{self.name}: {e.strerror}") from e
        if not data:
            raise LinkLost(f"{self.name}: the other side has closed the connection")
        return data

    def write(self, data: bytes, timeout: float) -> None:
        """Hand all of it to the kernel; ReplyTimeout if it does not take it in time."""
        deadline = time.monotonic() + timeout
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError as e:
                if not self._writable.poll(max(0.0, deadline - time.monotonic()) * 1000):
                    raise ReplyTimeout(f"{self.name}: takes no more bytes") from e
            except OSError as e:
                raise LinkLost(f"{self.name}: {e.strerror}") from e
