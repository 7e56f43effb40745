"""Cases of a power channel, judged by the truth of its instrument; test_channel.py runs them for each supply."""

import asyncio
import re
import tempfile
from itertools import pairwise
from pathlib import Path

from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.sim.instrument import Instrument
from trackerdcs.tests.channel_case import DOWN, STEP, UP, ChannelCase, Trace
from trackerdcs.tests.device_bench import device_bench
from trackerdcs.tests.driver_cases import orders


class Ramps(ChannelCase):
    async def test_rule_02_on_ramps_and_off_comes_down_before_it_switches(self):
        sim, config = self.sim, self.config
        with Trace(sim) as trace:
            async with self.at(config, -150.0) as bench:
                self.assertIn("ramping_up", {f.ch["ch0"]["state"] for f in bench.frames})
                ack = await bench.command("off", wait=20)
                self.assertEqual((ack.state, ack.readback["v_set"]), ("done", 0.0))
                self.assertIn("ramping_down", {f.ch["ch0"]["state"] for f in bench.frames})
        self.assertLessEqual(trace.fastest(1), 1.1 * UP)
        self.assertLessEqual(trace.largest_step(), 1.3 * STEP)
        self.assertLessEqual(trace.fastest(-1), 1.1 * DOWN)
        self.assertGreater(trace.fastest(1), 0.5 * UP, "it does not crawl either")
        self.assertLessEqual(trace.highest(), 151.0)
        if self.name == "keithley2410":
            self.assertLessEqual(trace.switched_off_at(), 10.0)

    async def test_rule_03_on_bounds_the_current_limit_and_begins_at_zero(self):
        sim, config = self.sim, self.config
        async with self.at(config, -20.0):
            self.assertAlmostEqual(float(sim.truth()["ch0"]["i_limit"]), 2e-5)
        told = orders(sim.transcript)
        before = next(i for i, order in enumerate(told) if "ON" in order)
        self.assertRegex(" ".join(told[:before]), r"VOLT -?0(\.0*)?\b")

    async def test_rule_06_a_new_target_while_on_is_a_ramp_too(self):
        sim, config = self.sim, self.config
        async with self.at(config, -50.0) as bench:
            with Trace(sim) as trace:
                self.assertEqual((await bench.command("set_voltage", v=-150.0, wait=20)).state, "done")
                self.assertEqual((await bench.command("set_voltage", v=-20.0, wait=20)).state, "done")
        self.assertLessEqual(trace.fastest(1), 1.1 * UP)
        self.assertLessEqual(trace.fastest(-1), 1.1 * DOWN)
        self.assertAlmostEqual(float(sim.truth()["ch0"]["v"]), -20.0, delta=1.0)
        asked = [float(v) for o in orders(sim.transcript) for v in re.findall(r"VOLT (-?[0-9.E+-]+)", o)]
        at_once = max(abs(v - v0) for v0, v in pairwise(asked[1:]))  # the first was asked while off
        self.assertLessEqual(
            at_once, 50.0 if self.name == "iseg_shr" else STEP, "steps, or stages of a ramp of its own"
        )

    async def test_a_slower_ramp_can_be_asked_for_and_a_faster_one_not(self):
        sim, config = self.sim, self.config
        async with device_bench(config) as bench:
            self.assertEqual((await bench.command("set_ramp", up=2 * UP, down=DOWN)).state, "refused")
            self.assertEqual((await bench.command("set_ramp", up=UP / 4, down=DOWN)).state, "done")
            await bench.command("set_voltage", v=-40.0)
            with Trace(sim) as trace:
                self.assertEqual((await bench.command("on", wait=20)).why, None)
        self.assertLessEqual(trace.fastest(1), 1.1 * UP / 4)

    async def test_hold_stops_a_ramp_where_it_is(self):
        sim, config = self.sim, self.config
        async with device_bench(config) as bench:
            rising = await self.on_its_way(bench)
            self.assertEqual((await bench.command("hold")).state, "done")
            self.assertEqual((await rising).why, "superseded")
            await bench.next_frame(lambda f: f.ch["ch0"]["state"] == "hold", "hold")
            held = float(sim.truth()["ch0"]["v"])
            await asyncio.sleep(0.5)
            self.assertAlmostEqual(float(sim.truth()["ch0"]["v"]), held, delta=1.0)
            self.assertGreater(held, -200.0)

    async def test_off_during_the_way_up_turns_around(self):
        sim, config = self.sim, self.config
        async with device_bench(config) as bench:
            rising = await self.on_its_way(bench)
            with Trace(sim) as trace:
                self.assertEqual((await bench.command("off", wait=20)).state, "done")
            self.assertEqual((await rising).why, "superseded")
        self.assertLess(trace.highest(), 150.0)
        self.assertFalse(sim.truth()["ch0"]["on"])


