"""For tests: one simulated instrument on a real port or pty, served by a loop in a thread of its own."""

import asyncio
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from trackerdcs.sim.faults import Value
from trackerdcs.sim.instrument import Instrument, Truth
from trackerdcs.sim.serve import SimServer, TcpServer
from trackerdcs.sim.serve_pty import PtyServer

T = TypeVar("T")


class RunningFaults:
    """The faults of a running simulator, set from the test's thread."""

    def __init__(self, running: "RunningSim") -> None:
        self._running = running

    def set(self, name: str, times: int | None = 1, **args: Value) -> None:
        self._running.do(self._running.server.fault(name, times, args))

    def clear(self, name: str | None = None) -> None:
        self._running.do(self._running.server.clear(name))


class RunningSim:
    """A simulator that can be asked from the test's thread."""

    def __init__(self, server: SimServer, loop: asyncio.AbstractEventLoop) -> None:
        self.server, self.loop = server, loop
        self.instrument, self.world = server.instrument, server.instrument.world
        self.faults = RunningFaults(self)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(5)

    @property
    def resource(self) -> str:
        return self.server.resource

    @property
    def transcript(self) -> list[str]:
        """The lines received so far, oldest first."""

        async def copy() -> list[str]:
            return list(self.instrument.transcript)

        return self.do(copy())

    def truth(self) -> Truth:
        async def ask() -> Truth:
            return self.instrument.truth()

        return self.do(ask())


@contextmanager
def running(instrument: Instrument, kind: Literal["tcp", "pty"] = "tcp") -> Iterator[RunningSim]:
    """Serve an instrument on a free port of 127.0.0.1 or on a pty until the block ends."""
    started: Future[RunningSim] = Future()
    stop = asyncio.Event()

    async def serve(folder: str) -> None:
        server = TcpServer(instrument) if kind == "tcp" else PtyServer(instrument, Path(folder, instrument.name))
        async with server:
            started.set_result(RunningSim(server, asyncio.get_running_loop()))
            await stop.wait()

    def run() -> None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                asyncio.run(serve(folder))
        except OSError as e:
            started.set_exception(e)

    thread = threading.Thread(target=run, name=f"sim {instrument.name}")
    thread.start()
    sim = started.result(5)
    try:
        yield sim
    finally:
        sim.loop.call_soon_threadsafe(stop.set)
        thread.join(5)


def until(condition: Callable[[], object]) -> bool:
    """Wait until something is so, at most 5 s; whether it became so."""
    end = time.monotonic() + 5.0
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
