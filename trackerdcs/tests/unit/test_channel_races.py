"""What must stay down, or below its limits, when commands, trips, modules and faults of the link meet."""

import asyncio
import threading
import unittest
from unittest.mock import patch

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app.killer import Killer
from trackerdcs.app.worker import Priority
from trackerdcs.domain.errors import CommandRefused, NotConnected, Rejected, ReplyTimeout, TrackerError, VerifyError
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.tests.power_case import PowerCase
from trackerdcs.tests.supplies import Obedient, Stubborn, Values


class Wired(Obedient):
    """Obedient, on a link that the test cuts: before the next order arrives, after it, or for good."""

    cut = ""

    def read(self, channel: str) -> Values:
        if self.cut == "gone":
            raise NotConnected("no link")
        return super().read(channel)

    def set_voltage(self, channel: str, v: float) -> float:
        if self.cut == "gone":
            raise NotConnected("no link")
        back = super().set_voltage(channel, v)
        if self.cut == "after":
            self.cut = "gone"
            raise ReplyTimeout("v_set")
        return back


class Slow(Obedient):
    """Answers only when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.reads_on = threading.Event()
        self.reads_on.set()

    def read(self, channel: str) -> Values:
        self.reads_on.wait(5)
        return super().read(channel)


class Unramped(Obedient):
    """Ramps by itself, at its own rate only; switched off it is at 0 V at once."""

    hardware_ramp = True

    def set_ramp(self, channel: str, up: float, down: float) -> tuple[float, float]:
        raise VerifyError("ramp_up", up, 7.0)


class TestChannelRaces(PowerCase):
    async def test_rule_13_an_order_found_executed_late_is_not_undone_by_staying_up_on_the_way_down(self) -> None:
        supply = Wired()
        self.use(supply)
        moving = await self.rising()
        supply.cut = "after"
        with self.assertRaises(ReplyTimeout):
            await moving
        for name, seconds in (("mover.STUCK", 0.0), ("way_down.RETRY", 0.1)):
            self.enterContext(patch(f"trackerdcs.app.{name}", seconds))
        self.power.bring_down("ch0", "no good reading")
        await asyncio.sleep(0.05)  # it waits for the link
        supply.cut = ""
        self.poll()
        await self.until(lambda: not supply.is_on and supply.v == 0.0)

    async def test_off_that_waits_for_the_link_behind_something_else_outlives_a_restart(self) -> None:
        supply = Wired()
        self.use(supply)
        supply.v, supply.is_on = -60.0, True
        self.poll()
        control = self.power._controls["ch0"]
        supply.cut = "gone"
        control.down.step_back(-50.0)
        off = asyncio.create_task(self.power.execute("off", "ch0", {}))
        await self.until(lambda: self.intents == [("off", None)])
        supply.cut = ""
        self.assertFalse((await off)["on"])

    async def test_rule_16_a_lease_lost_while_an_order_is_undone_is_lost_all_the_same(self) -> None:
        supply = Wired()
        self.use(supply)
        supply.v, supply.is_on = -60.0, True
        self.poll()
        supply.cut = "gone"
        self.power._controls["ch0"].down.step_back(-50.0)
        self.power.abandon("ch0", "the lease of somebody was not renewed")
        supply.cut = ""
        await self.until(lambda: not supply.is_on)

    async def test_rule_16_an_emergency_off_that_is_rejected_ends_no_way_down(self) -> None:
        self.use(Stubborn(verifies=False))
        self.supply.v, self.supply.is_on = -60.0, True
        self.poll()
        self.power.abandon("ch0", "the lease of somebody was not renewed")
        await asyncio.sleep(0.02)
        with self.assertRaisesRegex(TrackerError, "busy"):
            await self.power.execute("emergency_off", "ch0", {})
        await self.until(lambda: not self.supply.is_on)

    async def test_rule_08_the_end_of_a_kill_that_another_one_has_followed_opens_no_gate(self) -> None:
        told: list[str] = []
        supply, channels = Slow(), {"ch0": ChannelConfig(-800.0, 0.0, 1e-5)}
        self.addCleanup(supply.reads_on.set)
        killer = Killer("hv", channels, supply, self.worker, lambda: None, lambda n, *_: told.append(n), SystemClock())
        self.addCleanup(killer.stop)
        killer.kill("a")
        await self.until(lambda: told == ["killed", "down"])
        supply.reads_on.clear()
        killer.kill("b")
        self.assertFalse(killer.release(), "this would be for the end of the first one")
        supply.reads_on.set()
        await self.until(lambda: told == ["killed", "down", "killed", "down"])
        with self.assertRaisesRegex(Rejected, "killed by b"):
            await self.worker.run(Priority.SET, lambda: None)
        self.assertTrue(killer.release())
        await self.worker.run(Priority.SET, lambda: None)

    async def test_rule_13_what_cannot_be_undone_goes_off(self) -> None:
        self.use(Stubborn(verifies=True))
        self.supply.v, self.supply.is_on = -60.0, True
        self.poll()
        self.power._controls["ch0"].down.step_back(-50.0)
        await self.until(lambda: not self.supply.is_on)

    async def test_rule_01_a_module_that_bears_less_ends_a_rise_to_more(self) -> None:
        moving = await self.rising()
        narrow = ChannelConfig(-100.0, 0.0, 1e-5, ramp_up=500.0, ramp_down=500.0)
        self.assertIsNone(self.power.beyond("ch0", narrow))
        self.power.bound_by("ch0", narrow)
        with self.assertRaises(asyncio.CancelledError):
            await moving
        await asyncio.sleep(0.05)
        self.assertGreater(self.supply.v, -100.0)
        self.assertTrue(self.supply.is_on)

    async def test_rule_01_what_was_asked_for_within_wider_limits_is_refused(self) -> None:
        self.poll()
        self.power.bound_by("ch0", ChannelConfig(-100.0, 0.0, 1e-5, ramp_up=500.0, ramp_down=500.0))
        with self.assertRaisesRegex(CommandRefused, "-400 V is outside"):
            await self.power.execute("set_voltage", "ch0", {"v": -400.0})
        self.assertEqual(self.supply.orders, [])

    async def test_what_was_asked_for_before_a_trip_does_not_meet_its_way_down(self) -> None:
        for cmd in ("set_voltage", "hold", "on"):
            self.use(Obedient())
            self.supply.v, self.supply.is_on = -200.0, True
            self.poll()
            self.power.bring_down("ch0", "humid")
            await self.until(lambda: self.supply.v > -199.0)
            self.intents.clear()
            with self.assertRaises(TrackerError):
                await self.power.execute(cmd, "ch0", {"v": -150.0} if cmd == "set_voltage" else {})
            self.assertEqual(self.intents, [], "its intent stays")
            await self.until(lambda: not self.supply.is_on)
            ways = [v for v in self.supply.orders if v is not False]
            self.assertEqual(ways, sorted(ways), cmd)

    async def test_a_supply_that_does_not_take_the_ramp_goes_off_all_the_same(self) -> None:
        self.use(Unramped())
        self.supply.v, self.supply.is_on = -200.0, True
        self.poll()
        with self.assertLogs("trackerdcs.app.mover", "WARNING"):
            self.assertFalse((await self.power.execute("off", "ch0", {}))["on"])


if __name__ == "__main__":
    unittest.main()
