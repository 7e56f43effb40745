"""The importer on whole folders: what it makes of them, again, after a crash, with a newer version, and a real one."""

import asyncio
import json
import shutil
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import uproot

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.ph2acf_folder import Ph2acfReader
from trackerdcs.adapters.runs_memory import MemoryRuns
from trackerdcs.app.importer import Importer
from trackerdcs.app.run_folders import find_runs, run_id
from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.run import Run, RunModule, RunQuery
from trackerdcs.domain.run_results import ResultQuery
from trackerdcs.domain.series import Selection
from trackerdcs.tests import ph2acf_files as made
from trackerdcs.tests.importer_case import ImporterCase
from trackerdcs.tests.ph2acf_data import ERRORS, GRAPHS, NUMBER, POINTS, WARNINGS, real_run


class TestWhole(ImporterCase):
    def test_the_record_says_all_that_the_folder_says(self) -> None:
        run = self.run_of(self.take(made.write_run(self.folder)))
        self.assertEqual((run.state, run.failure, run.warnings, run.complete), ("done", None, (), True))
        self.assertEqual((run.progress.percent, run.progress.left), (100.0, 0.0))
        self.assertEqual(
            (run.number, run.calibration, run.tracker, run.flavour), (7, "calibrationandpedenoise", "OT", "PS")
        )
        self.assertEqual((run.start, run.started, run.end), tuple((made.T0 + t) * made.S for t in (0, 3, 27)))
        self.assertEqual((run.zone.offset, run.zone.source) if run.zone else None, (made.EAST, "monitor"))
        self.assertEqual(run.signs.all, (None, True, True, True))
        self.assertEqual([m.fuse_id for m in run.modules], ["ec2acd51"])
        self.assertEqual((run.channels, run.bad, run.settings), (2040, 4, {"Nevents": "100"}))
        self.assertEqual(
            [(c.chip_type, c.chip, c.bad, c.pedestal) for c in run.summary], [("SSA", 0, 2, 84.5), ("MPA", 8, 2, 84.5)]
        )
        self.assertEqual(run.versions, {"git_tag": "v6-25"})
        self.assertEqual({f.name for f in run.files} & {"Results.root", "Run_7.log"}, {"Results.root", "Run_7.log"})
        self.assertEqual(self.store.run(run.id), run)

    def test_channels_are_plain_lists_and_pictures_are_compressed(self) -> None:
        run = self.run_of(self.take(made.write_run(self.folder)))
        (mpa,) = self.store.results(ResultQuery(run=run.id, kind="pedenoise", chip=8))
        expected = [None if v == 666 else float(f"{v:.7g}") for v in made.noise_of(8, 1920).tolist()]
        self.assertEqual(mpa.values["noise"], tuple(expected))
        self.assertEqual(mpa.values["noise_error"][:2], (0.25, 0.25))
        self.assertEqual([(b.channel, b.why) for b in mpa.bad], [(3, "no_fit"), (5, "zero")])
        self.assertEqual(mpa.stats["noise"].n, 1918)
        (curve,) = mpa.blobs
        self.assertEqual((curve.name, curve.dtype, curve.shape), ("SCurve", "<f4", (1920, 255)))
        numbers = np.frombuffer(zlib.decompress(curve.data), curve.dtype).reshape(curve.shape)
        np.testing.assert_allclose(numbers[7], np.arange(255) / 255, rtol=1e-6)
        self.assertEqual((curve.axes[1].n, curve.axes[1].low, curve.axes[1].high), (255, -0.5, 254.5))
        (offsets,) = self.store.results(ResultQuery(run=run.id, kind="equalization", chip=0))
        self.assertEqual((offsets.values["offset"][30], offsets.numbers), (30.0, {"vplus": 120.0}))
        (trims,) = self.store.results(ResultQuery(run=run.id, kind="trim"))
        self.assertEqual((trims.chip_type, trims.values["trim"]), ("SSA", (10.0,) * 120))
        hybrid = [r for r in self.store.results(ResultQuery(run=run.id, kind="pedenoise")) if r.chip is None]
        self.assertEqual([b.name for r in hybrid for b in r.blobs], ["StripChannelNoise"])

    def test_the_monitor_is_a_result_and_a_time_series_without_its_first_point(self) -> None:
        run = self.run_of(self.take(made.write_run(self.folder)))
        module, chip = self.store.results(ResultQuery(run=run.id, kind="monitor"))
        self.assertEqual(module.values["LpGBTtemp"][0], 51.05)
        self.assertEqual([b.why for b in module.bad], ["first_point LpGBTtemp"])
        self.assertEqual((chip.chip_type, chip.values["AVDD_t"][1]), ("MPA", made.T0 + 8.0))
        wanted = Selection("ph2acf", "ph2acf", "b0-o0", "lpgbttemp", 0, 2**62)
        got = asyncio.run(self.series.samples(wanted))
        self.assertEqual([s.value for s in got], [28.6, 28.7, 28.8, 28.9])
        self.assertEqual(got[0].ts, (made.T0 + 8) * made.S)
        wanted = replace(wanted, channel="b0-o0-h0-mpa8", quantity="avdd")
        self.assertEqual(len(asyncio.run(self.series.samples(wanted))), 5)

    def test_histograms_of_single_channels_are_never_read(self) -> None:
        folder = made.write_run(self.folder, root=False)
        made.write_root(folder / "Results.root", channel_folder=True)
        run = self.run_of(self.take(folder))
        names = [b.name for r in self.store.results(ResultQuery(run=run.id)) for b in r.blobs]
        self.assertEqual((names.count("SCurve"), [n for n in names if "Channel(" in n]), (2, []))

    def test_a_simulated_folder_is_marked(self) -> None:
        self.assertTrue(self.run_of(self.take(made.write_run(self.folder, sim=True))).sim)

    def test_what_the_bridge_knows_stays(self) -> None:
        folder = made.write_run(self.folder)
        (folder / "trackerdcs-run.json").write_text(json.dumps({"id": "ab" * 16}))
        module = RunModule("PS_26", "", 0, 0, (0,), ("demo/hv1/ch0",))
        start = made.T0 * made.S - 5
        self.store.put_run(
            Run("ab" * 16, "done", calibration="mine", start=start, rc=0, requested_by="me", modules=(module,))
        )
        run = self.run_of(self.take(folder))
        self.assertEqual(
            (run.id, run.state, run.calibration, run.start, run.requested_by), ("ab" * 16, "done", "mine", start, "me")
        )
        self.assertEqual(run.modules, (replace(module, fuse_id="ec2acd51"),))
        self.assertTrue(run.signs.proven)
        self.assertEqual({r.module for r in self.store.results(ResultQuery(run=run.id, kind="pedenoise"))}, {"PS_26"})

    def test_a_folder_of_the_bridge_is_one_run_with_all_that_is_below_it(self) -> None:
        made.write_run(self.folder / "Results", monitor=False)
        (self.folder / "Results" / "Run_7" / "Run_7.log").rename(self.folder / "stdout.log")
        (self.folder / "stderr.log").write_text("")
        for name in ("logs", "MonitorResults"):
            (self.folder / name).mkdir()
        (self.folder / "logs" / "Ph2_ACF.log").write_text(made.log_text(7))
        made.write_monitor(self.folder / "MonitorResults" / "MonitorDQM_x.root")
        (self.folder / "trackerdcs-run.json").write_text(json.dumps({"id": "ef" * 16}))
        self.store.put_run(Run("ef" * 16, "finalizing", rc=0, stand="demo", device="ph2acf1"))
        run = self.run_of(self.take(self.folder))
        self.assertEqual((run.id, run.state, run.signs.proven), ("ef" * 16, "done", True))
        self.assertEqual(run.log.info, len(made.log_text(7).splitlines()))
        self.assertEqual(len(run.files), 9)
        wanted = Selection("demo", "ph2acf1", "b0-o0", "lpgbttemp", 0, 2**62)
        self.assertEqual(len(asyncio.run(self.series.samples(wanted))), 4)

    def test_an_exit_code_or_an_abort_that_the_bridge_saw_counts(self) -> None:
        folder = made.write_run(self.folder)
        (folder / "trackerdcs-run.json").write_text(json.dumps({"id": "cd" * 16}))
        self.store.put_run(Run("cd" * 16, "finalizing", rc=-6))
        self.assertEqual(self.run_of(self.take(folder)).failure, failure("crashed", more="signal 6"))
        self.store.put_run(Run("cd" * 16, "aborted", rc=-2))
        self.assertEqual(self.run_of(self.take(folder)).state, "aborted")


