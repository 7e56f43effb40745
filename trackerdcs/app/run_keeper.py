"""What a service does for runs on the side: writes that wait for their store, and what has happened to the stand."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain.errors import StoreDown, StoreFault
from trackerdcs.domain.messages import Command, Event, Interlock, Message
from trackerdcs.domain.run import RunEvent
from trackerdcs.domain.topics import Topic
from trackerdcs.ports import Clock

WAITING = 10_000
"""Writes that may wait for a store that is away."""
RETRY = 2.0
FAULTS = ("down", "fault", "full")
EVENTS = 5000

log = logging.getLogger(__name__)


class StoreQueue:
    """Writes to a store one after the other, in a thread; one that is away is waited for."""

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], object]] = deque()
        self._wake = asyncio.Event()
        self._edge = EdgeLog(log)
        self.fault: str | None = None
        """Why nothing is written, for the status of the service."""

    def put(self, job: Callable[[], object]) -> None:
        """To be done soon; the oldest is given up where too many wait."""
        if len(self._jobs) >= WAITING:
            self._jobs.popleft()
            self._edge.fail("full", "the store of runs is away for too long: what waits longest is given up")
        self._jobs.append(job)
        self._wake.set()

    async def run(self) -> None:
        """Write, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._jobs:
                job = self._jobs[0]
                well = False
                try:
                    await asyncio.to_thread(job)
                    well = True
                except StoreDown as e:
                    self.fault = f"the store of runs is away: {e}"
                    self._edge.fail("down", self.fault)
                    await asyncio.sleep(RETRY)
                    continue
                except StoreFault as e:
                    self._edge.fail("fault", f"the store of runs refuses: {e}")
                except Exception as e:  # noqa: BLE001 what no store was made for must not end the service, and all runs
                    self._edge.fail("fault", f"the store of runs cannot take a write, which is given up: {e!r}")
                self.fault = None
                for key in FAULTS if well else ("down",):
                    self._edge.ok(key, "the store of runs is written again")
                if self._jobs and self._jobs[0] is job:
                    self._jobs.popleft()


class RunKeeper:
    """Remembers what a run is to say of its window. `tell` is to be called with every live message of the stand."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: deque[tuple[int, str, str]] = deque(maxlen=EVENTS)
        """Time, device and id of commands."""
        self._events: deque[RunEvent] = deque(maxlen=EVENTS)
        self._locks: dict[str, str] = {}

    def tell(self, where: Topic, message: Message) -> None:
        """One message of the stand."""
        device = where.device or ""
        match message:
            case Command():
                self._heard.append((self._clock.now(), device, message.id))
            case Event():
                source = f"{device}.{message.ch}" if message.ch else device
                self._events.append(RunEvent(self._clock.now(), source, message.event, message.why or ""))
            case Interlock():
                name, before = where.item or "", self._locks.get(where.item or "")
                self._locks[name] = message.state
                if before is not None and before != message.state:
                    why = ": ".join(filter(None, (message.first, message.why)))
                    self._events.append(RunEvent(self._clock.now(), f"interlock {name}", message.state, why))

    def events(self, devices: set[str], start: int, end: int) -> list[RunEvent]:
        """What happened in a window to these devices, and to interlocks."""
        return [
            e
            for e in self._events
            if e.ts is not None
            and start <= e.ts <= end
            and (e.source.partition(".")[0] in devices or e.source.startswith("interlock "))
        ]

    def commands(self, devices: set[str], start: int, end: int) -> tuple[str, ...]:
        """Ids of the commands to these devices in a window."""
        return tuple(dict.fromkeys(id for ts, device, id in self._heard if device in devices and start <= ts <= end))
