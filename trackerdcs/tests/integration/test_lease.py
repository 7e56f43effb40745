"""A procedure that holds a channel: others keep off, and when it is not heard of any more the voltage comes down."""

import asyncio
import tempfile
import unittest
from pathlib import Path

from trackerdcs.tests.channel_case import ChannelCase
from trackerdcs.tests.device_bench import device_bench
from trackerdcs.tests.stand_bench import StandCase


class TestLease(ChannelCase):
    name = "keithley2410"

    async def test_rule_16_a_lease_that_is_not_renewed_brings_the_channel_down_and_what_is_measured_is_marked(self):
        async with self.at(self.limited(ramp_down=60.0), -60.0) as bench:
            self.assertEqual((await bench.command("lease", seconds=0.5)).state, "refused", "too short to be renewed")
            for cmd, args in (("set_voltage", {"v": -70.0}), ("bind", {"module": "m"}), ("lease", {"seconds": 9.0})):
                self.assertEqual((await bench.command("lease", seconds=1.5)).state, "done")
                ack = await bench.command(cmd, user="web", **args)
                self.assertEqual(ack.state, "refused", cmd)
                self.assertIn("leased by cli", ack.why or "")
            self.assertEqual((await bench.command("hold", user="web")).state, "done")
            self.assertIn("was not renewed", await self.event(bench, "lease_lost"))
            frame = await bench.next_frame(lambda f: "ch0" in f.unc, "marked")
            self.assertIn("the lease of cli", frame.unc["ch0"]["state"])
            self.assertLess(float(frame.ch["ch0"]["v_mon"]), 0.0)
            await bench.until(lambda: not self.sim.truth()["ch0"]["on"], "off", 10)
            while "coming down" in ((ack := await bench.command("set_voltage", user="web", v=-10.0)).why or ""):
                await asyncio.sleep(0.1)
            self.assertEqual(ack.state, "done", "nothing latches")

    async def test_rule_16_a_lease_that_is_released_leaves_the_channel_as_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            async with self.at(self.config, -40.0, data=Path(folder)) as bench:
                first, again = [await bench.command("lease", seconds=1.0) for _ in range(2)]
                self.assertEqual((first.readback["renewed"], again.readback["renewed"]), (False, True))
                self.assertEqual((await bench.command("release", user="web")).state, "refused")
                self.assertEqual((await bench.command("release")).state, "done")
                self.assertEqual((await bench.command("lease", user="web", seconds=60.0)).state, "done")
                self.assertEqual((await bench.command("release", user="web")).state, "done")
                await bench.next_frame(lambda f: f.ts > bench.acks[-1].ts + 10**9, "a second later")
            async with device_bench(self.config, boot="boot2", data=Path(folder)) as bench:
                await bench.next_frame(lambda f: f.seq > 3, "frames")
                self.assertEqual(bench.events, [])
            self.assertTrue(self.sim.truth()["ch0"]["on"])

    async def test_rule_16_a_restart_is_the_end_of_a_lease(self):
        with tempfile.TemporaryDirectory() as folder:
            async with self.at(self.config, -40.0, data=Path(folder)) as bench:
                await bench.command("lease", seconds=600.0)
            self.assertTrue(self.sim.truth()["ch0"]["on"])
            async with device_bench(self.config, boot="boot2", data=Path(folder)) as bench:
                self.assertIn("while cli held the channel", await self.event(bench, "lease_lost"))
                await bench.until(lambda: not self.sim.truth()["ch0"]["on"], "off", 10)


del ChannelCase  # a case without a supply is no test


class TestLowVoltage(StandCase):
    async def test_rule_04_a_low_voltage_whose_lease_is_lost_goes_off_after_the_high_voltage(self):
        async with self.stand() as stand, stand.device("lv") as lv, stand.device("hv") as hv:
            await self.done(lv, "on", "ch1")
            await self.up(hv)
            await self.done(lv, "lease", "ch1", seconds=1.0)
            last = self.hv_sim.truth()["ch0"]
            while self.lv_sim.truth()["ch1"]["on"]:
                last = self.hv_sim.truth()["ch0"]
                await asyncio.sleep(0.002)
            self.assertFalse(last["on"])
            self.assertLess(abs(float(last["v"])), 10.0)


if __name__ == "__main__":
    unittest.main()