class TestTwice(ImporterCase):
    def test_the_same_folder_is_the_same_run_wherever_it_lies(self) -> None:
        folder = made.write_run(self.folder)
        first = self.take(folder)
        self.assertEqual(self.take(folder).outcome, "known")
        copy = Path(shutil.copytree(folder, self.folder / "copy" / "Run_7"))
        self.assertEqual(self.run_of(self.take(copy)).id, self.run_of(first).id)
        self.assertEqual(len(self.store.runs(RunQuery())), 1)

    def test_what_came_later_is_added_to_the_same_run(self) -> None:
        folder = made.write_run(self.folder, root=False)
        half = self.take(folder)
        self.assertEqual(self.code(half), ("quarantined", "results_missing"))
        made.write_root(folder / "Results.root")
        whole = self.take(folder)
        self.assertEqual((whole.outcome, self.run_of(whole).state), ("imported", "done"))
        self.assertEqual(self.run_of(whole).id, self.run_of(half).id)
        self.assertEqual(self.store.quarantined(), [])

    def test_a_log_that_was_cut_off_is_of_the_same_run_as_the_whole_one(self) -> None:
        folder = made.write_run(self.folder)
        log = folder / "Run_7.log"
        whole = made.log_text(7).replace("Initialized", "Initialized" + "\ntalk" * 1000)
        log.write_text(whole[:5000])
        half = self.run_of(self.take(folder))
        log.write_text(whole)
        run = self.run_of(self.take(folder))
        self.assertEqual((half.state, run.state, half.id), ("failed", "done", run.id))

    def test_a_newer_importer_analyses_the_stored_files_anew(self) -> None:
        folder = made.write_run(self.folder)
        run = self.run_of(self.take(folder))
        before = self.store.results(ResultQuery(run=run.id))
        shutil.rmtree(folder)
        importer = self.importer()
        newer = Ph2acfReader()
        newer.version = 2
        taken = Importer(self.store, newer, SystemClock(), self.series, "daq1").again(run)
        self.assertEqual(taken.run, replace(run, importer=2))
        after = self.store.results(ResultQuery(run=run.id))
        self.assertEqual(after, [replace(r, version=2) for r in before])
        self.assertEqual(importer.again(run).run, run, "and back")

    def test_a_redo_after_a_crash_ends_the_same(self) -> None:
        folder = made.write_run(self.folder)
        whole = self.run_of(self.take(folder))
        for method in ("put_raw", "put_results", "put_run"):
            with self.subTest(method):
                self.store, kept = MemoryRuns(), MemoryRuns()
                kept, real = self.store, getattr(self.store, method)
                setattr(self.store, method, lambda *_: (_ for _ in ()).throw(StoreDown("killed")))
                with self.assertRaises(StoreDown):
                    self.take(folder)
                setattr(self.store, method, real)
                self.assertEqual(self.run_of(self.take(folder)), whole)
                self.assertIs(self.store, kept)


