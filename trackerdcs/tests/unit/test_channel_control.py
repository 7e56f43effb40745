"""What must not be lost, raised or misread while commands, polls, trips and faults of the link meet."""

import asyncio
import threading
import unittest
from unittest.mock import patch

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app import mover, way_down
from trackerdcs.app.power import Power
from trackerdcs.app.worker import Worker
from trackerdcs.domain.channel import after
from trackerdcs.domain.errors import CommandRefused, LinkError, NotConnected, ReplyTimeout
from trackerdcs.domain.instrument import Snapshot
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.tests.supplies import OFF, UP, Scripted, Values, calls
from trackerdcs.tests.waiting import until


class Faulty(Scripted):
    """Its orders fail as the test says, or wait for it."""

    def __init__(self) -> None:
        super().__init__(OFF)
        self.fails: Exception | None = None
        self.goes_on = threading.Event()
        self.goes_on.set()

    def switch(self, channel: str, on: bool) -> None:
        if self.fails:
            raise self.fails
        super().switch(channel, on)

    def clear_trip(self, channel: str) -> None:
        raise NotConnected("no link")

    def emergency_off(self, channel: str) -> None:
        self.goes_on.wait(5)
        super().emergency_off(channel)


class TestChannelControl(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        worker = Worker("t")
        self.addCleanup(worker.stop)
        for name, seconds in (("LOOK", 0.01), ("STUCK", 0.2)):
            self.enterContext(patch.object(mover, name, seconds))
        self.enterContext(patch.object(way_down, "RETRY", 0.01))
        self.supply, self.worker, self.events = Faulty(), worker, list[str]()
        self.addCleanup(self.supply.goes_on.set)
        self.power = self.make()

    def make(self) -> Power:
        config = {"ch0": ChannelConfig(-800.0, 0.0, 1e-5, ramp_up=1000.0, ramp_down=1000.0, i_soft=1e-6)}
        return Power(
            self.supply,
            self.worker,
            config,
            SystemClock(),
            calls(report=lambda event, ch, why: self.events.append(f"{event}: {why}")),
        )

    def poll(self, reads: Values | None) -> None:
        self.power.poll_begins()
        self.power.judged(Snapshot({"ch0": dict(reads)} if reads else {}))

    async def trip(self) -> None:
        self.supply.reads = [UP]
        for _ in range(3):
            self.poll(UP | {"i_mon": 2e-6})
        await asyncio.sleep(0.02)

    async def test_a_poll_during_emergency_off_sees_no_foreign_hand(self) -> None:
        self.poll(UP)
        self.supply.reads = [OFF]
        self.supply.goes_on.clear()
        command = asyncio.ensure_future(self.power.execute("emergency_off", "ch0", {}))
        await asyncio.sleep(0.02)
        self.poll(OFF)
        self.supply.goes_on.set()
        await command
        self.poll(OFF)
        self.assertEqual(self.events, [])

    async def test_what_a_failed_on_has_changed_is_no_foreign_hand(self) -> None:
        await self.power.execute("set_voltage", "ch0", {"v": -50.0})
        self.poll(OFF)
        self.supply.fails = NotConnected("gone")
        with self.assertRaises(LinkError):
            await self.power.execute("on", "ch0", {})
        self.poll(OFF | {"v_set": 0.0})
        self.assertEqual(self.events, [])

    async def test_nothing_ends_an_off_that_waits_for_the_link(self) -> None:
        self.poll(UP)
        for cmd in ("off", "emergency_off"):
            self.supply.reads = [LinkError("gone")]
            with patch.object(mover, "STUCK", 0.0):
                command = asyncio.ensure_future(self.power.execute(cmd, "ch0", {}))
                await asyncio.sleep(0.05)
                for other in ("hold", "on", "set_voltage"):
                    self.assertIn("goes down", self.power.objection(other, "ch0", {"v": -10.0}) or "", (cmd, other))
                self.assertIsNone(self.power.objection("off", "ch0", {}))
                self.supply.reads = [OFF | {"v_set": 0.0}]
                await asyncio.wait_for(command, 5)
            self.assertIsNone(self.power.objection("hold", "ch0", {}))

    async def test_nothing_moves_a_channel_that_is_coming_down(self) -> None:
        self.poll(UP)
        await self.trip()
        self.assertIn("coming down", self.power.objection("set_voltage", "ch0", {"v": -10.0}) or "")
        self.supply.reads = [OFF | {"v_set": 0.0}]
        await asyncio.sleep(0.1)
        self.poll(OFF | {"v_set": 0.0})
        self.assertIsNone(self.power.objection("set_voltage", "ch0", {"v": -10.0}))

    async def test_a_driver_at_fault_on_the_way_down_is_said(self) -> None:
        self.poll(UP)
        self.supply.fails = ValueError("a bug")
        await self.trip()
        await until(lambda: [e for e in self.events if "does not come down" in e and "a bug" in e])

    async def test_an_order_that_was_never_sent_does_not_end_the_doubt_about_an_earlier_one(self) -> None:
        await self.power.execute("set_voltage", "ch0", {"v": -50.0})
        self.poll(OFF)
        self.supply.fails = ReplyTimeout("on")
        with self.assertRaises(LinkError):
            await self.power.execute("on", "ch0", {})
        with self.assertRaises(NotConnected):
            await self.power.execute("clear_trip", "ch0", {})
        self.poll(UP)
        self.assertTrue([e for e in self.events if e.startswith("compensation")], self.events)

    async def test_low_voltage_outside_its_limits_is_not_switched_on(self) -> None:
        self.supply.kind = "lv"
        self.power = self.make()
        beyond = OFF | {"v_set": 5.0}
        self.supply.reads = [beyond]
        self.poll(beyond)
        with self.assertRaisesRegex(CommandRefused, "outside"):
            await self.power.execute("on", "ch0", {})
        self.assertEqual(self.supply.orders, [])

    def test_an_output_that_somebody_switched_on_unseen_can_be_moved_down(self) -> None:
        self.assertEqual(after(after("off", "fall"), "arrived"), "on")


if __name__ == "__main__":
    unittest.main()
