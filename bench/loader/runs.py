"""One run of one loader: fresh servers, a load, time, processor time, memory, and whether all of it was stored."""

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.loader.load import Load, Progress, Stored, sent
from bench.loader.peers import Peer, Place
from bench.loader.process import Died, Watched, cpu_s, peak_mb
from trackerdcs.tests.servers import Influxd, Mosquitto

BROKER = (
    "max_inflight_messages 0",
    "max_queued_messages 0",
    "persistence false",
    "log_type error",
    "log_type subscribe",
)
START_S, PATIENCE_S, LONG_PATIENCE_S = 30.0, 20.0, 90.0
SETTLE_S = 1.0
"""After a subscription, before the load: what a start leaves behind is not counted."""
TAIL_S = 0.5
"""After the last point, before processor time is read: acknowledgements are part of the work."""


@dataclass(frozen=True)
class Run:
    """What one run gave; `seconds` to the first point and to all; None: it never came to that."""

    peer: str
    count: int
    first: float | None
    seconds: float | None
    slope: float
    found: str
    exact: bool
    cpu: dict[str, float]
    rss: float
    load: float

    @property
    def rate(self) -> float:
        """Messages per second; 0 for a run that is not exact."""
        return self.count / self.seconds if self.exact and self.seconds else 0.0

    def us(self, process: str) -> float:
        """Processor time per message in us; 0 where it was not measured."""
        return self.cpu.get(process, 0.0) / self.count * 1e6

    def line(self) -> str:
        """A line of progress."""
        first = f"first {self.first:.2f} s, " if self.first else ""
        times = (
            f"{first}all {self.seconds:.2f} s, {self.rate:.0f}/s, between {self.slope:.0f}/s"
            if self.seconds
            else "never complete"
        )
        cpu = ", ".join(f"{name} {self.us(name):.1f}" for name in self.cpu)
        exact = f"{'exact' if self.exact else 'NOT EXACT'}: {self.found}"
        return f"{self.peer}: {times}; {exact}; us/message: {cpu}; RSS {self.rss:.0f} MB; load {self.load:.1f}"


def failed(peer: Peer, load: Load, why: str) -> Run:
    """A run that gave nothing but a reason."""
    return Run(peer.name, load.count, None, None, 0.0, why, False, {}, 0.0, os.getloadavg()[0])


@contextmanager
def place() -> Iterator[Place]:
    """Servers that nobody has used, and a folder."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder,
        Influxd() as database,
        Mosquitto(BROKER) as broker,
    ):
        yield Place(broker, database, Path(folder))


def wait_for_subscription(at: Place, peer: Peer, process: Watched) -> None:
    """Until the broker's log has a subscription of the peer."""
    end = time.monotonic() + START_S
    while not re.search(rf": {peer.client_id}\S* 1 ", at.broker.log()):
        if process.ended() or time.monotonic() > end:
            raise Died(f"has not subscribed: {' '.join(process.log.read_text().split())[-300:]}")
        time.sleep(0.02)


class Meter:
    """Processor time of the three processes from now on."""

    def __init__(self, at: Place, process: Watched, since_start: bool = False) -> None:
        self._pids = {"loader": process.pid, "broker": at.broker.pid, "database": at.database.pid}
        self._began = self._now()
        if since_start:
            self._began["loader"] = 0.0

    def _now(self) -> dict[str, float]:
        return {name: cpu_s(pid) for name, pid in self._pids.items()}

    def read(self) -> dict[str, float]:
        """Seconds."""
        return {name: now - self._began[name] for name, now in self._now().items()}


def live(peer: Peer, load: Load) -> Run:
    """From the first message sent to the last point in the database; the loader is up and subscribed before."""
    with place() as at, peer.start(at, load) as process:
        wait_for_subscription(at, peer, process)
        time.sleep(SETTLE_S)
        if not peer.stores:
            return _sink(peer, load, at, process)
        meter = Meter(at, process)
        generator = load.start(at.broker.port)
        progress = _wait(load, at, process)
        return _judged(peer, load, at, process, meter, progress, sent(generator)[0])


def drain(peer: Peer, load: Load) -> Run:
    """A session with all messages waiting: from the loader's start, which is included, to the last point."""
    with place() as at:
        with peer.start(at, load) as process:
            wait_for_subscription(at, peer, process)
            time.sleep(SETTLE_S)
        sent(load.start(at.broker.port))
        time.sleep(SETTLE_S)
        began = time.monotonic()
        with peer.start(at, load) as process:
            meter = Meter(at, process, since_start=True)
            return _judged(peer, load, at, process, meter, _wait(load, at, process), began)


def outage(peer: Peer, load: Load) -> Run:
    """The database does not answer while all messages come: from its return to the last point."""
    with place() as at, peer.start(at, load) as process:
        wait_for_subscription(at, peer, process)
        time.sleep(SETTLE_S)
        meter = Meter(at, process)
        at.database.freeze()
        sent(load.start(at.broker.port))
        time.sleep(SETTLE_S)
        began = time.monotonic()
        at.database.thaw()
        return _judged(peer, load, at, process, meter, _wait(load, at, process, LONG_PATIENCE_S), began)


def _wait(load: Load, at: Place, process: Watched, patience_s: float = PATIENCE_S) -> Progress:
    return Stored(at.database, load).wait(patience_s, lambda: process.pid)


def _judged(peer: Peer, load: Load, at: Place, process: Watched, meter: Meter, progress: Progress, began: float) -> Run:
    time.sleep(TAIL_S)
    cpu, rss, busy = meter.read(), peak_mb(process.pid), os.getloadavg()[0]
    stored = Stored(at.database, load)
    (points, total), values = stored.whole(), stored.values()
    exact = (points, total) == load.expected and values == load.count * load.quantities
    found = f"{points} points, sum {total}" + ("" if exact else f", expected {load.expected}; {values} values")
    first, last = (None if t is None else t - began for t in (progress.first(), progress.all))
    return Run(peer.name, load.count, first, last, progress.slope(load), found, exact, cpu, rss, busy)


def _sink(peer: Peer, load: Load, at: Place, process: Watched) -> Run:
    """Nothing is stored: it counts by itself, and says when it has all."""
    before = cpu_s(at.broker.pid)
    began, _ = sent(load.start(at.broker.port))
    end = time.monotonic() + PATIENCE_S
    while not process.ended() and time.monotonic() < end:
        time.sleep(0.01)
    if not process.ended():
        return failed(peer, load, "did not get all")
    received, last, used = process.log.read_text().split()
    cpu = {"loader": float(used), "broker": cpu_s(at.broker.pid) - before}
    exact, busy = int(received) == load.count, os.getloadavg()[0]
    return Run(peer.name, load.count, None, float(last) - began, 0.0, f"{received} received", exact, cpu, 0.0, busy)
