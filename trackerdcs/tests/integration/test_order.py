"""Low voltage on first and off last, as the owners keep it: several device loops, real sockets, one broker."""

import asyncio
import unittest
from unittest import mock

from trackerdcs.tests.stand_bench import StandCase


class TestOrder(StandCase):
    async def test_rule_03_on_needs_the_low_voltage_of_the_module_on(self):
        async with self.stand() as stand, stand.device("hv") as hv:
            await self.done(hv, "set_voltage", v=-60.0)
            await self.refused(hv, "lv.ch1, the low voltage of m-0, is not known to be on", "on")
            async with stand.device("lv") as lv:
                await self.refused(hv, "lv.ch1, the low voltage of m-0, is off", "on")
                await self.done(lv, "on", "ch2")
                await self.refused(hv, "lv.ch1", "on")
                await self.done(lv, "on", "ch1")
                await self.done(hv, "on")
                self.assertAlmostEqual(float(self.hv_sim.truth()["ch0"]["v"]), -60.0, delta=1.0)

    async def test_rule_04_done_comes_when_the_other_supply_can_know(self):
        async with self.stand() as stand, stand.device("lv") as lv, stand.device("hv") as hv:
            await self.done(hv, "set_voltage", v=-60.0)
            await self.refused(hv, "lv.ch1, the low voltage of m-0, is off", "on")
            for bench, cmd, ch in ((lv, "on", "ch1"), (hv, "on", "ch0"), (hv, "off", "ch0"), (lv, "off", "ch1")):
                ack = await bench.command(cmd, ch, wait=20)
                while "no fresh reading" in (ack.why or ""):  # a machine that has stalled for three periods
                    ack = await bench.command(cmd, ch, wait=20)
                self.assertEqual((ack.state, ack.why), ("done", None), f"{cmd} {ch}")

    async def test_rule_04_off_of_the_low_voltage_is_refused_while_the_high_voltage_is_up_or_unknown(self):
        async with self.stand() as stand, stand.device("lv") as lv:
            await self.done(lv, "on", "ch1")
            await self.refused(lv, "hv.ch0, the high voltage of m-0, is not known to be off", "off", "ch1")
            async with stand.device("hv") as hv:
                await self.up(hv)
                await self.refused(lv, "hv.ch0, the high voltage of m-0, is up at -60 V", "off", "ch1")
                self.assertTrue(self.lv_sim.truth()["ch1"]["on"])
                await self.done(hv, "off")
                await self.done(lv, "off", "ch1")

    async def test_rule_04_emergency_off_of_the_low_voltage_takes_the_high_voltage_of_its_module_down_first(self):
        async with self.stand() as stand, stand.device("lv") as lv, stand.device("hv") as hv:
            for i in range(2):
                await self.done(lv, "on", f"ch{i + 1}")
                await self.up(hv, -60.0, f"ch{i}")
            going = asyncio.create_task(lv.command("emergency_off", "ch1", wait=20))
            self.assertEqual(await self.event(lv, "emergency_off", "ch1"), "ch1 is switched off at once")
            await self.refused(lv, "ch1 goes off as soon as the high voltage of m-0 is down", "hold", "ch1")
            while self.lv_sim.truth()["ch1"]["on"]:
                last = self.hv_sim.truth()["ch0"]
                await asyncio.sleep(0.002)
            self.assertFalse(last["on"])
            self.assertLess(abs(float(last["v"])), 10.0)
            self.assertEqual((await going).state, "done")
            self.assertIn("emergency_off of lv.ch1, the low voltage of m-0", await self.event(hv, "killed", None))
            await self.refused(hv, "killed by emergency_off of lv.ch1", "on", "ch1")

    async def test_rule_04_emergency_off_waits_for_a_high_voltage_that_is_not_heard_and_not_for_ever(self):
        with mock.patch("trackerdcs.app.low_voltage.PATIENCE", 0.5):
            async with self.stand() as stand, stand.device("lv") as lv:
                await self.done(lv, "on", "ch1")
                async with stand.device("hv") as hv:
                    await self.up(hv)
                began = asyncio.get_running_loop().time()
                self.assertEqual((await lv.command("emergency_off", "ch1")).state, "done")
                self.assertGreater(asyncio.get_running_loop().time() - began, 0.5)
                self.assertFalse(self.lv_sim.truth()["ch1"]["on"])

    async def test_rule_04_a_low_voltage_that_trips_or_goes_off_takes_the_high_voltage_with_it(self):
        async with self.stand() as stand, stand.device("lv") as lv, stand.device("hv") as hv:
            for i in range(2):
                await self.done(lv, "on", f"ch{i + 1}")
                await self.up(hv, -60.0, f"ch{i}")
            self.lv_sim.faults.set("trip", channel="ch1")
            self.assertRegex(
                await self.event(hv, "trip", "ch0"), "lv.ch1, the low voltage of m-0, (has tripped|is off)"
            )
            self.lv_sim.faults.set("front_panel", channel="ch2", on=False)
            self.assertRegex(await self.event(hv, "trip", "ch1"), "lv.ch2, the low voltage of m-1, is off")
            for ch in ("ch0", "ch1"):
                await self.down(hv, self.hv_sim, ch)
            await self.refused(hv, "ch0 stays tripped: lv.ch1", "clear_trip")

    async def test_rule_19_an_off_of_the_low_voltage_that_a_restart_has_cut_is_completed_after_the_high_voltage(self):
        async with self.stand() as stand, stand.device("hv") as hv:
            async with stand.device("lv") as lv:
                await self.done(lv, "on", "ch1")
                await self.up(hv)
            stand.intend("lv", "ch1", "off")
            async with stand.device("lv", "boot2") as lv:
                while self.lv_sim.truth()["ch1"]["on"]:
                    last = self.hv_sim.truth()["ch0"]
                    await asyncio.sleep(0.002)
                self.assertFalse(last["on"])
                self.assertIn("off of the last run", await self.event(lv, "resumed", "ch1"))

    async def test_rule_04_follows_the_module_that_is_bound(self):
        async with self.stand() as stand, stand.device("lv") as lv, stand.device("hv") as hv:
            await self.done(lv, "on", "ch2")
            await self.done(lv, "bind", "ch1", module="")
            await self.done(lv, "bind", "ch2", module="m-0")
            await lv.next_frame(lambda f: f.mod == {"ch2": "m-0"}, "bound")
            await self.up(hv)
            await self.refused(lv, "hv.ch0, the high voltage of m-0, is up", "off", "ch2")
            await self.done(hv, "bind", module="")
            await hv.next_frame(lambda f: "ch0" not in f.mod, "unbound")
            await self.done(lv, "off", "ch2")
            self.assertTrue(self.hv_sim.truth()["ch0"]["on"])


if __name__ == "__main__":
    unittest.main()