class Targets(ChannelCase):
    async def test_off_and_a_restart_forget_the_target(self):
        config = self.config
        async with self.at(config, -20.0) as bench:
            await bench.command("off", wait=20)
            ack = await bench.command("on")
            self.assertEqual(ack.state, "refused")
            self.assertIn("set_voltage first", ack.why or "")
            await bench.command("set_voltage", v=-30.0)
        async with device_bench(config, boot="boot2") as bench:
            self.assertEqual((await bench.command("on")).state, "refused")

    async def test_rule_12_a_restart_adopts_an_output_that_is_on_and_moves_nothing(self):
        sim, config = self.sim, self.config
        async with self.at(config, -30.0):
            pass
        before, told = sim.truth(), len(orders(sim.transcript))
        async with device_bench(config, boot="boot2") as bench:
            frame = await bench.next_frame(lambda f: f.seq > 3, "frames")
            self.assertEqual((frame.ch["ch0"]["state"], frame.ch["ch0"]["on"]), ("on", True))
            self.assertEqual(bench.events, [])
        self.assertEqual(orders(sim.transcript)[told:], [])
        self.assertEqual(sim.truth()["ch0"]["on"], before["ch0"]["on"])

    async def test_rule_19_an_off_that_a_restart_has_cut_is_completed_first(self):
        sim = self.sim
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder)
            async with self.at(self.limited(ramp_down=20.0), -80.0, data=data) as bench:
                off = asyncio.create_task(bench.command("off", wait=20))
                await bench.next_frame(lambda f: f.ch["ch0"]["state"] == "ramping_down", "on its way")
            off.cancel()
            self.assertTrue(sim.truth()["ch0"]["on"])
            async with device_bench(self.config, boot="boot2", data=data) as bench:
                self.assertIn("off of the last run", await self.event(bench, "resumed"))
                await bench.next_frame(lambda f: f.ch["ch0"]["on"] is False, "off", wait=10)
                await bench.until(
                    lambda: not sim.truth()["ch0"]["on"] and bench.frames[-1].ch["ch0"]["v_set"] == 0, "0"
                )
            told = len(orders(sim.transcript))
            async with device_bench(self.config, boot="boot3", data=data) as bench:
                await bench.next_frame(lambda f: f.seq > 3, "frames")
                self.assertEqual(bench.events, [])
            self.assertEqual(orders(sim.transcript)[told:], [], "once")

    async def test_rule_19_a_kill_that_a_restart_has_cut_is_completed_first(self):
        with tempfile.TemporaryDirectory() as folder:
            async with self.at(self.config, -40.0, data=Path(folder)):
                pass
            log = SqliteCommandLog(Path(folder, "c.sqlite"))
            log.intend("ch0", "kill", "killed by cli")
            log.close()
            async with device_bench(self.config, boot="boot2", data=Path(folder)) as bench:
                await bench.until(lambda: not self.sim.truth()["ch0"]["on"], "off", 10)
                await bench.next_frame(lambda f: f.ch["ch0"].get("state") == "tripped", "latched")
                await bench.until(lambda: not log.intents(), "completed")
            log.close()

    async def test_rule_14_a_knob_turned_by_hand_is_an_event_and_drops_the_target(self):
        sim, config = self.sim, self.config
        async with self.at(config, -30.0) as bench:
            told = len(orders(sim.transcript))
            sim.faults.set("front_panel", channel="ch0", v_set=-35.0)
            why = await self.event(bench, "external_change")
            self.assertIn("-30.0 V, is on with v_set -35.0 V", why)
            self.assertEqual(orders(sim.transcript)[told:], [], "nobody fights the knob")
            sim.faults.set("front_panel", channel="ch0", on=False)
            await bench.next_frame(lambda f: f.ch["ch0"]["on"] is False, "off by hand", wait=10)
            self.assertEqual((await bench.command("on")).state, "refused")

    async def test_rule_14_a_brown_out_is_an_event_and_never_resumed(self):
        sim, config = self.sim, self.config
        async with self.at(config, -30.0) as bench:
            told = len(orders(sim.transcript))
            sim.faults.set("brown_out")
            self.assertIn("is off", await self.event(bench, "external_change"))
            await asyncio.sleep(0.3)
            self.assertEqual(orders(sim.transcript)[told:], [])
            self.assertFalse(sim.truth()["ch0"]["on"])


