"""The importer on folders as they are found: broken in each way, foreign, doubtful, from two clocks."""

import json
import shutil
from pathlib import Path
from unittest import mock

import numpy as np

from trackerdcs.adapters.runs_memory import MemoryRuns
from trackerdcs.app.importer import Imported
from trackerdcs.app.run_folders import find_runs, run_id
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.run import RunQuery
from trackerdcs.tests import ph2acf_files as made
from trackerdcs.tests.importer_case import ImporterCase


class TestBroken(ImporterCase):
    def broken(self, break_it, **more) -> Imported:
        folder = made.write_run(self.folder, **more)
        break_it(folder)
        taken = self.take(folder)
        self.assertEqual([q.code for q in self.store.quarantined()], [taken.why.code] if taken.why else [])
        if taken.run is not None:
            self.assertTrue(taken.run.final and taken.run.complete)
            stored = {f.name for f in self.store.raw_files(taken.run.id)}
            self.assertEqual(stored, {p.name for p in folder.iterdir()}, "nothing is lost")
        return taken

    def test_each_damage_has_its_code(self) -> None:
        def without(name):
            return lambda f: (f / name).unlink()

        def write(name, content):
            return lambda f: (f / name).write_bytes(content)

        log = made.log_text(7, end=False).encode()
        for number, (break_it, quarantine, failed) in enumerate(
            [
                (lambda f: made.cut_in_half(f / "Results.root"), "root_cut", "root_cut"),
                (lambda f: made.write_unclosed(f / "Results.root"), "root_unclosed", "root_unclosed"),
                (write("Results.root", b""), "root_unclosed", "root_unclosed"),
                (write("Results.root", b"<html>no such file</html>"), "root_not_root", "root_not_root"),
                (without("Results.root"), "results_missing", "results_missing"),
                (without("Run_7.log"), "no_log", "no_log"),
                (without("Configuration.xml"), "config_missing", ""),
                (write("Configuration.xml", b"no xml"), "config_not_xml", ""),
                (write("Configuration.xml", b"<a/>"), "config_no_board", ""),
                (lambda f: made.cut_in_half(f / "MonitorDQM.root"), "root_cut", ""),
                (write("Run_7.log", log), "", "not_closed"),
                (write("Run_7.log", log + b"write: No space left on device\n"), "", "disk_full"),
                (lambda f: made.write_root(f / "Results.root", stamp=False), "", "not_stamped"),
                (lambda f: made.write_root(f / "Results.root", chips=made.CHIPS[:1]), "", "tuning_failed"),
            ]
        ):
            with self.subTest(quarantine=quarantine, failed=failed):
                self.setUp()
                taken = self.broken(break_it)
                self.assertEqual(taken.why.code if taken.why else "", quarantine, number)
                run = self.run_of(taken)
                self.assertEqual(run.failure.code if run.failure else "", failed)
                self.assertEqual(run.state, "failed" if failed else "done")

    def test_what_is_too_large_stays_raw_and_that_is_said(self) -> None:
        with (
            mock.patch("trackerdcs.adapters.ph2acf_folder.LONGEST_LOG", 8000),
            mock.patch("trackerdcs.adapters.ph2acf_folder.LONGEST_TEXT", 5000),
            mock.patch("trackerdcs.adapters.root_uproot.MOST_BYTES", 25_000),
        ):
            folder = made.write_run(self.folder)
            flood = "29.05.2025 15:59:50: |140489373334007|I| tick\n" * 2000
            log = folder / "Run_7.log"
            log.write_text(log.read_text().partition("Closing result")[0] + flood + made.log_text(7))
            (folder / "Board_0_chip.txt").write_text("x" * 6000)
            taken = self.take(folder)
        run = self.run_of(taken)
        self.assertEqual((run.number, run.signs.stopped, run.signs.closed), (7, True, True))
        self.assertLess(run.log.info, 400)
        said = [w.text for w in run.warnings if w.code == "too_large"]
        self.assertEqual(len(said), 3, said)
        for each in ("Run_7.log", "Board_0_chip.txt: 6000 bytes", "Results.root: 4 objects"):
            self.assertIn(each, " ".join(said))
        self.assertEqual({f.name: f.size for f in run.files}["Run_7.log"], log.stat().st_size)

    def test_an_id_in_a_foreign_folder_is_looked_at(self) -> None:
        ids = []
        for number, said in enumerate(["../../x", "A" * 32, "f" * 33, 7, ["a"], "[" * 3000, "ab" * 16]):
            folder = made.write_run(self.folder / str(number))
            (folder / "trackerdcs-run.json").write_text(json.dumps({"id": said}) if said != "[" * 3000 else said)
            (found,) = find_runs(folder)
            ids.append(run_id(found))
        self.assertEqual(ids[-1], "ab" * 16)
        self.assertEqual(len({*ids[:-1]}), 1, "the same files are the same run")
        self.assertRegex(ids[0], "^[0-9a-f]{32}$")

    def test_a_file_cut_anywhere_is_said_to_be_so(self) -> None:
        folder = made.write_run(self.folder)
        content = (folder / "Results.root").read_bytes()
        for share in (0.01, 0.3, 0.7, 0.99):
            (folder / "Results.root").write_bytes(content[: int(len(content) * share)])
            self.assertEqual(self.code(self.take(folder)), ("quarantined", "root_cut"))

    def test_a_file_that_is_damaged_inside_is_no_exception(self) -> None:
        folder = made.write_run(self.folder)
        content = bytearray((folder / "Results.root").read_bytes())
        rng = np.random.default_rng(1)
        for _ in range(30):
            bad = bytearray(content)
            for at in rng.integers(64, len(bad), 200):
                bad[at] = int(rng.integers(256))
            (folder / "Results.root").write_bytes(bad)
            self.assertIn(self.take(folder).outcome, ("quarantined", "imported"))

    def test_a_foreign_folder_is_listed_and_left_alone(self) -> None:
        (self.folder / "photos").mkdir()
        (self.folder / "photos" / "1.jpg").write_bytes(b"x")
        self.assertEqual(self.code(self.take(self.folder / "photos")), ("quarantined", "foreign_folder"))
        self.assertEqual(self.store.runs(RunQuery()), [])
        self.assertEqual([q.run for q in self.store.quarantined()], [None])

    def test_half_a_copy_takes_nothing_from_a_run_that_is_whole(self) -> None:
        folder = made.write_run(self.folder)
        whole = self.run_of(self.take(folder))
        copy = Path(shutil.copytree(folder, self.folder / "copy" / "Run_7"))
        root = (copy / "Results.root").read_bytes()
        (copy / "Results.root").write_bytes(root[:1000])
        self.assertEqual(self.code(self.take(copy)), ("quarantined", "lesser_copy"))
        self.assertEqual(self.store.run(whole.id), whole)
        self.assertEqual(b"".join(self.store.raw(whole.id, "Results.root")), root)
        (copy / "Results.root").write_bytes(root)
        self.assertEqual(self.take(copy).outcome, "known")
        self.assertEqual(self.store.quarantined(), [], "what is mended does not wait any more")

    def test_a_folder_that_is_still_written_waits(self) -> None:
        folder = made.write_run(self.folder)
        self.assertEqual(self.code(self.take(folder, settle=60.0)), ("quarantined", "still_written"))
        self.assertEqual(self.take(folder).outcome, "imported")
        self.assertEqual(self.store.quarantined(), [])

    def test_a_reader_that_fails_costs_its_folder_alone(self) -> None:
        folder = made.write_run(self.folder)

        def fails(*_):
            raise RuntimeError("never thought of")

        with self.assertLogs("trackerdcs", "ERROR"):
            taken = self.take(folder, read=fails)
        self.assertEqual(self.code(taken), ("quarantined", "importer_fault"))
        run = self.run_of(taken)
        self.assertEqual((run.state, run.complete, len(run.files)), ("failed", False, 6))
        self.assertEqual(self.run_of(self.take(folder)).state, "done")
        self.assertEqual(self.store.quarantined(), [])

    def test_points_that_no_series_takes_are_said(self) -> None:
        folder = made.write_run(self.folder, monitor=False)
        made.write_monitor(folder / "MonitorDQM.root", 5e9)  # in the year 2128
        run = self.run_of(self.take(folder))
        self.assertIn("points_refused", [w.code for w in run.warnings])

    def test_a_store_that_is_full_is_said_and_nothing_is_half_there(self) -> None:
        folder = made.write_run(self.folder)

        def full(*_):
            raise StoreFault("runs.sqlite: database or disk is full")

        self.store.put_results = full  # type: ignore[method-assign]
        taken = self.take(folder)
        self.assertEqual(self.code(taken), ("failed", "store_fault"))
        assert taken.why is not None
        self.assertIn("disk is full", taken.why.text)
        self.assertEqual(self.store.runs(RunQuery()), [])


