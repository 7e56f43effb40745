"""For tests: a command desk whose executions are written down instead of done."""

import asyncio
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path

from trackerdcs.adapters.bus_queues import Received
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.app.command_desk import CommandDesk
from trackerdcs.app.ledger_keeper import LedgerKeeper
from trackerdcs.domain.codec import encode
from trackerdcs.domain.desk import Args, Policy
from trackerdcs.domain.instrument import Argument, Channel, CommandSpec
from trackerdcs.domain.messages import Ack, Command, Value

POLICY = Policy(
    {
        "ch0": Channel(
            {},
            {
                "set_voltage": CommandSpec({"v": Argument("number", "V", -800.0, 0.0)}),
                "on": CommandSpec(),
                "off": CommandSpec(),
                "emergency_off": CommandSpec(),
                "set_current_limit": CommandSpec({"i": Argument()}),
            },
        )
    },
    None,
)
TOPIC = "dcs/v1/s/d/cmd/cli"


class DeskCase(unittest.IsolatedAsyncioTestCase):
    """A desk on a log in a file of its own; `gate` holds executions up, `error` is what they raise."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # a disk that hung may answer late
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "c.sqlite")
        self.log = SqliteCommandLog(self.path)
        self.addCleanup(self.log.close)
        self.ledger = SqliteLedger(Path(folder.name, "l.sqlite"))
        self.addCleanup(self.ledger.close)
        self.objection: str | None = None
        self.acks: list[Ack] = []
        self.reports: list[tuple[str, str]] = []
        self.executed: list[tuple[str, str, Args]] = []
        self.gate: asyncio.Event | None = None
        self.error: Exception | None = None
        self.clock = SystemClock()
        self.keeper = LedgerKeeper(self.ledger, "boot", self.clock)
        self.addCleanup(self.keeper.close, 5.0)
        self.desk = self.make()

    async def asyncTearDown(self):
        if self.gate:
            self.gate.set()
        await self.desk.stop()

    def make(self, log: SqliteCommandLog | None = None, policy: Policy | None = POLICY) -> CommandDesk:
        return CommandDesk(
            lambda: policy,
            self.execute,
            lambda cmd, ch, args: self.objection,
            self.acks.append,
            lambda event, why: self.reports.append((event, why)),
            log or self.log,
            self.keeper,
            self.clock,
        )

    async def execute(self, cmd: str, ch: str, args: Args) -> dict[str, Value]:
        self.executed.append((cmd, ch, args))
        if self.gate:
            await self.gate.wait()
        if self.error:
            raise self.error
        return {"v_set": -50.0}

    def command(self, cmd: str = "set_voltage", id: str = "i1", life: float = 5.0, **args: float) -> bytes:
        now = self.clock.now()
        given = args or ({"v": -50} if cmd == "set_voltage" else {})
        return encode(Command(id, cmd, now, now + int(life * 1e9), "ch0", given, reason="test"))

    async def send(self, payload: bytes, retained: bool = False, topic: str = TOPIC) -> None:
        await self.desk.handle(Received(topic, payload, retained, lambda: None))
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is answered any more."""
        quiet, seen = 0, -1
        while quiet < 5:
            await asyncio.sleep(0.01)
            quiet, seen = (quiet + 1 if seen == len(self.acks) else 0), len(self.acks)

    async def until(self, condition: Callable[[], object], what: str, wait: float = 5.0) -> None:
        for _ in range(int(wait / 0.01)):
            if condition():
                return
            await asyncio.sleep(0.01)
        self.fail(f"{what}: {self.acks}, {self.desk.fault}")

    def states(self, id: str = "i1") -> list[str]:
        return [a.state for a in self.acks if a.id == id]