class Trips(ChannelCase):
    async def test_rule_07_a_current_above_the_soft_limit_brings_the_voltage_down_and_latches_over_a_restart(self):
        sim, config = self.sim, self.config
        config = self.limited(i_soft=1e-6)
        with tempfile.TemporaryDirectory() as folder, Trace(sim) as trace:
            async with self.at(config, -100.0, data=Path(folder)) as bench:
                self.leak(30)
                self.assertIn("soft limit", await self.event(bench, "trip"))
                await bench.next_frame(lambda f: f.ch["ch0"]["on"] is False, "down", wait=20)
                self.assertEqual(bench.frames[-1].ch["ch0"]["state"], "tripped")
                ack = await bench.command("on")
                self.assertEqual(ack.state, "refused")
                self.assertIn("clear_trip first", ack.why or "")
            self.assertLessEqual(trace.fastest(-1), 1.1 * DOWN)
            async with device_bench(config, boot="boot2", data=Path(folder)) as bench:
                self.assertEqual((await bench.command("on")).state, "refused")
                self.assertRegex(
                    bench.statuses[-1].error or "", "ch0 tripped: .* soft limit", "kept for who comes later"
                )
                self.leak(1 / 30)
                self.assertEqual((await bench.command("clear_trip")).state, "done")
                await bench.next_frame(lambda f: f.ch["ch0"]["state"] == "off", "cleared")
                await bench.until(lambda: bench.statuses[-1].state == "online", "nothing is wrong any more")

    async def test_rule_07_a_trip_during_the_way_up_ends_the_command_and_comes_down(self):
        sim, config = self.sim, self.config
        config = self.limited(i_soft=6e-8)
        async with device_bench(config) as bench:
            await bench.command("set_voltage", v=-400.0)
            ack = await bench.command("on", wait=20)
            self.assertEqual(ack.state, "failed")
            self.assertIn("soft limit", ack.why or "")
            await bench.next_frame(lambda f: f.ch["ch0"]["on"] is False, "down", wait=20)
        self.assertFalse(sim.truth()["ch0"]["on"])

    async def test_rule_07_a_trip_is_not_cleared_while_its_cause_is_there(self):
        config = self.config
        config = self.limited(i_soft=1e-6, ramp_down=10.0)
        async with self.at(config, -60.0) as bench:
            self.leak(30)
            await self.event(bench, "trip")
            ack = await bench.command("clear_trip")
            self.assertEqual(ack.state, "failed")

    async def test_rule_02_emergency_off_works_at_any_moment(self):
        sim, config = self.sim, self.config
        async with device_bench(config) as bench:
            rising = await self.on_its_way(bench)
            self.assertEqual((await bench.command("emergency_off")).state, "done")
            self.assertEqual((await rising).state, "failed")
            await asyncio.sleep(0.5)
            self.assertFalse(sim.truth()["ch0"]["on"])
            self.assertAlmostEqual(float(sim.truth()["ch0"]["v"]), 0.0, delta=0.1)


