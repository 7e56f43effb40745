"""What counts as done, and what happens when the instrument does not say."""

import asyncio
import threading
import unittest
from unittest.mock import patch

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app import mover, way_down
from trackerdcs.app.power import Power
from trackerdcs.app.worker import Priority, Worker
from trackerdcs.domain.errors import LinkError, Rejected, VerifyError
from trackerdcs.domain.instrument import Snapshot
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.tests.supplies import OFF, UP, Scripted, Values, calls


class TestPower(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.worker = Worker("t")
        self.addCleanup(self.worker.stop)
        for name, seconds in (("LOOK", 0.01), ("STUCK", 0.2), ("HANGS", 0.2)):
            self.enterContext(patch.object(mover, name, seconds))
        self.supply = Scripted(OFF)
        config = {"ch0": ChannelConfig(-800.0, 0.0, 1e-5, ramp_up=1000.0, ramp_down=1000.0)}
        self.power = Power(self.supply, self.worker, config, SystemClock(), calls())

    def poll(self, reads: Values) -> None:
        self.power.poll_begins()
        self.power.judged(Snapshot({"ch0": dict(reads)}))

    async def do(self, cmd: str, **args: float | str) -> Values:
        return await self.power.execute(cmd, "ch0", dict(args))

    async def on(self, *reads: Values | LinkError) -> Values:
        """Switch on a channel that is off with a target of -50 V; what it reads back from then on."""
        self.supply.reads = [OFF]
        await self.do("set_voltage", v=-50.0)
        self.poll(OFF)
        self.supply.reads = [OFF, OFF, *reads]
        return await self.do("on")

    async def test_on_is_done_when_switch_and_voltage_agree(self):
        self.assertEqual(await self.on(UP | {"v_set": 0.0, "v_mon": 0.0}, UP), UP)
        self.assertEqual(self.supply.orders, [-50.0, 0.0, True, -50.0])

    async def test_on_is_not_done_while_target_or_voltage_are_unknown(self):
        for missing in ("v_set", "v_mon"):
            with self.subTest(missing=missing), self.assertRaises(VerifyError):
                await self.on({k: v for k, v in UP.items() if k != missing})

    async def test_on_is_done_when_what_was_unreadable_reads_as_it_should(self):
        blind: Values = {"state": "unknown"}
        self.assertEqual(await self.on(blind, LinkError("garbled"), blind, UP), UP)

    async def test_on_is_not_done_when_the_output_is_off_though_the_voltage_agrees(self):
        with self.assertRaises(VerifyError):
            await self.on(UP | {"on": False, "state": "off"})

    async def test_on_is_not_done_while_the_supply_still_ramps(self):
        with self.assertRaises(VerifyError):
            await self.on(UP | {"state": "ramping_up"})

    async def test_the_wrong_polarity_is_not_there(self):
        with self.assertRaises((VerifyError, Rejected)):
            await self.on(UP | {"v_mon": 50.0})

    async def test_set_voltage_is_not_done_as_if_off_while_it_is_unknown_whether_the_output_is_on(self):
        self.supply.reads = [{"v_set": -50.0, "state": "unknown"}]
        with self.assertRaises(VerifyError):
            await self.do("set_voltage", v=-50.0)
        self.supply.reads = [{"v_set": -50.0}, OFF]
        self.assertEqual(await self.do("set_voltage", v=-50.0), OFF)

    async def test_off_is_never_done_without_knowing_that_the_output_is_off(self):
        self.supply.reads = [UP, UP, {k: v for k, v in UP.items() if k != "on"}]
        with patch.object(way_down, "DISCHARGE", 0.2), self.assertRaises(VerifyError):
            await self.do("off")

    async def test_a_link_that_hangs_ends_a_command_and_what_waited_is_never_sent(self):
        await self.do("set_voltage", v=-50.0)
        self.poll(OFF)
        hangs = self.supply.hangs = threading.Event()
        self.addCleanup(hangs.set)
        for _ in range(2):
            with self.assertRaisesRegex(LinkError, "hangs"):
                await asyncio.wait_for(self.do("on"), 5)
        hangs.set()
        await self.worker.run(Priority.POLL, lambda: None)
        self.assertEqual(self.supply.orders, [-50.0])


if __name__ == "__main__":
    unittest.main()