class TestFind(ImporterCase):
    def test_years_of_runs_are_found_and_other_folders_passed_over(self) -> None:
        for year in ("2024", "2025"):
            for number in (1, 2):
                made.write_run(self.folder / year / "Results", number, root=False, monitor=False)
        results = self.folder / "2025" / "Results"
        made.write_monitor(self.folder / "2025" / "MonitorDQM_x.root")
        (self.folder / "2025" / "MonitorResults").mkdir()
        (self.folder / "2025" / "MonitorDQM_x.root").rename(
            self.folder / "2025" / "MonitorResults" / "MonitorDQM_x.root"
        )
        (results / "Run_9").mkdir()
        for name in ("Run000042_SCurve.root", "Run000042_CMSIT.txt", "Run000043_Noise.root", "SIMULATED"):
            (self.folder / name).write_bytes(b"")
        found = list(find_runs(self.folder))
        names = [(str(f.folder.relative_to(self.folder)), f.inner, len(f.files)) for f in found]
        self.assertEqual(
            names,
            [
                (".", 42, 3),
                (".", 43, 2),
                ("2024/Results/Run_1", None, 4),
                ("2024/Results/Run_2", None, 4),
                ("2025/Results/Run_1", None, 5),
                ("2025/Results/Run_2", None, 5),
                ("2025/Results/Run_9", None, 0),
            ],
        )
        self.assertEqual(len({run_id(f) for f in found}), 5, "runs 1 and 2 of both years have the same content here")


