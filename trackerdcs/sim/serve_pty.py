"""A simulated instrument behind a pty with a fixed path: a serial port that lives on when its client closes it."""

import asyncio
import os
import select
import termios
import tty
from pathlib import Path

from trackerdcs.sim.instrument import Instrument
from trackerdcs.sim.serve import SimServer
from trackerdcs.sim.session import Session

LOOK = 0.02  # s; a pty does not tell its master when a client opens it, so we look


class PtyServer(SimServer):
    """An instrument on a pty in raw mode; `path` becomes a symbolic link to it. Cutting it is an unplugged adapter."""

    def __init__(self, instrument: Instrument, path: str | Path) -> None:
        super().__init__(instrument)
        self.path = Path(path)
        self._master: int | None = None
        self._name = ""
        self._gone = asyncio.Event()  # no client has it open
        self._gone.set()
        self._session: Session | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def resource(self) -> str:
        return f"ASRL{self.path}::INSTR"

    async def open(self) -> None:
        self._plug()
        self._session = Session(self.instrument, self.faults, self._write, lambda _: self.cut(), serial=True)
        self._watcher = asyncio.create_task(self._watch())

    async def close(self) -> None:
        self._unplug()
        if self._watcher and self._session:
            self._watcher.cancel()
            await self._session.finish()
            self._watcher = self._session = None

    def cut(self) -> None:
        if self._master is not None:
            self._closed()
            old = self._master
            self._plug()  # before the client hears of it and looks for the new one
            os.close(old)

    def _plug(self) -> None:
        if self.path.is_symlink():
            if not os.readlink(self.path).startswith("/dev/pts/"):
                raise FileExistsError(f"{self.path} links to {os.readlink(self.path)}, which is no pty")
        elif self.path.exists():
            raise FileExistsError(f"{self.path} is there already and is no link to a pty")
        self._master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self._master, False)
        self._name = os.ttyname(slave)
        os.close(slave)  # from now on the master hangs up whenever no client has it open
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        beside.symlink_to(self._name)
        beside.replace(self.path)

    def _unplug(self) -> None:
        if self._master is None:
            return
        self._closed()
        os.close(self._master)
        self._master = None
        if self.path.is_symlink() and os.readlink(self.path) == self._name:
            self.path.unlink()

    async def _watch(self) -> None:
        while True:
            await self._gone.wait()
            if self._master is not None and self._session:
                poll = select.poll()
                poll.register(self._master, select.POLLIN)
                events = dict(poll.poll(0)).get(self._master, 0)
                if not events & select.POLLHUP or events & select.POLLIN:
                    self._gone.clear()
                    asyncio.get_running_loop().add_reader(self._master, self._read)
                    self._session.opened()
            await asyncio.sleep(LOOK)

    def _read(self) -> None:
        if self._master is None or self._session is None:
            return
        try:
            data = os.read(self._master, 65536)
        except BlockingIOError:
            return
        except OSError:
            self._closed()
            self._flush()
        else:
            self._session.feed(data)

    def _closed(self) -> None:
        if self._master is not None and self._session and not self._gone.is_set():
            self._gone.set()
            asyncio.get_running_loop().remove_reader(self._master)
            self._session.closed()

    def _flush(self) -> None:
        # What the last client did not read must not wait for the next one: a serial port forgets it.
        slave = os.open(self._name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        termios.tcflush(slave, termios.TCIFLUSH)
        os.close(slave)

    def _write(self, data: bytes) -> None:
        if self._master is not None and not self._gone.is_set():
            try:
                os.write(self._master, data)
            except BlockingIOError:
                return  # nobody reads: a serial port loses what does not fit
