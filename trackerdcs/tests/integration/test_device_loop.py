"""The device service's loop against simulated instruments on real sockets."""

import asyncio
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.messages import NO_CHANNEL
from trackerdcs.sim.hmp4040 import Hmp4040
from trackerdcs.sim.instrument import Truth
from trackerdcs.sim.iseg_shr import IsegShr
from trackerdcs.sim.stand import SIMULATORS
from trackerdcs.sim.world import World
from trackerdcs.tests.device_bench import config_for, device_bench
from trackerdcs.tests.driver_cases import SELECTS, orders
from trackerdcs.tests.sim_stand import RunningSim, running


class SteppingClock(SystemClock):
    """A clock that can be set back."""

    offset = 0

    def now(self) -> int:
        return super().now() + self.offset


class RealIseg(IsegShr):
    """An iseg that does not say that it is simulated."""

    identity = "iseg Spezialelektronik GmbH,SHR4260,7400123,4.28"


class WithIseg(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.sim: RunningSim = self.enterContext(running(IsegShr(World())))
        self.config = config_for("iseg_shr", self.sim.resource)


class TestCommands(WithIseg):
    async def test_a_burst_of_commands_does_not_put_off_the_polls_after_it(self):
        async with device_bench(replace(self.config, period=0.3)) as bench:
            for _ in range(20):
                self.assertEqual((await bench.command("hold")).state, "done")
            seen = len(bench.frames)
            await bench.until(lambda: len(bench.frames) >= seen + 3, "polls as ever: 20 periods are 6 s", wait=3.0)

    async def test_set_voltage_shows_at_once_and_v_mon_follows_after_on(self):
        async with device_bench(self.config) as bench:
            self.assertEqual((await bench.command("set_ramp", up=200, down=200)).state, "done")
            ack = await bench.command("set_voltage", v=-50)
            self.assertEqual((ack.state, ack.readback["v_set"], ack.readback["on"]), ("done", -50.0, False))
            frame = await bench.next_frame(lambda f: f.ch["ch0"]["v_set"] == -50, "v_set")
            self.assertAlmostEqual(float(frame.ch["ch0"]["v_mon"]), 0.0, delta=1.0)
            ack = await bench.command("on")
            self.assertEqual((ack.state, ack.readback["state"]), ("done", "on"))
            self.assertAlmostEqual(self.sim.truth()["ch0"]["v"], -50.0, delta=1.0)
            states = {f.ch["ch0"]["state"] for f in bench.frames}
            self.assertLessEqual({"off", "ramping_up"}, states)
            await bench.command("set_ramp", up=200, down=40)  # slow enough to be seen between 10 V and nothing
            ack = await bench.command("off")
            self.assertEqual((ack.state, ack.readback["on"], ack.readback["state"]), ("done", False, "off"))
            self.assertLess(abs(float(ack.readback["v_mon"])), 1.0)

    async def test_off_during_a_ramp_ends_it(self):
        async with device_bench(self.config) as bench:
            await bench.command("set_ramp", up=50, down=400)
            await bench.command("set_voltage", v=-400)
            on = asyncio.create_task(bench.command("on"))
            await bench.next_frame(lambda f: float(f.ch["ch0"]["v_mon"]) < -20, "on its way")
            self.assertEqual((await bench.command("off")).state, "done")
            self.assertEqual(((await on).state, (await on).why), ("failed", "superseded"))
            self.assertFalse(self.sim.truth()["ch0"]["on"])

    async def test_a_command_that_runs_when_the_service_stops_has_its_end_said(self):
        async with device_bench(self.config) as bench:
            await bench.command("set_ramp", up=1, down=400)
            await bench.command("set_voltage", v=-400)
            on = asyncio.create_task(bench.command("on"))
            await bench.next_frame(lambda f: f.ch["ch0"]["on"], "on its way")
            assert bench.running
            bench.running.cancel()
            await asyncio.wait({bench.running})
            self.assertEqual(((await on).state, (await on).why), ("failed", "the service stops"))
            self.assertTrue(self.sim.truth()["ch0"]["on"], "stopping changes no output")

    async def test_refusals_send_no_byte(self):
        async with device_bench(self.config) as bench:
            for args in ({"v": -900}, {"v": 50}, {"v": True}, {"v": "-50"}, {}, {"v": -1, "w": 1}):
                self.assertEqual((await bench.command("set_voltage", **args)).state, "refused", args)
            self.assertEqual((await bench.command("set_voltage", ch="ch9", v=-1)).state, "refused")
            self.assertEqual((await bench.command("explode")).state, "refused")
        self.assertEqual(orders(self.sim.transcript), [])

    async def test_emergency_off_and_clear_trip(self):
        async with device_bench(self.config) as bench:
            await bench.command("set_ramp", up=400, down=400)
            await bench.command("set_voltage", v=-100)
            await bench.command("on")
            self.assertEqual((await bench.command("emergency_off")).state, "done")
            self.assertFalse(self.sim.truth()["ch0"]["on"])
            self.assertEqual((await bench.command("clear_trip")).state, "done")

    async def test_a_module_bound_to_a_channel_is_in_frames_and_meta_and_survives_a_restart(self):
        with tempfile.TemporaryDirectory() as folder:
            async with device_bench(self.config, data=Path(folder)) as bench:
                await bench.command("bind", module="m-7")
                await bench.next_frame(lambda f: f.mod == {"ch0": "m-7"}, "module in the frame")
                self.assertEqual(bench.metas[-1].channels["ch0"].module, "m-7")
            async with device_bench(self.config, data=Path(folder), boot="boot2") as bench:
                self.assertEqual(bench.frames[0].mod, {"ch0": "m-7"})
                await bench.command("bind", module="")
                await bench.next_frame(lambda f: f.mod == {}, "unbound")

    async def test_real_high_voltage_that_no_interlock_protects_is_not_told_to_go_up(self):
        with running(RealIseg(World())) as sim:
            async with device_bench(config_for("iseg_shr", sim.resource, sim=False)) as bench:
                self.assertIsNone(bench.frames[-1].sim)
                for args in ({"cmd": "set_voltage", "v": -5}, {"cmd": "on"}):
                    ack = await bench.command(**args)
                    self.assertEqual(ack.state, "refused")
                    self.assertIn("no interlock protects it", ack.why or "")
                self.assertEqual((await bench.command("off")).state, "done")
            self.assertEqual(orders(sim.transcript), [])


class TestPolling(unittest.IsolatedAsyncioTestCase):
    async def test_only_channels_of_the_stand_file_are_asked(self):
        with running(Hmp4040(World())) as sim:
            config = config_for("hmp4040", sim.resource)
            config = replace(config, channels={"ch2": config.channels["ch2"]})
            async with device_bench(config) as bench:
                frame = await bench.next_frame(lambda f: True, "frame")
            self.assertEqual(set(frame.ch), {"ch2"})
            selected = {line for line in sim.transcript if SELECTS.fullmatch(line.split(" ")[0])}
            self.assertEqual(selected, {"INST:NSEL 2"})


class TestIdentity(WithIseg):
    async def refused(self, text: str, **changes: object) -> None:
        async with device_bench(config_for("iseg_shr", self.sim.resource, **changes), started=False) as bench:
            with self.assertRaisesRegex(ConfigError, text):
                await bench.until(lambda: False, "the end")
        self.assertEqual(orders(self.sim.transcript), [])

    async def test_a_simulated_instrument_where_a_real_one_is_expected_is_refused_at_start(self):
        await self.refused("devices.d.sim: the stand file says real.*SIM-7400123 says simulated", sim=False)

    async def test_another_serial_number_is_refused_at_start(self):
        await self.refused("devices.d.serial: the stand file says 4711, the instrument says SIM-7400123", serial="4711")


class TestFaults(WithIseg):
    async def test_a_dead_instrument_is_bad_never_the_old_number_and_comes_back(self):
        async with device_bench(self.config) as bench:
            self.assertEqual(bench.statuses[-1].state, "online")
            with self.assertLogs("trackerdcs.app.owner", "WARNING") as logs:
                self.sim.faults.set("hang", times=None)
                frame = await bench.next_frame(lambda f: f.bad, "bad frame")
                self.assertEqual(frame.ch, {})
                self.assertEqual(set(frame.bad), {"ch0", "ch1", "ch2", "ch3"})
                self.assertEqual(set(frame.bad["ch0"]), set(bench.metas[-1].channels["ch0"].quantities))
                await bench.until(lambda: bench.statuses[-1].state == "fault", "fault")
                self.sim.faults.clear()
                frame = await bench.next_frame(lambda f: not f.bad, "good again", wait=10)
                self.assertIn("v_mon", frame.ch["ch0"])
                await bench.until(lambda: bench.statuses[-1].state == "online", "online")
                await bench.until(lambda: [e.event for e in bench.events] == ["reconnect"], "event")
        self.assertEqual(len(logs.output), 2, "one log line each way")

    async def test_a_clock_that_steps_back_is_flagged_and_time_stamps_still_grow(self):
        clock = SteppingClock()
        async with device_bench(self.config, clock) as bench:
            clock.offset = -5 * 10**9
            frame = await bench.next_frame(lambda f: f.unc, "flag")
            self.assertIn("stepped back by", frame.unc[NO_CHANNEL]["ts"])
            await bench.next_frame(lambda f: True, "one more")
            stamps = [f.ts for f in bench.frames]
        self.assertEqual(stamps, sorted(set(stamps)))

    async def test_rule_15_with_a_data_folder_that_cannot_be_written_it_polls_and_goes_down_and_says_so(self):
        with tempfile.NamedTemporaryFile() as no_folder, self.assertLogs("trackerdcs.app", "WARNING"):
            async with device_bench(self.config, data=Path(no_folder.name)) as bench:
                ack = await bench.command("set_voltage", v=-5)
                self.assertEqual(ack.state, "refused")
                self.assertIn("the ledger cannot be written", ack.why or "")
                await bench.next_frame(lambda f: f.ch["ch0"]["v_set"] == 0, "frames go on")
                for cmd in ("hold", "off", "emergency_off"):
                    self.assertEqual((await bench.command(cmd)).state, "done", cmd)
                await bench.until(lambda: bench.statuses[-1].state == "fault", "fault")
                self.assertIn("frames are in memory only: journal", bench.statuses[-1].error or "")
                self.assertIn("commands are remembered in memory only", bench.statuses[-1].error or "")

    async def test_frames_are_numbered_without_a_hole_and_the_end_is_said(self):
        async with device_bench(self.config) as bench:
            await bench.next_frame(lambda f: f.seq >= 5, "five frames")
            self.assertEqual([f.seq for f in bench.frames], list(range(len(bench.frames))))
            broker = bench.broker
        self.assertIn(b'"state":"offline"', broker.retained["dcs/v1/s/d/status"])
        self.assertIn(b"stopped", broker.retained["dcs/v1/s/d/status"])


class TestEveryInstrument(unittest.IsolatedAsyncioTestCase):
    async def test_starting_stopping_and_reconnecting_changes_no_output(self):
        for name, make in SIMULATORS.items():
            with self.subTest(driver=name), running(make(World(speed=100))) as sim:
                before = sim.truth()
                config = config_for(name, sim.resource)
                for boot in ("one", "two"):
                    async with device_bench(config, boot=boot) as bench:
                        sim.faults.set("close")
                        await bench.next_frame(lambda f: f.bad, "lost")
                        await bench.next_frame(lambda f: not f.bad, "back", wait=10)
                self.assertEqual(orders(sim.transcript), [])
                self.assertEqual(settings(sim.truth()), settings(before))


def settings(truth: Truth) -> Truth:
    """What a command could have changed, of a simulator's truth."""
    return {ch: {q: v for q, v in values.items() if q in ("on", "v_set", "i_limit")} for ch, values in truth.items()}


if __name__ == "__main__":
    unittest.main()