class TestDoubts(ImporterCase):
    def test_another_run_of_the_same_number_is_said(self) -> None:
        self.take(made.write_run(self.folder / "a"))
        folder = made.write_run(self.folder / "b")
        (folder / "Run_7.log").write_text(made.log_text(7).replace("334007", "999999"))
        run = self.run_of(self.take(folder))
        self.assertEqual([w.code for w in run.warnings], ["duplicate_number"])
        self.assertEqual(len(self.store.runs(RunQuery(number=7))), 2)

    def test_a_module_with_another_fuse_id_is_said(self) -> None:
        self.take(made.write_run(self.folder, 7), module="PS_26")
        folder = made.write_run(self.folder, 8)
        (folder / "Run_8.log").write_text(made.log_text(8).replace("ec2acd51", "12345678"))
        run = self.run_of(self.take(folder, module="PS_26"))
        self.assertEqual([w.code for w in run.warnings], ["fuse_mismatch"])
        self.assertIn("ec2acd51", run.warnings[0].text)

    def test_the_clock_of_the_program_may_be_in_any_zone(self) -> None:
        for number, east in enumerate((-36000, 0, 20700, 36000)):  # also by three quarters of an hour
            folder = made.write_run(self.folder, number)
            (folder / f"Run_{number}.log").write_text(made.log_text(number, east=east))
            (folder / "Results.root").unlink()
            run = self.run_of(self.take(folder))
            self.assertEqual((run.zone.offset, run.start) if run.zone else None, (east, made.T0 * made.S))

    def test_a_zone_that_is_said_and_wrong_is_corrected_and_flagged(self) -> None:
        run = self.run_of(self.take(made.write_run(self.folder), zone="Asia/Tokyo"))
        self.assertEqual(([w.code for w in run.warnings], run.start), (["clock_zone"], made.T0 * made.S))

    def test_without_a_monitor_the_zone_that_is_said_counts_and_a_guess_is_flagged(self) -> None:
        folder = made.write_run(self.folder, monitor=False)
        run = self.run_of(self.take(folder, zone="Europe/Zurich"))
        self.assertEqual((run.warnings, run.start), ((), made.T0 * made.S))
        self.store = MemoryRuns()
        self.assertEqual([w.code for w in self.run_of(self.take(folder)).warnings], ["clock_assumed"])

    def test_clocks_that_disagree_are_said(self) -> None:
        folder = made.write_run(self.folder, monitor=False)
        made.write_monitor(folder / "MonitorDQM.root", made.T0 - 60)
        run = self.run_of(self.take(folder))
        self.assertEqual([w.code for w in run.warnings], ["clock_off"])
        self.assertEqual(run.zone.difference if run.zone else 0, 60.0)
