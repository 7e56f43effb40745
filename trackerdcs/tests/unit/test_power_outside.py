"""What interlocks and lost neighbours ask of a channel: blocked, brought down, stay."""

import asyncio
import unittest
from unittest.mock import patch

from trackerdcs.app import mover
from trackerdcs.domain.errors import CommandRefused, Rejected, ReplyTimeout, VerifyError
from trackerdcs.domain.instrument import Snapshot
from trackerdcs.tests.power_case import PowerCase
from trackerdcs.tests.supplies import OFF, UP, Obedient, Ramping, Stubborn


class TestFromOutside(PowerCase):
    async def test_rule_10_what_is_blocked_neither_rises_nor_is_switched_on_but_comes_down(self) -> None:
        await self.power.execute("set_voltage", "ch0", {"v": -400.0})
        self.poll()
        self.assertIsNone(self.power.objection("on", "ch0", {}))
        self.why = "interlock humid is open"
        self.assertIn("humid", self.power.objection("on", "ch0", {}) or "")
        with self.assertRaisesRegex(CommandRefused, "humid"):
            await self.power.execute("on", "ch0", {})
        self.assertNotIn(True, self.supply.orders)
        self.why = None
        moving = await self.rising()
        self.why = "interlock humid is open"
        with self.assertRaisesRegex(Rejected, "humid"):
            await moving
        self.assertGreater(self.supply.v, -400.0)
        self.poll()
        self.assertIn("humid", self.power.objection("set_voltage", "ch0", {"v": -410.0}) or "")
        for cmd, v in (("set_voltage", -1.0), ("off", 0.0), ("emergency_off", 0.0), ("hold", 0.0)):
            self.assertIsNone(self.power.objection(cmd, "ch0", {"v": v}), cmd)
        self.assertEqual((await self.power.execute("set_voltage", "ch0", {"v": -1.0}))["v_set"], -1.0)
        self.assertFalse((await self.power.execute("off", "ch0", {}))["on"])

    async def test_rule_06_a_ramp_of_the_supply_stops_where_it_is_when_blocked(self) -> None:
        self.use(Ramping())
        moving = await self.rising()
        self.why = "interlock humid is open"
        with self.assertRaises(Rejected):
            await moving
        self.assertEqual(self.supply.orders[-1], -7.0)

    async def test_rule_06_a_ramp_of_the_supply_is_stopped_as_soon_as_the_link_allows(self) -> None:
        for way in ("blocked", "told to stay"):
            self.use(supply := Ramping())
            moving = await self.rising()
            supply.deaf = 2
            if way == "blocked":
                self.why = "interlock humid is open"
            else:
                self.power.stay("ch0", "nothing heard of env1")
            await asyncio.wait({moving})
            self.assertLess(supply.v, -7.0)
            await self.until(lambda: supply.v == -7.0)
            self.assertIn(
                "not held yet", " ".join(why for _, why in self.events) if way != "blocked" else "not held yet"
            )
            self.why = None

    async def test_rule_05_a_voltage_that_does_not_follow_is_reported_and_held(self) -> None:
        self.enterContext(patch.object(mover, "STUCK", 0.05))
        self.use(Stubborn(verifies=False))
        self.supply.v, self.supply.is_on = -60.0, True
        self.poll()
        with self.assertRaisesRegex(VerifyError, "without progress"):
            await self.power.execute("set_voltage", "ch0", {"v": -20.0})
        self.assertEqual(self.power._controls["ch0"].status.state, "hold")

    async def test_on_is_not_done_at_what_an_off_has_left(self) -> None:
        await self.power.execute("set_voltage", "ch0", {"v": -60.0})
        self.poll()
        await self.power.execute("on", "ch0", {})
        self.poll()
        off = asyncio.create_task(self.power.execute("off", "ch0", {}))
        await self.until(lambda: self.supply.v > -59.0)
        self.assertIn("on its way to off", self.power.objection("on", "ch0", {}) or "")
        off.cancel()
        await asyncio.wait({off})
        await self.power.execute("set_voltage", "ch0", {"v": -40.0})
        self.assertEqual((await self.power.execute("on", "ch0", {}))["v_mon"], -40.0)
        self.supply.v = -10.0
        self.assertEqual((await self.power.execute("on", "ch0", {}))["v_mon"], -40.0, "it goes on to its target")

    async def test_rule_13_an_on_that_is_repeated_decides_also_where_nothing_is_left_to_do(self) -> None:
        await self.power.execute("set_voltage", "ch0", {"v": 0.0})
        self.poll()
        self.supply.lost = True
        with self.assertRaises(ReplyTimeout):
            await self.power.execute("on", "ch0", {})
        self.assertTrue((await self.power.execute("on", "ch0", {}))["on"])
        self.poll()
        self.assertEqual(self.events, [])

    async def test_rule_13_an_on_that_is_repeated_decides_and_a_voltage_does_not(self) -> None:
        await self.power.execute("set_voltage", "ch0", {"v": -20.0})
        self.poll()
        for again in ("on", "set_voltage"):
            self.supply.lost = True
            with self.assertRaises(ReplyTimeout):
                await self.power.execute("on", "ch0", {})
            self.assertTrue(self.supply.is_on)
            if again == "on":
                self.assertEqual((await self.power.execute("on", "ch0", {}))["v_mon"], -20.0)
                self.poll()
                self.assertEqual(self.events, [])
                await self.power.execute("off", "ch0", {})
                await self.power.execute("set_voltage", "ch0", {"v": -20.0})
                self.poll()
            else:
                with self.assertRaisesRegex(Rejected, "undone first"):
                    await self.power.execute("set_voltage", "ch0", {"v": -40.0})
                self.poll()
                self.assertEqual([event for event, _ in self.events], ["compensation"])
                await self.until(lambda: not self.supply.is_on)

    async def test_told_to_stay_it_ends_its_rise_and_holds(self) -> None:
        for supply in (Obedient(), Ramping()):
            self.use(supply)
            moving = await self.rising()
            self.events.clear()
            self.power.stay("ch0", "nothing heard of env1")
            with self.assertRaises(asyncio.CancelledError) as ended:
                await moving
            self.assertEqual(ended.exception.args, ("nothing heard of env1",))
            self.assertEqual(self.events, [("hold", "nothing heard of env1")])
            await asyncio.sleep(0.05)
            held = supply.v
            self.assertEqual(supply.read("ch0")["state"], "on")
            await asyncio.sleep(0.05)
            self.assertEqual((supply.v, supply.is_on), (held, True))
            self.poll()
            self.power.stay("ch0", "again")
            self.assertEqual(len(self.events), 1, "what does not rise is left alone")

    async def test_up_is_what_is_not_known_to_be_off_and_low(self) -> None:
        self.assertTrue(self.power.is_up("ch0"), "never read")
        for reading, up in ((OFF, False), (UP, True), (OFF | {"v_mon": -50.0}, True), (OFF, False)):
            self.power.poll_begins()
            self.power.judged(Snapshot({"ch0": reading}))
            self.assertIs(self.power.is_up("ch0"), up, reading)
        for _ in range(3):
            self.power.judged(Snapshot({}))
        self.assertTrue(self.power.is_up("ch0"), "not seen for three polls")


if __name__ == "__main__":
    unittest.main()
