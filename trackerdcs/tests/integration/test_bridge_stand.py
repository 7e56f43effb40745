"""A calibration and its stand: what a run needs, what is said in frames, what the record knows of both."""

import asyncio
from dataclasses import replace
from pathlib import Path

from trackerdcs.domain.ph2acf.setup import NeedConfig, RecipeConfig
from trackerdcs.domain.run import Run
from trackerdcs.domain.run_links import BindingQuery, CommandQuery
from trackerdcs.services.device import serve
from trackerdcs.sim.control import ask
from trackerdcs.tests.bridge_bench import FREE, NAME, BridgeCase
from trackerdcs.tests.ph2acf_bench import PS
from trackerdcs.tests.waiting import until

NEEDS = {
    "lv_on": NeedConfig(each="lv.on", equals=True, violated="abort"),
    "hv_settled": NeedConfig(each="hv.state", equals="on"),
    "hv_biased": NeedConfig(each="hv.v_mon", absolute=True, min=50.0, violated="abort"),
    "hv_steady": NeedConfig(each="hv.v_mon", steady=1.0, over=1.0),
}
ALL = tuple(NEEDS)
BOUND = replace(
    FREE,
    calibrations={
        "calibrationandpedenoise": RecipeConfig(needs=ALL),
        "pedenoise": RecipeConfig(needs=("lv_on",)),
        "alignment": RecipeConfig(needs=("lv_on", "hv_biased"), lease=True),
    },
    needs=NEEDS,
    channels=("hv1.ch0", "lv1.ch1"),
    environment={"TRACKERDCS_PH2ACF_SPEED": "25", "TRACKERDCS_PH2ACF_SEED": "7"},
)
SLOW = {"TRACKERDCS_PH2ACF_SPEED": "3"}


def noise(run: Run) -> float:
    """The mean over all chips."""
    found = [chip.noise for chip in run.summary if chip.noise is not None]
    return sum(found) / len(found)


