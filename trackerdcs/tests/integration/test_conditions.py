"""Interlocks, as the owners of the outputs keep them: several device loops, real sockets, one broker."""

import asyncio
import unittest
from dataclasses import replace

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain import topics
from trackerdcs.domain.stand import BusConfig
from trackerdcs.sim.iseg_shr import IsegShr
from trackerdcs.sim.world import World
from trackerdcs.tests.long import long
from trackerdcs.tests.servers import Mosquitto
from trackerdcs.tests.stand_bench import BOX, PERIOD, T_UNKNOWN, StandCase


class TestInterlocks(StandCase):
    """The low voltage is left out: ch0 has no module here."""

    def hv_config(self, **changes):
        return super().hv_config(**{"module": None} | changes)

    async def test_rule_10_an_open_interlock_brings_down_names_its_first_cause_and_never_blocks_the_way_down(self):
        async with self.stand({"box": BOX}) as stand, stand.device("hv") as hv:
            await self.up(hv)
            await stand.guard.say("box", "open", first="humidity", why="env1.rh 42 % is above 40 %")
            why = "interlock box is open: humidity: env1.rh 42 % is above 40 %"
            self.assertEqual(await self.event(hv, "trip"), why)
            await self.done(hv, "off")
            await self.down(hv, self.hv_sim)
            await self.refused(hv, why, "clear_trip")
            await stand.guard.say("box", "ok", first=None, why=None)
            await asyncio.sleep(PERIOD)
            await self.done(hv, "clear_trip")
            await self.up(hv)

    async def test_rule_10_a_blocking_interlock_ends_the_way_up_and_leaves_the_voltage(self):
        async with self.stand({"box": replace(BOX, action="block")}, ramp_up=100) as stand, stand.device("hv") as hv:
            await self.up(hv, -20.0)
            rising = asyncio.create_task(hv.command("set_voltage", v=-400.0, wait=20))
            await hv.next_frame(lambda f: float(f.ch["ch0"].get("v_mon", 0)) < -30, "on its way")
            await stand.guard.say("box", "open")
            ack = await rising
            self.assertEqual(ack.state, "failed")
            self.assertRegex(ack.why or "", "interlock box is open")
            held = float(self.hv_sim.truth()["ch0"]["v"])
            await asyncio.sleep(0.5)
            self.assertAlmostEqual(float(self.hv_sim.truth()["ch0"]["v"]), held, delta=3.0)
            await self.refused(hv, "interlock box is open", "set_voltage", v=-450.0)
            await self.done(hv, "set_voltage", v=-20.0)
            await stand.guard.say("box", "open", bypass=stand.guard.bypassed())
            await self.done(hv, "set_voltage", v=-60.0)
            self.assertEqual([e.event for e in hv.events if e.event == "trip"], [])

    async def test_rule_09_what_the_broker_has_kept_is_not_known(self):
        async with self.stand({"box": BOX}) as stand:
            await asyncio.sleep(2 * PERIOD)
            stand.guard.silent = True
            self.assertIn(b'"ok"', self.broker.retained[topics.interlock("s", "box")])
            async with stand.device("hv") as hv:
                await self.done(hv, "set_voltage", v=-60.0)
                await self.refused(hv, "interlock box is unknown: the guard is not heard", "on")
                stand.guard.silent = False
                await self.done(hv, "on")

    async def test_rule_09_an_interlock_that_nobody_can_judge_blocks_at_once(self):
        async with self.stand({"box": BOX}) as stand, stand.device("hv") as hv:
            await self.up(hv)
            await stand.guard.say("box", "unknown", first="humidity", why="env1.rh is frozen")
            await self.refused(hv, "interlock box is unknown: humidity: env1.rh is frozen", "set_voltage", v=-70.0)
            self.assertTrue(self.hv_sim.truth()["ch0"]["on"])

    async def test_rule_18_ramps_down_when_the_guard_is_gone(self):
        async with self.stand({"box": BOX}, t_unknown=T_UNKNOWN) as stand, stand.device("hv") as hv:
            await self.up(hv)
            stand.guard.silent = True
            why = f"interlock box is unknown: the guard is not heard, for {T_UNKNOWN:g} s"
            self.assertEqual(await self.event(hv, "trip"), why)
            await self.down(hv, self.hv_sim)
            stand.guard.silent = False
            await asyncio.sleep(2 * PERIOD)
            await self.refused(hv, "tripped", "on")
            await self.done(hv, "clear_trip")
            await self.up(hv)

    async def test_rule_18_works_with_the_broker_gone(self):
        async with self.stand({"box": BOX}, t_unknown=T_UNKNOWN) as stand, stand.device("hv") as hv:
            await self.up(hv)
            self.broker.stop()
            await self.down(hv, self.hv_sim)
            self.broker.start()
            self.assertRegex(await self.event(hv, "trip"), "the guard is not heard")
            await self.refused(hv, "tripped", "on")

    async def test_rule_18_holds_where_it_is_told_to(self):
        async with (
            self.stand({"box": BOX}, t_unknown=T_UNKNOWN, on_comm_loss="hold") as stand,
            stand.device("hv") as hv,
        ):
            await self.up(hv)
            stand.guard.silent = True
            self.assertRegex(await self.event(hv, "hold"), "the guard is not heard")
            await asyncio.sleep(3 * T_UNKNOWN)
            self.assertAlmostEqual(float(self.hv_sim.truth()["ch0"]["v"]), -60.0, delta=1.0)
            self.assertEqual([e.event for e in hv.events], ["hold"], hv.events)
            await self.refused(hv, "the guard is not heard", "set_voltage", v=-70.0)

    @long
    async def test_rule_12_a_broker_away_for_less_than_t_unknown_moves_nothing(self):
        async with self.stand({"box": BOX}) as stand, stand.device("hv") as hv:
            await self.up(hv)
            orders = len(self.hv_sim.transcript)
            self.broker.stop()
            await asyncio.sleep(1.0)
            self.broker.start()
            await hv.next_frame(lambda f: True, "connected")
            await self.done(hv, "set_voltage", v=-61.0)
            sent = [line for line in self.hv_sim.transcript[orders:] if ":VOLT -" in line or "OFF" in line]
            self.assertEqual(len(sent), 1, sent)
            self.assertEqual([e.event for e in hv.events if e.event in ("trip", "hold")], [])

    async def test_rule_12_a_real_broker_killed_and_started_again_moves_nothing(self):
        server = Mosquitto()
        self.addCleanup(server.stop)
        config = BusConfig(port=server.port)
        async with (
            self.stand({"box": BOX}, join=lambda client, will: MqttBus(config, client, will)) as stand,
            stand.device("hv") as hv,
        ):
            await self.up(hv)
            server.kill()
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.restart)
            await hv.next_frame(lambda f: True, "connected", 20)
            await self.done(hv, "set_voltage", v=-61.0)
            self.assertEqual([e.event for e in hv.events if e.event in ("trip", "hold")], [])
            self.assertAlmostEqual(float(self.hv_sim.truth()["ch0"]["v"]), -61.0, delta=1.0)

    async def test_rule_18_kills_where_it_is_told_to(self):
        async with (
            self.stand({"box": BOX}, t_unknown=T_UNKNOWN, on_comm_loss="kill") as stand,
            stand.device("hv") as hv,
        ):
            await self.up(hv)
            self.broker.stop()
            await self.down(hv, self.hv_sim)
            self.broker.start()
            self.assertIn("the guard is not heard, for 0.3 s", await self.event(hv, "killed", None))
            self.assertEqual([e.event for e in hv.events if e.event == "kill_emergency"], [])

    @long
    async def test_rule_10_kills_where_it_is_told_to(self):
        async with self.stand({"box": replace(BOX, action="kill")}) as stand, stand.device("hv") as hv:
            await self.up(hv)
            await stand.guard.say("box", "open", first="humidity")
            self.assertIn("interlock box is open: humidity", await self.event(hv, "killed", None))
            await self.event(hv, "kill_ended", None)
            self.assertFalse(self.hv_sim.truth()["ch0"]["on"])


