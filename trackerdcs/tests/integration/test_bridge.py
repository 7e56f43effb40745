"""The bridge with the simulated programs: each way to fail has its code and a final state, none hides another."""

import asyncio
import os
import signal
from dataclasses import replace

from trackerdcs.domain.ph2acf.setup import RecipeConfig, SettingConfig
from trackerdcs.tests.bridge_bench import FAST, FREE, NAME, QUICK, BridgeCase
from trackerdcs.tests.service import Forked
from trackerdcs.tests.waiting import until

FAIL = "TRACKERDCS_PH2ACF_FAIL"
FAULTS = {
    "host": "host_unknown",
    "fc7": "fc7_unreachable",
    "nofw": "fw_not_loaded",
    "link": "link_lock",
    "badcalib": "bad_calibration",
    "tuning": "tuning_failed",
    "deadchip": "tuning_failed",
    "crash@PedeNoise": "exception",
    "segv@PedeNoise": "crashed",
    "disk": "disk_full",
    "trunc": "root_cut",
    "zombie": "root_unclosed",
}


class TestFaults(BridgeCase):
    async def test_each_way_to_fail_has_its_code_and_a_final_state(self) -> None:
        for fault, code in FAULTS.items():
            with self.subTest(fault):
                self.setup(replace(FREE, environment=FAST | {FAIL: fault}))
                await self.pilot()
                run = await self.over(await self.start())
                self.assertEqual((run.state, run.failure.code if run.failure else None), ("failed", code))
                self.assertGreater(len(run.failure.text if run.failure else ""), 20)
                self.assertTrue(run.complete)
                await self.end(NAME)
        self.assertEqual(list((self.data / NAME / "open").glob("*")), [])

    async def test_what_only_looks_bad_is_done(self) -> None:
        self.setup(replace(FREE, environment=FAST | {FAIL: "i2c"}))
        await self.pilot()
        run = await self.over(await self.start(calibration="PSquickTest"))
        self.assertEqual(run.state, "done", run.failure)
        self.assertTrue(run.signs.proven)
        self.assertGreater(run.log.error, 0)
        again = await self.over(await self.start())
        self.assertEqual((run.number, again.number), (1, 2), "numbers go on from run to run")

    async def test_a_run_of_the_inner_tracker(self) -> None:
        self.setup(replace(FREE, calibrations={"scurve": RecipeConfig("CMSITminiDAQ")}))
        await self.pilot()
        run = await self.over(await self.start(calibration="scurve", config="CROC_Quad.xml"))
        self.assertEqual((run.state, run.tracker, run.rc), ("done", "IT", 0), run.failure)
        self.assertEqual([stage.name for stage in run.stages], ["SCurve"])
        again = await self.over(await self.start(calibration="scurve", config="CROC_Quad.xml"))
        self.assertEqual((run.number, again.number), (0, 1))

    async def test_a_program_that_hangs_is_ended(self) -> None:
        recipes = {"calibrationandpedenoise": RecipeConfig(idle=3.0)}
        self.setup(replace(FREE, calibrations=recipes, environment=FAST | {FAIL: "hang@OTCICphaseAlignment"}))
        await self.pilot()
        run = await self.over(await self.start())
        self.assertEqual((run.state, run.failure.code if run.failure else None, run.rc), ("failed", "hang", -9))

    async def test_a_program_that_takes_too_long_is_ended(self) -> None:
        recipes = {"calibrationandpedenoise": RecipeConfig(total=3.0)}
        self.setup(replace(FREE, calibrations=recipes, environment={"TRACKERDCS_PH2ACF_SPEED": "1"}))
        await self.pilot()
        run = await self.over(await self.start())
        self.assertEqual((run.state, run.failure.code if run.failure else None), ("failed", "too_long"))