class TestStand(BridgeCase):
    async def power(self, device: str, ch: str, v: float, limit: float) -> None:
        for cmd, args in (("set_current_limit", {"i": limit}), ("set_voltage", {"v": v}), ("on", {})):
            ack = await self.tell(device, cmd, ch, **args)
            self.assertEqual(ack.state, "done", ack.why)

    async def test_the_story_of_two_runs(self) -> None:
        """High voltage on, a run with it, a second one without: its noise is visibly higher."""
        self.setup(BOUND)
        await self.furnish()
        await self.pilot()
        begun = len(self.frames)
        for device in ("hv1", "lv1"):
            await self.heard(device, begun)
        await asyncio.sleep(0.2)
        ack = await self.tell(NAME, "start_calibration", calibration="calibrationandpedenoise", config="PS_Module.xml")
        self.assertEqual(ack.state, "refused")
        for said in ("no_go: ", "lv1.ch1.on is false", "hv1.ch0.state is off, not on", "|hv1.ch0.v_mon| is"):
            self.assertIn(said, ack.why or "")
        (refused,) = await self.stored()
        self.assertEqual((refused.state, refused.failure.code if refused.failure else None), ("failed", "no_go"))
        self.assertEqual(len(refused.checks), 4)
        await self.power("lv1", "ch1", 10.0, 1.0)
        await self.power("hv1", "ch0", -200.0, 2e-5)
        await asyncio.sleep(1.5)

        id = await self.start()
        run = await self.over(id)
        self.assertEqual(run.state, "done", run.failure)
        self.assertTrue(all(check.ok for check in run.checks), run.checks)
        percents = [note.percent for found, note in self.notes if found == id and note]
        self.assertEqual(percents, sorted(percents))
        self.assertGreater(len(set(percents)), 3)
        conditions = run.conditions
        here = self.name
        self.assertAlmostEqual(conditions[f"{here}/hv1/ch0/v_mon"].mean or 0.0, -200.0, delta=1.0)
        self.assertLess(conditions[f"{here}/hv1/ch0/i_mon"].mean or 0.0, 0.0)
        self.assertGreater(conditions[f"{here}/lv1/ch1/v_mon"].complete or 0.0, 0.5)
        self.assertEqual(run.modules[0].name, "m-1")
        self.assertEqual(run.modules[0].channels, (f"{here}/hv1/ch0", f"{here}/lv1/ch1"))
        self.assertTrue(run.modules[0].fuse_id)
        self.marked(run)

        self.assertEqual((await self.tell("hv1", "off", "ch0")).state, "done")
        dark = await self.over(await self.start(calibration="pedenoise"))
        self.assertEqual(dark.state, "done", dark.failure)
        self.assertGreater(noise(dark), 1.6 * noise(run))
        store = self.runs()
        (binding,) = store.bindings(BindingQuery(device="hv1", channel="ch0"))
        self.assertEqual((binding.module, binding.stop), ("m-1", None))
        commands = {c.cmd: c.state for c in store.commands(CommandQuery(stand=here))}
        self.assertEqual((commands["start_calibration"], commands["off"]), ("done", "done"))
        self.assertEqual((await self.tell("hv1", "bind", "ch0", module="m-3")).state, "done")
        await until(lambda: len(store.bindings(BindingQuery(device="hv1", channel="ch0"))) == 2)

    def marked(self, run: Run) -> None:
        """Its id is in the frames of its channels while it lasts, and of no others."""
        during, outside = 0, 0
        for device, frame in self.frames:
            if device == NAME:
                continue
            for ch, ids in frame.runs.items():
                self.assertEqual(ids, [run.id])
                self.assertIn((device, ch), {("hv1", "ch0"), ("lv1", "ch1")})
            late = 1_000_000_000
            if frame.runs:
                self.assertGreaterEqual(frame.ts, run.start or 0)
                self.assertLess(frame.ts, (run.end or 0) + late)
                during += 1
            elif (run.start or 0) + late < frame.ts < (run.end or 0):
                self.fail(f"{device} does not say that the run is on")
            else:
                outside += 1
        self.assertGreater(during, 4)
        self.assertGreater(outside, 4)

    async def test_what_is_lost_during_a_run_is_noted_or_ends_it(self) -> None:
        self.setup(replace(BOUND, environment=SLOW))
        await self.furnish()
        await self.pilot()
        await self.power("lv1", "ch1", 10.0, 1.0)
        await self.power("hv1", "ch0", -200.0, 2e-5)
        await asyncio.sleep(1.5)
        id = await self.start()
        await until(lambda: any(found == id and note and note.state == "running" for found, note in self.notes))
        self.assertEqual((await self.tell("hv1", "set_voltage", "ch0", v=-150.0)).state, "done")
        await asyncio.sleep(1.0)
        self.assertIsNotNone(self.tasks.get(NAME))
        self.assertEqual((await self.tell("hv1", "off", "ch0")).state, "done")
        run = await self.over(id)
        self.assertEqual((run.state, run.failure.code if run.failure else None), ("aborted", "condition_lost"))
        self.assertIn("hv_biased", run.failure.text if run.failure else "")
        said = [f"{e.event} {e.text}" for e in run.events if e.source == "bridge"]
        self.assertTrue(any(each.startswith("need_lost hv_steady") for each in said), said)
        self.assertGreaterEqual(len(run.commands), 3)

    async def test_rule_16_a_calibration_holds_its_high_voltage_and_a_bridge_that_dies_lets_it_come_down(self) -> None:
        self.setup(replace(BOUND, environment=SLOW, lease=3.0))
        await self.furnish()
        await self.pilot()
        await self.power("lv1", "ch1", 10.0, 1.0)
        await self.power("hv1", "ch0", -200.0, 2e-5)
        id = await self.start(calibration="alignment")
        ack = await self.tell("hv1", "set_voltage", "ch0", v=-210.0)
        self.assertEqual(ack.state, "refused")
        self.assertIn(f"leased by {NAME}", ack.why or "")
        await asyncio.sleep(4.0)  # longer than the lease: it is renewed
        self.assertLess(await self.voltage(), -199.0)
        ack = await self.tell(NAME, "abort")
        self.assertEqual(ack.state, "done")
        await self.over(id)
        self.assertLess(await self.voltage(), -199.0, "released: it stays as it is")
        self.assertEqual((await self.tell("hv1", "set_voltage", "ch0", v=-210.0)).state, "done")
        await self.start(calibration="alignment")
        await self.end(NAME)
        await until(lambda: any(event.event == "lease_lost" for event in self.events), 15)
        async with asyncio.timeout(15):
            while abs(await self.voltage()) > 5.0:
                await asyncio.sleep(0.1)

    async def test_rule_16_a_supply_that_was_restarted_during_a_run_is_held_again_and_the_run_says_so(self) -> None:
        recipes = {"alignment": RecipeConfig(lease=True)}
        self.setup(replace(BOUND, calibrations=recipes, environment=SLOW, lease=3.0))
        await self.furnish()
        await self.pilot()
        await self.power("lv1", "ch1", 10.0, 1.0)
        await self.power("hv1", "ch0", -100.0, 2e-5)
        id = await self.start(calibration="alignment")
        await self.end("hv1")
        self.begin("hv1", serve(self.stand, "hv1"))
        await until(lambda: any(event.event == "lease_lapsed" for event in self.events), 15)
        self.assertIn(f"leased by {NAME}", (await self.tell("hv1", "set_voltage", "ch0", v=-10.0)).why or "")
        self.assertEqual((await self.tell(NAME, "abort")).state, "done")
        run = await self.over(id)
        self.assertEqual([w.code for w in run.warnings if w.code == "lease_lapsed"], ["lease_lapsed"])

    async def test_runs_of_different_modules_never_mix(self) -> None:
        self.setup(replace(BOUND, environment=SLOW, work=str(self.data / "w1")))
        other = replace(BOUND, channels=("hv1.ch1", "lv1.ch2"), configs=str(self.data / "c2"), environment=SLOW)
        self.other_board(self.data / "c2")
        self.setup(replace(other, work=str(self.data / "w2")), "ph2acf2")
        await self.furnish()
        await self.pilot()
        await self.pilot("ph2acf2")
        await self.power("lv1", "ch1", 10.0, 1.0)
        await self.power("lv1", "ch2", 10.0, 1.0)
        one = await self.start(calibration="pedenoise")
        two = await self.start("ph2acf2", calibration="pedenoise")
        begun = len(self.frames)
        await asyncio.sleep(2.0)
        for device, frame in self.frames[begun:]:
            if device == "lv1":
                self.assertIn(frame.runs.get("ch1", [one]), ([one],))
                self.assertIn(frame.runs.get("ch2", [two]), ([two],))
        last = [frame for device, frame in self.frames if device == "hv1"][-1]
        self.assertEqual(last.runs, {"ch0": [one], "ch1": [two]})
        for name, id in ((NAME, one), ("ph2acf2", two)):
            await self.tell(name, "abort")
            run = await self.over(id)
            self.assertEqual([module.name for module in run.modules], ["m-1" if id == one else "m-2"])

    def other_board(self, folder: Path) -> None:
        """The same configuration, for another readout board."""
        folder.mkdir()
        (folder / "PS_Module.xml").write_text(PS.read_text().replace("target=fc7", "target=other"))

    async def voltage(self) -> float:
        """What is really there."""
        state = await asyncio.to_thread(ask, "127.0.0.1", self.stand.sim.control, {"op": "state"})
        return float(state["devices"]["hv1"]["channels"]["ch0"]["v"])


del BridgeCase  # a case without a test is no test