class Wire(ChannelCase):
    async def test_rule_13_off_goes_on_after_the_link_was_broken(self):
        sim, config = self.sim, self.config
        async with self.at(config, -60.0) as bench:
            off = asyncio.create_task(bench.command("off", wait=30))
            await bench.next_frame(lambda f: f.ch.get("ch0", {}).get("state") == "ramping_down", "on its way")
            sim.faults.set("reset")
            self.assertEqual((await off).state, "done")
        self.assertFalse(sim.truth()["ch0"]["on"])

    async def test_rule_21_three_bad_polls_with_the_output_on_are_unknown_and_nothing_rises_until_it_is_seen(self):
        sim, config = self.sim, self.config
        async with self.at(config, -30.0) as bench:
            sim.faults.set("hang", times=None)
            self.assertIn("three bad readings", await self.event(bench, "unknown"))
            ack = await bench.command("set_voltage", v=-60.0)
            self.assertEqual(ack.state, "refused")
            sim.faults.clear()
            await bench.next_frame(lambda f: f.ch.get("ch0", {}).get("state") == "on", "seen again", wait=20)

    async def test_rule_21_what_is_unknown_for_too_long_comes_down_at_the_first_good_exchange(self):
        for what, event in (("ramp_down", "trip"), ("kill", "killed"), ("hold", "hold")):
            async with self.at(self.limited(t_unknown=0.2, on_comm_loss=what), -30.0) as bench:
                self.sim.faults.set("hang", times=None)
                self.assertIn("no good reading for 0.2 s", await self.event(bench, event))
                self.assertTrue(self.sim.truth()["ch0"]["on"], "nobody hears it yet")
                self.sim.faults.clear()
                seen = await bench.next_frame(
                    lambda f: f.ch.get("ch0", {}).get("state") in ("on", "tripped"), "seen", 20
                )
                self.assertEqual(seen.ch["ch0"]["state"], "on" if what == "hold" else "tripped")
                if what != "hold":
                    await bench.until(lambda: not self.sim.truth()["ch0"]["on"], "down", wait=20)
                await asyncio.sleep(0.1)
                self.assertIs(self.sim.truth()["ch0"]["on"], what == "hold")


class LostAnswer(ChannelCase):
    """The order to switch on is executed, and its answer does not arrive."""

    def simulator(self) -> Instrument:
        simulator = super().simulator()
        handle, silent = simulator.handle, [0]

        def deaf(line: str) -> str | None:
            answer = handle(line)
            if "VOLT ON" in line or "OUTP ON" in line:
                silent[0] = 3
            if silent[0] and "?" in line:
                silent[0] -= 1
                return None
            return answer

        simulator.handle = deaf  # type: ignore[method-assign]
        return simulator

    async def test_rule_13_an_on_whose_answer_was_lost_is_failed_and_undone(self):
        async with device_bench(self.config) as bench:
            await bench.command("set_voltage", v=-20.0)
            self.assertEqual((await bench.command("on", wait=20)).state, "failed")
            await self.event(bench, "compensation")
            await bench.next_frame(lambda f: f.ch.get("ch0", {}).get("on") is False, "off again", wait=20)
            told = [o for o in orders(self.sim.transcript) if o.startswith((":VOLT ON", ":OUTP ON"))]
            self.assertEqual(len(told), 1, "never sent twice")
        self.assertFalse(self.sim.truth()["ch0"]["on"])
