"""What interlocks and lost neighbours ask of a channel: blocked, brought down, stay."""

import asyncio
import unittest
from unittest.mock import patch

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app import channel_control, mover, way_down
from trackerdcs.app.power import Power
from trackerdcs.app.worker import Worker
from trackerdcs.domain.errors import CommandRefused, Rejected, ReplyTimeout, VerifyError
from trackerdcs.domain.instrument import Snapshot
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.tests.supplies import Obedient, Ramping, Stubborn
from trackerdcs.tests.unit.test_power import OFF, UP, Values


class TestFromOutside(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.worker = Worker("t")
        self.addCleanup(self.worker.stop)
        for module, name, seconds in (
            (mover, "LOOK", 0.01),
            (mover, "STUCK", 5.0),
            (way_down, "RETRY", 0.01),
            (way_down, "PATIENCE", 0.2),
        ):
            self.enterContext(patch.object(module, name, seconds))
        self.events, self.latched = list[tuple[str, str]](), dict[str, str | None]()
        self.intents: list[tuple[str | None, str | None]] = []
        self.why: str | None = None
        self.use(Obedient())

    def use(self, supply: Obedient) -> None:
        self.supply = supply
        config = {"ch0": ChannelConfig(-800.0, 0.0, 1e-5, ramp_up=500.0, ramp_down=500.0)}
        self.power = Power(
            supply,
            self.worker,
            config,
            SystemClock(),
            lambda event, ch, why: self.events.append((event, why)),
            self.latched.__setitem__,
            lambda: None,
            lambda ch: self.why,
            lambda ch, intent, cause: self.intents.append((intent, cause)),
        )

    def poll(self) -> None:
        self.power.poll_begins()
        self.power.judged(Snapshot({"ch0": self.supply.read("ch0")}))

    async def rising(self, target: float = -400.0) -> asyncio.Task[Values]:
        """A channel on its way up."""
        await self.power.execute("set_voltage", "ch0", {"v": target})
        self.poll()
        moving = asyncio.create_task(self.power.execute("on", "ch0", {}))
        await self.until(lambda: self.supply.is_on and self.supply.v < -6.0)
        return moving

    async def until(self, condition: object) -> None:
        async with asyncio.timeout(5):
            while not condition():  # type: ignore[operator]
                await asyncio.sleep(0.005)

    async def test_rule_10_what_is_blocked_neither_rises_nor_is_switched_on_but_comes_down(self) -> None:
        await self.power.execute("set_voltage", "ch0", {"v": -400.0})
        self.poll()
        self.assertIsNone(self.power.objection("on", "ch0", {}))
        self.why = "interlock humid is open"
        self.assertIn("humid", self.power.objection("on", "ch0", {}) or "")
        with self.assertRaisesRegex(Rejected, "humid"):
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