class TestInterlocksOfLowVoltage(StandCase):
    async def test_rule_04_an_interlock_of_the_low_voltage_takes_the_high_voltage_down_first(self):
        async with (
            self.stand({"box": replace(BOX, protects=("lv.ch1",))}, ramp_down=50) as stand,
            stand.device("lv") as lv,
            stand.device("hv") as hv,
        ):
            await self.done(lv, "on", "ch1")
            await self.up(hv)
            await stand.guard.say("box", "open", first="water")
            while self.lv_sim.truth()["ch1"]["on"]:
                last = self.hv_sim.truth()["ch0"]
                await asyncio.sleep(0.002)
            self.assertFalse(last["on"])
            self.assertEqual(await self.event(lv, "trip", "ch1"), "interlock box is open: water")


class RealIseg(IsegShr):
    """An iseg that does not say that it is simulated."""

    identity = "iseg Spezialelektronik GmbH,SHR4260,7400123,4.28"


class TestRealHighVoltage(StandCase):
    def high_voltage(self):
        return RealIseg(World())

    async def test_rule_03_real_high_voltage_needs_an_interlock_that_protects_it(self):
        async with (
            self.stand({"box": replace(BOX, protects=("hv.ch0",))}, module=None) as stand,
            stand.device("hv") as hv,
        ):
            await self.refused(hv, "no interlock protects it", "set_voltage", "ch1", v=-60.0)
            await self.refused(hv, "no interlock protects it", "on", "ch1")
            await self.up(hv)
            self.assertAlmostEqual(float(self.hv_sim.truth()["ch0"]["v"]), -60.0, delta=1.0)


if __name__ == "__main__":
    unittest.main()
