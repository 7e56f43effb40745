"""What interlocks and lost neighbours ask of a channel: blocked, brought down, stay."""

import asyncio
import unittest
from unittest.mock import patch

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app import mover, way_down
from trackerdcs.app.power import Power
from trackerdcs.app.worker import Worker
from trackerdcs.domain.errors import Rejected
from trackerdcs.domain.instrument import Snapshot
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.tests.unit.test_power import OFF, UP, Scripted, Values


class Obedient(Scripted):
    """Does what it is told, at once; as it stands it ramps by steps."""

    hardware_ramp = False

    def __init__(self) -> None:
        super().__init__()
        self.v, self.is_on = 0.0, False

    def read(self, channel: str) -> Values:
        now: Values = {"on": self.is_on, "v_set": self.v, "v_mon": self.v if self.is_on else 0.0, "i_limit": 1e-6}
        return now | {"state": "on" if self.is_on else "off", "i_mon": 0.0}

    def set_voltage(self, channel: str, v: float) -> float:
        self.v = v
        return super().set_voltage(channel, v)

    def switch(self, channel: str, on: bool) -> None:
        self.is_on = on
        super().switch(channel, on)


class Ramping(Obedient):
    """On its way to the setpoint for ever; a setpoint where it is stops it."""

    hardware_ramp = True

    def read(self, channel: str) -> Values:
        way: Values = {"v_mon": -7.0, "state": "ramping_up" if self.v < -7.0 else "on"}
        return super().read(channel) | (way if self.is_on else {})


class TestFromOutside(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.worker = Worker("t")
        self.addCleanup(self.worker.stop)
        for module, name, seconds in ((mover, "LOOK", 0.01), (mover, "STUCK", 5.0), (way_down, "RETRY", 0.01)):
            self.enterContext(patch.object(module, name, seconds))
        self.events, self.latched = list[tuple[str, str]](), dict[str, str | None]()
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

    async def test_what_is_blocked_neither_rises_nor_is_switched_on_but_comes_down(self) -> None:
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

    async def test_a_ramp_of_the_supply_stops_where_it_is_when_blocked(self) -> None:
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
        with self.assertRaisesRegex(Rejected, "guard is silent"):
            await moving
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
