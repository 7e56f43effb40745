"""What comes down: once, to the end, over faults and restarts."""

import asyncio
import unittest
from unittest.mock import patch

from trackerdcs.app import channel_control
from trackerdcs.domain.errors import CommandRefused, Rejected
from trackerdcs.tests.power_case import PowerCase
from trackerdcs.tests.supplies import Obedient, Stubborn


class TestWayDown(PowerCase):
    async def test_brought_down_it_is_latched_and_off_whatever_it_did(self) -> None:
        moving = await self.rising()
        self.assertTrue(self.power.is_up("ch0"))
        self.power.bring_down("ch0", "the guard is silent")
        self.power.bring_down("ch0", "the guard is silent")
        self.assertEqual(self.latched, {"ch0": "the guard is silent"})
        with self.assertRaises(asyncio.CancelledError) as ended:
            await moving
        self.assertIn("the guard is silent", ended.exception.args[0])
        await self.until(lambda: not self.supply.is_on and self.supply.v == 0.0)
        self.assertEqual(self.events, [("trip", "the guard is silent")])
        await asyncio.sleep(0.05)
        self.poll()
        self.assertFalse(self.power.is_up("ch0"))
        self.assertEqual(self.power.fault, "ch0 tripped: the guard is silent", "who comes later has heard no event")
        self.assertIn("clear_trip first", self.power.objection("on", "ch0", {}) or "")

    async def test_brought_down_again_after_somebody_switched_it_on(self) -> None:
        self.power.bring_down("ch0", "the guard is silent")
        await self.until(lambda: not self.power._controls["ch0"].down.under_way)
        self.supply.v, self.supply.is_on = -50.0, True
        self.poll()
        self.power.bring_down("ch0", "the guard is silent")
        await self.until(lambda: not self.supply.is_on)

    async def test_rule_08_what_does_not_come_down_is_switched_off_after_a_while_and_never_given_up(self) -> None:
        for verifies in (True, False):
            self.use(Stubborn(verifies))
            self.supply.v, self.supply.is_on = -60.0, True
            self.poll()
            self.power.bring_down("ch0", "humid")
            await self.until(lambda: not self.supply.is_on)
            self.assertEqual(self.supply.orders.count("emergency_off"), 2, "the first was rejected")
            said = [why for _, why in self.events]
            self.assertEqual(len([why for why in said if "without progress" in why]), 1, said)
            self.assertEqual(len([why for why in said if "busy" in why]), 1, said)
            self.events.clear()

    async def test_rule_19_what_comes_down_is_intended_until_it_is_off_or_a_newer_command_has_come(self) -> None:
        self.supply.v, self.supply.is_on = -60.0, True
        self.poll()
        self.power.bring_down("ch0", "humid")
        await self.until(lambda: len(self.intents) == 2)
        self.assertEqual(self.intents, [("off", "humid"), (None, "humid")])
        self.use(Obedient())
        self.supply.v, self.supply.is_on = -60.0, True
        self.poll()
        self.intents.clear()
        off = asyncio.create_task(self.power.execute("off", "ch0", {}))
        await self.until(lambda: self.supply.v > -59.0)
        off.cancel()
        await asyncio.wait({off})
        self.assertEqual(self.intents, [("off", None)], "a service that stops has not completed it")
        await self.power.execute("hold", "ch0", {})
        self.assertEqual(self.intents, [("off", None), (None, None)])

    async def test_rule_19_what_was_intended_is_done_after_a_restart(self) -> None:
        for intent in ("off", "emergency_off"):
            self.use(Obedient())
            self.supply.v, self.supply.is_on = -30.0, True
            self.power.resume({"ch0": (intent, None), "gone": ("off", None)})
            self.assertIn("resumed", dict(self.events))
            self.assertIn("coming down", self.power.objection("set_voltage", "ch0", {"v": -1.0}) or "")
            await self.until(lambda: (None, None) in self.intents)
            self.assertEqual("emergency_off" in self.supply.orders, intent == "emergency_off")
            self.intents.clear()

    async def test_rule_11_a_trip_is_not_cleared_while_its_cause_is_there_or_the_channel_comes_down(self) -> None:
        self.supply.v, self.supply.is_on = -60.0, True
        self.poll()
        self.why = "interlock humid is open"
        self.power.bring_down("ch0", self.why)
        self.assertIn("humid", self.power.objection("clear_trip", "ch0", {}) or "")
        self.why = None
        self.enterContext(patch.object(channel_control, "SOON", 0.01))
        with self.assertRaisesRegex(CommandRefused, "coming down"):
            await self.power.execute("clear_trip", "ch0", {})
        self.assertNotIn("clear_trip", self.supply.orders)
        await self.until(lambda: (None, "interlock humid is open") in self.intents)
        await self.power.execute("clear_trip", "ch0", {})
        self.assertIsNone(self.latched["ch0"])

    async def test_trips_that_nobody_can_read_are_not_forgotten(self) -> None:
        self.power.remember(None)
        self.poll()
        self.assertEqual(self.latched, {"ch0": "trips of the last run are not readable"}, "not after another restart")
        self.assertIn(
            "trips of the last run are not readable): clear_trip", self.power.objection("on", "ch0", {}) or ""
        )
        await self.power.execute("clear_trip", "ch0", {})
        self.assertEqual(self.latched, {"ch0": None})

    async def test_rule_06_a_lower_voltage_is_judged_but_a_way_to_off_goes_on(self) -> None:
        for cmd in ("set_voltage", "off"):
            self.use(Obedient())
            self.supply.v, self.supply.is_on = -60.0, True
            self.poll()
            moving = asyncio.create_task(self.power.execute(cmd, "ch0", {"v": -20.0} if cmd == "set_voltage" else {}))
            await self.until(lambda: self.supply.v > -59.0)
            self.supply.also = {"trip": True}
            if cmd == "set_voltage":
                with self.assertRaisesRegex(Rejected, "the supply has tripped"):
                    await moving
            await self.until(lambda: not self.supply.is_on)
            self.assertEqual(self.events[-1], ("trip", "the supply has tripped"))
            if cmd == "off":
                self.assertFalse((await moving)["on"])
            self.assertNotIn("emergency_off", self.supply.orders)
        self.poll()
        self.assertEqual(self.latched, {"ch0": "the supply has tripped"})

    async def test_a_way_to_a_lower_voltage_ends_when_the_channel_is_brought_down(self) -> None:
        self.supply.v, self.supply.is_on = -200.0, True
        self.poll()
        moving = asyncio.create_task(self.power.execute("set_voltage", "ch0", {"v": -100.0}))
        await self.until(lambda: self.supply.v > -199.0)
        self.power.bring_down("ch0", "humid")
        await self.until(lambda: not self.supply.is_on)
        self.assertTrue(moving.cancelled())
        ways = [v for v in self.supply.orders if v is not False]
        self.assertEqual(ways, sorted(ways), "one way, always down")

    async def test_one_way_down_at_a_time_whoever_asks_for_it(self) -> None:
        for first in ("trip", "off"):
            self.use(Obedient())
            self.supply.v, self.supply.is_on = -200.0, True
            self.poll()
            if first == "trip":
                self.power.bring_down("ch0", "humid")
            off = asyncio.create_task(self.power.execute("off", "ch0", {}))
            await self.until(lambda: self.supply.v > -199.0)
            self.power.bring_down("ch0", "humid")
            self.power.bring_down("ch0", "humid")
            self.assertFalse((await off)["on"])
            self.assertEqual(self.latched, {"ch0": "humid"})
            ways = [v for v in self.supply.orders if not isinstance(v, bool)]
            self.assertEqual(ways, sorted(set(ways)), f"after {first}")
            self.latched.clear()

    async def test_emergency_off_takes_the_place_of_a_slower_way(self) -> None:
        self.supply.v, self.supply.is_on = -200.0, True
        self.poll()
        self.power.bring_down("ch0", "humid")
        await self.until(lambda: self.supply.v > -199.0)
        await self.power.execute("emergency_off", "ch0", {})
        told = len(self.supply.orders)
        await asyncio.sleep(0.05)
        self.assertEqual(self.supply.orders[told:], [])


if __name__ == "__main__":
    unittest.main()
