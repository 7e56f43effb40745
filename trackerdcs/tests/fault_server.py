"""An instrument on a real socket or pty that repeats what follows `ECHO `, and misbehaves as its script says."""

import os
import select
import socket
import struct
import tempfile
import threading
import tty
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Protocol, Self

POLL = 0.02


class Fault(StrEnum):
    """What is wrong with one reply."""

    LATE = "late"
    PARTIAL = "partial"
    GARBLED = "garbled"
    DOUBLED = "doubled"
    CLOSED = "closed"
    RESET = "reset"
    HUNG = "hung"
    SILENT = "silent"
    OVERLONG = "overlong"
    WRONG_ECHO = "wrong_echo"
    EMPTY_LINES = "empty_lines"


class Port(Protocol):
    """One connection of a client."""

    def fileno(self) -> int: ...
    def read(self) -> bytes: ...
    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...
    def reset(self) -> None: ...


class FaultServer:
    """Serves until it is left as a context. `script` holds one fault for each coming request, None for a good one.

    What is late waits for `release`. An order (any line but `ECHO ...`) gets no reply; `script` counts it all the same.
    """

    echo = False
    end = b"\n"
    resource: str

    def __init__(self) -> None:
        self.script: deque[Fault | None] = deque()
        self.received: list[str] = []
        self.ends: list[str] = []
        self._down = threading.Event()
        self._go = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._ports: list[Port] = []

    def release(self) -> None:
        """Let what was held back go on, and wait until it has been said."""
        self._go.set()
        assert self._idle.wait(5), "what was held back was not said"

    def say(self, data: bytes) -> None:
        """Talk unasked to the one client, as soon as it is there."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._ports, 5), "no client"
        self._ports[-1].write(data)

    def wait_for(self, what: list[str], item: str, timeout: float = 5.0) -> bool:
        """True as soon as `item` is in `received` or `ends`."""
        with self._changed:
            return self._changed.wait_for(lambda: item in what, timeout)

    def plug(self) -> None:
        """Be reachable."""
        self._down.clear()

    def unplug(self) -> None:
        """Be gone, together with what is connected."""
        self._down.set()
        self._go.set()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive(), "the server does not end"
        self._threads.clear()

    def __enter__(self) -> Self:
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        self._threads.append(thread := threading.Thread(target=target, args=args, daemon=True))
        thread.start()

    def _note(self, what: list[str], item: str) -> None:
        with self._changed:
            what.append(item)
            self._changed.notify_all()

    def _hold(self) -> None:
        self._go.clear()
        self._idle.clear()
        self._go.wait()

    def _serve(self, port: Port) -> None:
        buffer, end = b"", "unplugged"
        self._ports.append(port)
        self._note([], "")
        try:
            while not self._down.is_set():
                if not select.select([port], [], [], POLL)[0]:
                    continue
                if self.script and self.script[0] is Fault.HUNG:
                    self.script.popleft()
                    self._hold()
                    if not select.select([port], [], [], 0)[0]:
                        self._idle.set()
                        continue
                if not (data := port.read()):
                    end = "eof"
                    break
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    self._answer(port, line)
                    self._idle.set()
        except ConnectionResetError:
            end = "reset"
        except (OSError, ValueError):  # the fault was to end the connection, or the client has ended it
            end = "gone"
        port.close()
        self._ports.remove(port)
        self._idle.set()
        self._note(self.ends, end)

    def _answer(self, port: Port, line: bytes) -> None:
        fault = self.script.popleft() if self.script else None
        self._note(self.received, line.decode("ascii"))
        reply = line.removeprefix(b"ECHO ") + self.end if line.startswith(b"ECHO ") else b""
        if self.echo:
            port.write(b"what?\n" if fault is Fault.WRONG_ECHO else line + b"\n")
        match fault:
            case Fault.LATE:
                self._hold()
                port.write(reply)
            case Fault.PARTIAL:
                port.write(reply[:1])
                self._hold()
                port.write(reply[1:])
            case Fault.GARBLED:
                port.write(b"\xff\xfe" + reply)
            case Fault.DOUBLED:
                port.write(reply * 2)
            case Fault.CLOSED:
                port.close()
            case Fault.RESET:
                port.reset()
            case Fault.SILENT:
                pass
            case Fault.OVERLONG:
                port.write(b"9" * 70_000)
            case Fault.EMPTY_LINES:
                port.write(b"\n\n" + reply + b"\n")
            case _:
                port.write(reply)


class _TcpPort:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.fileno, self.close = connection.fileno, connection.close

    def read(self) -> bytes:
        return self._connection.recv(65536)

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)

    def reset(self) -> None:
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


class TcpFaultServer(FaultServer):
    """Behind a TCP port, a thread for each connection."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__()
        self._address = (host, 0)
        self._listener: socket.socket | None = None

    def plug(self) -> None:
        super().plug()
        self._listener = socket.create_server(self._address)
        self._address = self._listener.getsockname()
        self.resource = f"TCPIP::{self._address[0]}::{self._address[1]}::SOCKET"
        self._start(self._accept, self._listener)

    def unplug(self) -> None:
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            self._listener.close()
            self._listener = None
        super().unplug()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._start(self._serve, _TcpPort(connection))


class _PtyPort:
    def __init__(self, master: int, slave: int, before_close: Callable[[], None]) -> None:
        self._master, self._slave, self._before_close = master, slave, before_close

    def fileno(self) -> int:
        return self._master

    def read(self) -> bytes:
        return os.read(self._master, 65536)

    def write(self, data: bytes) -> None:
        while data and select.select([], [self._master], [], 0.5)[1]:  # nobody reads: the rest is lost
            data = data[os.write(self._master, data) :]

    def close(self) -> None:
        if self._master >= 0:
            self._before_close()
            os.close(self._slave)
            os.close(self._master)
            self._master = -1

    reset = close


class PtyFaultServer(FaultServer):
    """Behind a pty; the same path leads to a new one after the old one was closed, as udev's stable names do."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.path = Path(self._folder.name) / "board"
        self.resource = f"ASRL{self.path}::INSTR"

    def plug(self) -> None:
        super().plug()
        self._renew()
        self._start(self._run)

    def unplug(self) -> None:
        super().unplug()
        self.path.unlink(missing_ok=True)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._folder.cleanup()

    def _renew(self) -> None:
        if self._down.is_set():
            return
        # The server keeps the other end open too: otherwise the pty ends whenever a client closes it.
        master, slave = os.openpty()
        os.set_blocking(master, False)
        tty.setraw(slave)
        fresh = self.path.with_suffix(".new")
        fresh.symlink_to(os.ttyname(slave))
        fresh.replace(self.path)
        self._port = _PtyPort(master, slave, self._renew)

    def _run(self) -> None:
        while not self._down.is_set():
            self._serve(self._port)
