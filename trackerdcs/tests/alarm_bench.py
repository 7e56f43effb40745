"""For tests: an alarm service on a broker, devices that talk, and a client that listens and commands."""

import asyncio
import contextlib
import logging
import unittest
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from trackerdcs.adapters.alarms_sqlite import SqliteAlarms
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.app.alarms import Alarms
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.requester import Requester, Unknown
from trackerdcs.domain import topics
from trackerdcs.domain.alarm_config import AlarmRule
from trackerdcs.domain.alarm_tree import Tree
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.freshness import SILENCE
from trackerdcs.domain.messages import Ack, Alarm, Event, Frame, Readings, Status
from trackerdcs.ports import Bus, Will
from trackerdcs.tests.waiting import until

Join = Callable[[str, Will | None], Bus]
PERIOD = 0.1


def quiet(case: unittest.TestCase) -> None:
    """No warnings of the services in the log of the tests."""
    logging.disable(logging.WARNING)
    case.addCleanup(logging.disable, logging.NOTSET)


class Device:
    """Says its frames and its status as long as it is told to; its values may be changed."""

    def __init__(self, bus: Bus, name: str, values: Readings, stand: str = "s") -> None:
        self._bus, self.name, self.values, self._stand = bus, name, values, stand
        self.talks = self.beats = True
        self.status: Status | None = None
        self.state: str = "online"

    async def say(self, leaf: str, message: Frame | Status | Event, retain: bool = True) -> None:
        with contextlib.suppress(BusDown):
            await self._bus.publish(topics.of_device(self._stand, self.name, leaf), encode(message), retain=retain)

    async def run(self) -> None:
        clock, seq = SystemClock(), 0
        while True:
            ts = clock.now()
            if self.beats:
                error = None if self.state == "online" else "broken"
                state = "fault" if self.state == "fault" else "offline" if self.state == "offline" else "online"
                await self.say("status", Status(state, ts, ts, "b", "0", error))  # type: ignore[arg-type]
            if self.talks:
                await self.say("frame", Frame(ts, seq, "b", "0", "x", self.values, sim=True))
            seq += 1
            await asyncio.sleep(PERIOD / 2)


class AlarmBench:
    """Alarms of the stand `s`: what was said of each, in order, and the events; `start`, `stop` and `tell`."""

    def __init__(self, join: Join, folder: Path, rules: dict[str, AlarmRule], tree: Tree) -> None:
        self.join, self.folder, self.rules, self.tree = join, folder, rules, tree
        self.boots = 0
        self.silence, self.period = SILENCE, PERIOD
        self.said: dict[str, list[Alarm]] = {}
        self.gone: list[str] = []
        self.events: list[Event] = []
        self._stack, self._tasks = AsyncExitStack(), list[asyncio.Task[None]]()
        self._service: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["AlarmBench"]:
        async with self._stack:
            self.client = await self._stack.enter_async_context(self.join("client", None))
            self.begin(self._hear())
            await asyncio.sleep(0.05)
            try:
                yield self
            finally:
                await self.stop()
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    async def device(self, name: str, values: Readings) -> Device:
        bus = await self._stack.enter_async_context(self.join(name, None))
        device = Device(bus, name, values)
        self.begin(device.run())
        return device

    def begin(self, job: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(job))

    def start(self) -> None:
        self.boots += 1
        self._service = asyncio.create_task(self._serve(Who("s", "alarms", f"boot{self.boots}", "0")))

    async def _serve(self, who: Who) -> None:
        stores = (
            SqliteCommandLog(self.folder / "alarms.commands.sqlite"),
            SqliteLedger(self.folder / "alarms.ledger.sqlite"),
            SqliteAlarms(self.folder / "alarms.sqlite"),
        )
        clock = SystemClock()
        try:
            async with self.join(who.boot, will_of(who, clock)) as bus:
                service = Alarms(who, self.rules, self.tree, None, bus, *stores, clock, self.period, self.silence)
                await service.run()
        finally:
            for store in stores:
                store.close()

    async def stop(self) -> None:
        if self._service is not None:
            self._service.cancel()
            await asyncio.wait({self._service})
            if not self._service.cancelled() and (error := self._service.exception()):
                raise error
            self._service = None

    def now(self, name: str) -> Alarm | None:
        """What this start of the service has said of an alarm last."""
        said = self.said.get(name)
        return said[-1] if said and said[-1].boot == f"boot{self.boots}" else None

    async def state(self, name: str, state: str) -> Alarm:
        """Wait for a state."""
        try:
            await until(lambda: (now := self.now(name)) is not None and now.state == state, 20.0)
        except TimeoutError:
            raise AssertionError(f"{name}: expected {state}, got {self.now(name)}") from None
        now = self.now(name)
        assert now is not None
        return now

    async def tell(self, cmd: str, reason: str | None = None, **args: float | str) -> str:
        """The end of a command: `done`, or why not."""
        requester = Requester(self.client, SystemClock(), "cli", 20.0)
        answer = [a async for a in requester.request("s", "alarms", cmd, args=args, reason=reason)][-1]
        assert not isinstance(answer, Unknown), answer
        assert isinstance(answer, Ack)
        return "done" if answer.state == "done" else answer.why or answer.state

    def reported(self, name: str) -> list[str]:
        return [event.event for event in self.events if event.data.get("alarm") == name]

    async def _hear(self) -> None:
        filters = (topics.alarms_of("s"), topics.of_device("s", "alarms", "event"))
        async for delivery in self.client.subscribe(*filters):
            delivery.acknowledge()
            where = topics.parse(delivery.topic)
            if where.kind == "event":
                self.events.append(decode(Event, delivery.payload))
            elif not delivery.payload:
                self.gone.append(where.item or "")
            else:
                self.said.setdefault(where.item or "", []).append(decode(Alarm, delivery.payload))