class TestInner(ImporterCase):
    def test_a_run_of_the_inner_tracker(self) -> None:
        results, logs = self.folder / "Results", self.folder / "logs"
        results.mkdir()
        logs.mkdir()
        lines = (
            "@@@ Configuring HW parsed from XML file @@@",
            "@@@ Performing SCurve scan @@@",
            ">>> Progress: 50.0% <<<",
        )
        end = ("@@@ End of CMSIT miniDAQ @@@",)
        log = logs / "CMSITminiDAQ000042_scurve.log"
        with uproot.recreate(results / "Run000042_SCurve.root") as file:
            name = "Detector/Board_0/OpticalGroup_0/Hybrid_0/Chip_12/D_B(0)_O(0)_H(0)_Noise2D_Chip(12)"
            file[name] = made.th2(np.full((432, 336), 15.0))
        for said, state in ((lines, "failed"), (lines + end, "done")):
            log.write_text("".join(f"|03:59:47|I|{line}\n" for line in said))
            (found,) = find_runs(results)
            run = self.run_of(self.importer().take(found))
            self.assertEqual((run.state, run.tracker, run.flavour, run.number), (state, "IT", "CROC", 42))
            self.assertEqual((run.calibration, [s.name for s in run.stages]), ("scurve", ["SCurve"]))
        self.assertEqual(
            [(c.chip, c.chip_type, c.noise, c.channels) for c in run.summary], [(12, "CROC", 15.0, 432 * 336)]
        )
        self.assertIsNotNone(run.start, "no date in its log: that of the file is better than none")


class TestReal(ImporterCase):
    def test_the_run_of_a_real_module(self) -> None:
        folder = real_run()
        taken = self.take(folder)
        self.assertEqual(self.code(taken), ("quarantined", "results_missing"), "its Results.root was never published")
        run = self.run_of(taken)
        self.assertEqual((run.number, run.calibration, run.flavour), (NUMBER, "PSquickTest", "PS"))
        self.assertEqual((run.log.error, run.log.warning), (ERRORS, WARNINGS))
        self.assertEqual(
            (run.zone.offset, run.zone.source, run.zone.difference) if run.zone else None, (7200, "monitor", 0.0)
        )
        monitor = self.store.results(ResultQuery(run=run.id, kind="monitor"))
        series = [v for r in monitor for name, v in r.values.items() if not name.endswith("_t")]
        self.assertEqual((len(series), sum(map(len, series))), (GRAPHS, POINTS))
        self.assertIn("first_point LpGBTtemp", [b.why for r in monitor for b in r.bad])
        noise = {(c.hybrid, c.chip): c.noise for c in run.summary}
        self.assertEqual((len(noise), noise[0, 0], noise[1, 7], noise[1, 15]), (32, 3.85264, 5.005951, 2.30292))
        trims = self.store.results(ResultQuery(run=run.id, kind="trim"))
        self.assertEqual([(t.chip_type, len(t.values["trim"])) for t in trims], [("SSA", 120), ("MPA", 1920)])