class TestOrders(BridgeCase):
    async def test_bad_orders_are_refused_with_their_codes(self) -> None:
        configs = self.data / "configs"
        configs.mkdir()
        (configs / "bad.xml").write_text("<HwDescription><BeBoard>")
        (configs / "none.xml").write_text("<HwDescription/>")
        (configs / "out.xml").symlink_to("/etc/hostname")
        self.setup(replace(FREE, configs=str(configs)))
        await self.pilot()
        for args, code in (
            ({"calibration": "rm -rf"}, "bad_calibration"),
            ({"config": "bad.xml"}, "config_not_xml"),
            ({"config": "none.xml"}, "config_no_board"),
            ({"config": "nosuch.xml"}, "config_unknown"),
            ({"config": "out.xml"}, "config_outside"),
            ({"config": "../stand.json"}, "config_outside"),
            ({"config": "/etc/hostname"}, "config_outside"),
        ):
            with self.subTest(args):
                ack = await self.tell(NAME, "start_calibration", **(QUICK | args))
                self.assertEqual(ack.state, "refused")
                self.assertTrue((ack.why or "").startswith(f"{code}: "), ack.why)
        self.assertEqual((await self.tell(NAME, "abort")).state, "refused")
        await self.end(NAME)
        self.setup(replace(FREE, programs={"runCalibration": str(self.data / "nothing")}))
        await self.pilot()
        ack = await self.tell(NAME, "start_calibration", **QUICK)
        self.assertIn("program_missing: ", ack.why or "")

    async def test_an_argument_is_written_into_the_run_s_own_configuration(self) -> None:
        recipe = RecipeConfig(
            arguments={"nevents": SettingConfig("Nevents", 1, 500), "odd": SettingConfig("Nosuch", 0, 1)}
        )
        self.setup(replace(FREE, calibrations={"alignment": recipe}))
        await self.pilot()
        for args, why in (
            ({"nevents": 501.0}, "outside"),
            ({"nevents": 1.5}, "whole number"),
            ({"odd": 1.0}, "no_setting: "),
            ({"modules": "m-9"}, "no_module: "),
        ):
            ack = await self.tell(NAME, "start_calibration", **(QUICK | {"calibration": "alignment"} | args))
            self.assertEqual(ack.state, "refused", args)
            self.assertIn(why, ack.why or "")
        run = await self.over(await self.start(calibration="alignment", nevents=123.0))
        self.assertEqual(run.settings["Nevents"], "123")
        self.assertIn(
            '<Setting name="Nevents">123</Setting>', next((self.data / NAME).glob("*/PS_Module.xml")).read_text()
        )

    async def test_two_at_a_time_are_refused_by_the_bridge_and_by_the_board(self) -> None:
        slow = replace(FREE, environment={"TRACKERDCS_PH2ACF_SPEED": "3"}, work=str(self.data / "work"))
        self.setup(slow)
        self.setup(replace(slow, work=str(self.data / "work2")), "ph2acf2")
        await self.pilot()
        await self.pilot("ph2acf2")
        run = await self.start()
        ack = await self.tell(NAME, "start_calibration", **QUICK)
        self.assertEqual(ack.state, "refused")
        self.assertTrue((ack.why or "").startswith("busy: "), ack.why)
        ack = await self.tell("ph2acf2", "start_calibration", **QUICK)
        self.assertEqual(ack.state, "failed")
        self.assertTrue((ack.why or "").startswith("board_busy: "), ack.why)
        ack = await self.tell(NAME, "abort")
        self.assertEqual((ack.state, ack.readback["state"]), ("done", "aborted"))
        ended = await self.over(run)
        self.assertEqual((ended.state, ended.failure.code if ended.failure else None), ("aborted", "aborted"))
        self.assertEqual(ended.rc, -signal.SIGABRT)


class TestRestart(BridgeCase):
    async def test_a_killed_bridge_adopts_the_program_that_goes_on(self) -> None:
        self.setup(replace(FREE, environment={"TRACKERDCS_PH2ACF_SPEED": "12"}))
        file = self.write_stand()
        service = Forked(["ph2acf", str(file), NAME])
        self.addCleanup(service.stop)
        await self.heard(NAME)
        run = await self.start(calibration="pedenoise")
        await until(lambda: any(id == run and note and note.state == "running" for id, note in self.notes))
        before = next(note for id, note in self.notes if id == run and note)
        service.kill()
        await asyncio.sleep(0.5)
        begun = len(self.frames)
        await self.pilot()
        frame = await self.heard(NAME, begun)
        self.assertIn(frame.ch["-"]["state"], ("configuring", "running"))
        ack = await self.tell(NAME, "start_calibration", **QUICK)
        self.assertTrue((ack.why or "").startswith("busy: "), ack.why)
        ended = await self.over(run)
        self.assertEqual(ended.state, "done", ended.failure)
        self.assertEqual(ended.signs.all, (None, True, True, True), "nobody has seen how it ended")
        self.assertTrue(all(stage.start and stage.stop for stage in ended.stages))
        self.assertLess(abs((ended.stages[0].start or 0) - before.ts), 3e9, "what was heard before keeps its time")
        self.assertIn("run_adopted", [event.event for event in self.events])

    async def test_a_program_that_has_gone_with_the_bridge_is_a_failed_run(self) -> None:
        self.setup(replace(FREE, environment={"TRACKERDCS_PH2ACF_SPEED": "3"}))
        service = Forked(["ph2acf", str(self.write_stand()), NAME])
        self.addCleanup(service.stop)
        await self.heard(NAME)
        run = await self.start()
        await until(lambda: any(id == run and note and note.state == "running" for id, note in self.notes))
        service.kill()
        opened = (self.data / NAME / "open" / f"{run}.json").read_text()
        pid = int(opened.partition('"pid": ')[2].partition(",")[0])
        os.killpg(pid, signal.SIGKILL)
        await self.pilot()
        ended = await self.over(run)
        self.assertEqual((ended.state, ended.failure.code if ended.failure else None), ("failed", "bridge_restart"))
        self.assertTrue(ended.complete)


del BridgeCase  # a case without a test is no test
