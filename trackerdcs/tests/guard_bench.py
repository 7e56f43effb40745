"""For tests: a guard on a bus in memory with short periods, a board that talks, and a client that listens."""

import asyncio
import contextlib
import logging
import tempfile
import unittest
from pathlib import Path

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.guard import Guard
from trackerdcs.app.requester import Requester, Unknown
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.instrument import Channel, CommandSpec, Quantity
from trackerdcs.domain.interlock import ConditionConfig, InterlockConfig
from trackerdcs.domain.messages import Ack, Event, Frame, Interlock, Value
from trackerdcs.domain.wiring import Wired
from trackerdcs.tests.waiting import until

PERIOD = 0.1
DEVICES = {
    "env1": Wired("env", {"-": Channel({"rh": Quantity("%"), "t_air": Quantity("degC")})}, PERIOD),
    "hv1": Wired("hv", {"ch0": Channel({"on": Quantity("1")}, {"on": CommandSpec()})}, PERIOD),
}
HUMID = ConditionConfig("env1.rh", "never", max=50.0, hysteresis=5.0)
DRY = {
    "dry": InterlockConfig({"humid": HUMID}),
    "warm": InterlockConfig({"cold": ConditionConfig("env1.t_air", "never", min=5.0)}),
}


class Jumping(SystemClock):
    """A clock of the guard's computer that somebody sets."""

    jump = 0

    def now(self) -> int:
        return super().now() + self.jump


class GuardCase(unittest.IsolatedAsyncioTestCase):
    """A guard with short periods, a board that talks (`rh`; None: it is silent), and a client that listens."""

    async def asyncSetUp(self) -> None:
        logging.disable(logging.WARNING)
        self.addCleanup(logging.disable, logging.NOTSET)
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "guard.commands.sqlite")
        self.broker, self.clock, self.boots = MemoryBroker(), SystemClock(), 0
        self.guards_clock = Jumping()
        self.values: dict[str, Value] | None = {"rh": 30.0, "t_air": 20.0}
        self.hv_on = False
        self.said: dict[str, list[Interlock]] = {name: [] for name in DRY}
        self.at: dict[str, float] = {}
        self.events: list[Event] = []
        self.stack = contextlib.AsyncExitStack()
        self.addAsyncCleanup(self.stack.aclose)
        self.client = await self.stack.enter_async_context(MemoryBus(self.broker, "client"))
        self.board = await self.stack.enter_async_context(MemoryBus(self.broker, "board"))
        self._tasks = [asyncio.create_task(job) for job in (self._hear(), self._talk())]
        self.guard: asyncio.Task[None] | None = None
        await asyncio.sleep(0)

    async def asyncTearDown(self) -> None:
        await self.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def start(self) -> None:
        """A start of the guard service."""
        self.boots += 1
        self.guard = asyncio.create_task(self.serve())
        await until(lambda: self.of_this_boot("dry"))

    async def serve(self) -> None:
        who = Who("s", "guard", f"boot{self.boots}", "0")
        log, ledger = SqliteCommandLog(self.path), SqliteLedger(self.path.with_name("guard.ledger.sqlite"))
        try:
            async with MemoryBus(self.broker, f"guard{self.boots}", will_of(who, self.clock)) as bus:
                await Guard(who, DRY, DEVICES, None, bus, log, ledger, self.guards_clock, PERIOD).run()
        finally:
            log.close()
            ledger.close()

    async def stop(self) -> None:
        if self.guard is not None:
            self.guard.cancel()
            await asyncio.wait({self.guard})

    async def tell(self, cmd: str, reason: str | None = None, **args: float | str) -> Ack | Unknown:
        """The last answer to a command."""
        requester = Requester(self.client, self.clock, "cli", 20.0)
        return [a async for a in requester.request("s", "guard", cmd, args=args, reason=reason)][-1]

    async def refused(self, why: str, cmd: str, reason: str | None = None, **args: float | str) -> None:
        answer = await self.tell(cmd, reason, **args)
        assert isinstance(answer, Ack)
        self.assertEqual(answer.state, "refused")
        self.assertIn(why, answer.why or "")

    async def done(self, cmd: str, reason: str | None = None, **args: float | str) -> None:
        answer = await self.tell(cmd, reason, **args)
        assert isinstance(answer, Ack)
        self.assertEqual((answer.state, answer.why), ("done", None))

    def of_this_boot(self, name: str) -> list[Interlock]:
        return [i for i in self.said[name] if i.boot == f"boot{self.boots}"]

    def now(self, name: str = "dry") -> Interlock:
        return self.said[name][-1]

    async def state(self, state: str, name: str = "dry") -> Interlock:
        await until(lambda: self.of_this_boot(name) and self.now(name).state == state)
        return self.now(name)

    async def past(self, seq: int) -> None:
        await until(lambda: self.now().seq > seq)

    def reported(self) -> list[tuple[str, str]]:
        return [(e.event, str(e.data["interlock"])) for e in self.events if "interlock" in e.data]

    async def _hear(self) -> None:
        async for delivery in self.client.subscribe(topics.interlocks_of("s"), topics.any_device("s", "event")):
            if delivery.retained:
                continue
            where = topics.parse(delivery.topic)
            if where.kind == "event":
                self.events.append(decode(Event, delivery.payload))
            else:
                self.said[where.item or ""].append(decode(Interlock, delivery.payload))

    async def _talk(self) -> None:
        seq = 0
        while True:
            ts = self.clock.now()
            with contextlib.suppress(BusDown):
                if self.values is not None:
                    frame = Frame(ts, seq, "b", "1", "env", {"-": self.values})
                    await self.board.publish(topics.of_device("s", "env1", "frame"), encode(frame), retain=True)
                hv = Frame(ts, seq, "b", "1", "hv", {"ch0": {"on": self.hv_on}})
                await self.board.publish(topics.of_device("s", "hv1", "frame"), encode(hv), retain=True)
            seq += 1
            await asyncio.sleep(PERIOD / 2)
