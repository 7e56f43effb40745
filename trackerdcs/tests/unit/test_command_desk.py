"""The desk: one answer a command, whatever happens in between."""

import asyncio
import tempfile
import unittest
from pathlib import Path

from trackerdcs.adapters.bus_queues import Received
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.app.command_desk import CommandDesk
from trackerdcs.domain.codec import encode
from trackerdcs.domain.desk import Args, Policy
from trackerdcs.domain.errors import StoreFault, VerifyError
from trackerdcs.domain.instrument import Argument, Channel, CommandSpec
from trackerdcs.domain.messages import FINAL, Ack, Command, Value

POLICY = Policy(
    {
        "ch0": Channel(
            {},
            {
                "set_voltage": CommandSpec({"v": Argument("number", "V", -800.0, 0.0)}),
                "on": CommandSpec(),
                "off": CommandSpec(),
                "set_current_limit": CommandSpec({"i": Argument()}),
            },
        )
    },
    None,
    real_hv=False,
)
TOPIC = "dcs/v1/s/d/cmd/cli"


class BrokenLog(SqliteCommandLog):
    """A log on a disk that is full."""

    def find(self, id: str) -> Ack | None:
        raise StoreFault("disk full")

    def record(self, ack: Ack) -> None:
        raise StoreFault("disk full")

    def unfinished(self) -> list[Ack]:
        raise StoreFault("disk full")


class TestCommandDesk(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "c.sqlite")
        self.log = SqliteCommandLog(self.path)
        self.addCleanup(self.log.close)
        self.acks: list[Ack] = []
        self.reports: list[tuple[str, str]] = []
        self.executed: list[tuple[str, str, Args]] = []
        self.gate: asyncio.Event | None = None
        self.error: Exception | None = None
        self.clock = SystemClock()
        self.desk = self.make()

    def make(self, log: SqliteCommandLog | None = None, policy: Policy | None = POLICY) -> CommandDesk:
        return CommandDesk(
            lambda: policy,
            self.execute,
            self.acks.append,
            lambda event, why: self.reports.append((event, why)),
            log or self.log,
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
        await asyncio.sleep(0.02)

    def states(self, id: str = "i1") -> list[str]:
        return [a.state for a in self.acks if a.id == id]

    async def test_accepted_then_done_with_the_readback(self):
        await self.send(self.command())
        self.assertEqual(self.states(), ["accepted", "done"])
        self.assertEqual(self.acks[-1].readback, {"v_set": -50.0})
        self.assertEqual(self.executed, [("set_voltage", "ch0", {"v": -50.0})])
        self.assertEqual((self.acks[0].user, self.acks[0].by), ("cli", None))

    async def test_a_repeated_id_repeats_the_last_ack_and_is_not_executed_again(self):
        await self.send(self.command())
        await self.send(self.command("off"))
        self.assertEqual(self.states(), ["accepted", "done", "done"])
        self.assertEqual(len(self.executed), 1)

    async def test_a_repeated_id_is_known_after_a_restart(self):
        await self.send(self.command())
        self.log.close()
        self.desk = self.make(SqliteCommandLog(self.path))
        await self.desk.end_interrupted()
        await self.send(self.command())
        self.assertEqual(self.states(), ["accepted", "done", "done"])
        self.assertEqual(len(self.executed), 1)

    async def test_a_repeated_id_while_it_runs_says_accepted(self):
        self.gate = asyncio.Event()
        await self.send(self.command())
        await self.send(self.command())
        self.assertEqual(self.states(), ["accepted", "accepted"])
        self.gate.set()
        await asyncio.sleep(0.02)
        self.assertEqual(self.states(), ["accepted", "accepted", "done"])

    async def test_a_command_cut_by_a_crash_ends_failed_restarted(self):
        self.gate = asyncio.Event()
        await self.send(self.command())
        self.acks.clear()
        second = self.make(SqliteCommandLog(self.path))
        await second.end_interrupted()
        self.assertEqual([(a.state, a.why) for a in self.acks], [("failed", "restarted")])
        await second.end_interrupted()
        self.assertEqual(len(self.acks), 1)

    async def test_a_newer_move_supersedes_the_one_that_waits(self):
        self.gate = asyncio.Event()
        await self.send(self.command("on"))
        await self.send(self.command("off", "i2"))
        self.assertEqual(
            [(a.id, a.state, a.why) for a in self.acks if a.state in FINAL], [("i1", "failed", "superseded")]
        )
        self.gate.set()
        await asyncio.sleep(0.02)
        self.assertEqual(self.states("i2"), ["accepted", "done"])

    async def test_a_current_limit_does_not_end_a_move(self):
        self.gate = asyncio.Event()
        await self.send(self.command("on"))
        await self.send(self.command("set_current_limit", "i2", i=1e-6))
        self.gate.set()
        await asyncio.sleep(0.02)
        self.assertEqual((self.states(), self.states("i2")), (["accepted", "done"], ["accepted", "done"]))

    async def test_a_driver_that_raises_ends_failed_and_never_done(self):
        for number, error in enumerate((VerifyError("v_set", -50, -40), ZeroDivisionError("bug"))):
            with self.subTest(error=error):
                self.error = error
                with self.assertLogs("trackerdcs.app.command_desk", "INFO"):
                    await self.send(self.command(id=f"e{number}"))
                self.assertEqual(self.states(f"e{number}"), ["accepted", "failed"])
                self.assertIn(str(error)[:3], self.acks[-1].why or "")

    async def test_refused_and_expired_execute_nothing(self):
        await self.send(self.command(v=50.0))
        await self.send(self.command(id="i2", life=-1.0))
        await self.send(self.command(id="i3"), retained=True)
        self.assertEqual([a.state for a in self.acks], ["refused", "expired", "refused"])
        self.assertEqual(self.executed, [])

    async def test_before_the_instrument_is_known_everything_is_refused(self):
        self.desk = self.make(policy=None)
        await self.send(self.command("off"))
        self.assertEqual(self.states(), ["refused"])

    async def test_what_is_no_command_is_reported_and_the_desk_goes_on(self):
        for payload in (b"", b"off", b"{}", b'{"v":2}', b'{"v":1,"id":"x","cmd":"on","ch":"ch0","ts":NaN,"expires":1}'):
            with self.assertLogs("trackerdcs.app.command_desk", "WARNING"):
                await self.send(payload)
        self.assertEqual([event for event, _ in self.reports], ["bad_message"] * 5)
        self.assertTrue(all(TOPIC in why for _, why in self.reports))
        await self.send(self.command())
        self.assertEqual(self.states(), ["accepted", "done"])

    async def test_a_log_that_cannot_be_written_stops_no_command_and_is_a_fault(self):
        self.desk = self.make(BrokenLog(self.path))
        await self.desk.end_interrupted()
        await self.send(self.command("off"))
        await self.send(self.command("off"))
        self.assertEqual(self.states(), ["accepted", "done", "done"])
        self.assertEqual(len(self.executed), 1)
        self.assertIn("disk full", self.desk.fault or "")


if __name__ == "__main__":
    unittest.main()
