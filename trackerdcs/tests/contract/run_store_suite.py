"""One suite for every RunStore: what is kept comes back, twice is once, and nothing final is changed back."""

import io
import itertools
import unittest
from dataclasses import replace
from typing import Any

from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.run import (
    Check,
    ChipSummary,
    Condition,
    Failure,
    LogCounts,
    Progress,
    Run,
    RunEvent,
    RunModule,
    RunQuery,
    RunState,
    Signs,
    Stage,
    Zone,
    brief,
)
from trackerdcs.domain.run_links import Binding, BindingQuery, CommandQuery, Quarantined, StoredCommand
from trackerdcs.domain.run_results import Axis, Bad, Result, ResultQuery, Stats, packed, unpacked, without_numbers
from trackerdcs.ports_runs import RunStore

S = 1_000_000_000
T0 = 1_748_527_197 * S + 123_456_789  # not a whole microsecond: no store may round it
_names = (f"suite{n}" for n in itertools.count())


def whole_run(id: str, module: str = "PS_1") -> Run:
    """A record in which every field says something."""
    return Run(
        id=id,
        state="done",
        origin="import",
        calibration="PSquickTest",
        tracker="OT",
        flavour="PS",
        number=500749,
        sim=True,
        stand="demo",
        device="ph2acf1",
        requested_by="a shifter",
        why="ünder test",
        requested=T0 - S,
        start=T0,
        started=T0 + S,
        end=T0 + 300 * S,
        local_start="2025-05-29 15:59:56",
        local_stop="2025-05-29 16:04:30",
        zone=Zone(7200, "monitor", 0.5),
        host="daq1",
        folder="Results/Run_500749",
        arguments=("runCalibration", "-b", "-c", "PSquickTest"),
        environment={"PH2ACF_BASE_DIR": "base"},
        versions={"git_tag": "v6-25"},
        config="PS.xml",
        config_sha256="ab" * 32,
        settings={"Nevents": "1000", "a.b$c": "dotted"},
        rc=0,
        signs=Signs(True, True, True, None),
        failure=Failure("tuning_failed", "what to do", "as it was said"),
        warnings=(Failure("fuse_mismatch", "another module"),),
        progress=Progress(100.0, "PedeNoise", 3, 3, 0.0),
        stages=(Stage("PedeNoise", T0, T0 + 1), Stage("still", T0)),
        log=LogCounts(10, 2, 1, 0, 0, 5, 1, ("one", "two")),
        modules=(RunModule(module, "ec2acd51", 0, 0, (0, 1), ("demo/hv1/ch0",)),),
        channels=32640,
        bad=4,
        summary=(ChipSummary(0, 0, 0, 8, "MPA", 2.48, 0.3, 75.0, 1920, 4),),
        checks=(Check("hv on", True), Check("quiet", None, "nobody knows")),
        conditions={"demo/hv1/ch0/v_mon": Condition(300, -200.0, -201.0, -199.0, 0.99, 1)},
        commands=("c1",),
        events=(RunEvent(T0, "log", "E", "retry"),),
        importer=1,
        complete=True,
    )


def result(run: str, chip: int = 8, module: str = "PS_1", start: int = T0) -> Result:
    return Result(
        run,
        "pedenoise",
        0,
        0,
        1,
        chip,
        "MPA",
        module,
        1,
        start,
        {"noise": (2.5, None, 0.0), "pedestal": (1.0, 2.0, 3.0)},
        {"vplus": 120.0},
        (Bad(2, "forced_zero"),),
        {"noise": Stats(1, 2.5, 0.0, 2.5, 2.5)},
        (packed("SCurve", "<f4", (2, 1), (Axis("channel", 2, -0.5, 1.5), Axis("threshold", 1, 0.0, 1.0)), b"\0" * 8),),
        "Results.root:Detector",
    )


class RunStoreContract(unittest.TestCase):
    """The suite. An implementation gives `make`; all tests may share one store: each has names of its own."""

    __test__ = False

    def make(self) -> RunStore:
        raise NotImplementedError

    def setUp(self) -> None:
        self.store = self.make()
        self.addCleanup(self.store.close)
        self.stand = next(_names)
        self.run_id = f"{self.stand}-run"

    def runs(self, limit: int = 100, **wanted) -> list[str]:
        found = self.store.runs(RunQuery(stand=self.stand, limit=limit, **wanted))
        return [run.id.rpartition("-")[2] for run in found]

    def put(self, name: str, **fields) -> Run:
        run = replace(whole_run(f"{self.stand}-{name}"), stand=self.stand, **fields)
        self.assertTrue(self.store.put_run(run))
        return run

    def test_a_record_comes_back_whole_to_the_nanosecond(self) -> None:
        self.assertIsNone(self.store.run(self.run_id))
        for run in (whole_run(self.run_id), Run(f"{self.run_id}2", "queued")):
            self.assertTrue(self.store.put_run(run))
            found = self.store.run(run.id)
            assert found is not None
            self.assertEqual(found, run)
            self.assertIn(type(found.start), (int, type(None)))  # not what a database has for integers

    def test_a_record_is_replaced_and_a_final_one_never_changed_back(self) -> None:
        state: RunState
        for state in ("queued", "configuring", "running", "finalizing", "done"):
            self.assertTrue(self.store.put_run(Run(self.run_id, state)))
        for state in ("running", "queued", "finalizing"):
            self.assertFalse(self.store.put_run(Run(self.run_id, state, why="late")))
        self.assertEqual(self.store.run(self.run_id), Run(self.run_id, "done"))
        self.assertTrue(self.store.put_run(Run(self.run_id, "failed", why="looked at again")))
        self.assertEqual(self.store.run(self.run_id), Run(self.run_id, "failed", why="looked at again"))

    def test_lists_have_the_newest_first_and_are_brief(self) -> None:
        for i in (2, 0, 1):
            self.put(f"r{i}", start=T0 + i)
        waiting = self.put("waiting", start=None, state="queued")
        self.assertEqual(self.runs(), ["waiting", "r2", "r1", "r0"])
        self.assertEqual(self.runs(limit=2), ["waiting", "r2"])
        found = self.store.runs(RunQuery(stand=self.stand, limit=1))
        self.assertEqual(found, [brief(waiting)])
        self.assertEqual((found[0].log.tail, found[0].settings, found[0].summary), ((), {}, ()))

    def test_lists_are_filtered(self) -> None:
        self.put("a", start=T0, end=T0 + 10, number=1)
        other = (RunModule("PS_1"), RunModule("2S_7"))
        self.put("b", start=T0 + 5, end=T0 + 20, number=2, modules=other, sim=False)
        self.put("c", start=T0 + 30, end=None, calibration="noise", state="running", number=2)
        cases: list[tuple[dict[str, Any], list[str]]] = [
            ({"module": "2S_7"}, ["b"]),
            ({"module": "PS_1"}, ["c", "b", "a"]),
            ({"module": "PS"}, []),
            ({"calibration": "noise"}, ["c"]),
            ({"states": ("running", "failed")}, ["c"]),
            ({"states": ()}, []),
            ({"number": 2}, ["c", "b"]),
            ({"sim": False}, ["b"]),
            ({"since": T0 + 10}, ["c", "b"]),
            ({"since": T0 + 9}, ["c", "b", "a"]),
            ({"until": T0 + 5}, ["a"]),
            ({"since": T0 + 20, "until": T0 + 30}, []),
            ({"since": T0 + 10**9, "until": T0 + 10**9 + 1}, ["c"]),
            ({"module": "PS_1", "number": 2, "states": ["done"]}, ["b"]),
        ]
        for wanted, names in cases:
            with self.subTest(wanted):
                self.assertEqual(self.runs(**wanted), names)

    def test_results_come_back_and_replace_those_that_were_there(self) -> None:
        first = [result(self.run_id, chip) for chip in (9, 8)]
        self.store.put_results(self.run_id, 1, first)
        self.store.put_results(self.run_id, 1, first)
        self.assertEqual(self.store.results(ResultQuery(run=self.run_id)), first[::-1])
        odd = replace(result(self.run_id), optical_group=None, hybrid=None, chip=None, chip_type="", kind="generic")
        self.store.put_results(self.run_id, 2, [odd])
        self.assertEqual(self.store.results(ResultQuery(run=self.run_id)), [replace(odd, version=2)])
        self.assertEqual(unpacked(self.store.results(ResultQuery(run=self.run_id))[0].blobs[0]), b"\0" * 8)
        self.store.put_results(self.run_id, 3, [])
        self.assertEqual(self.store.results(ResultQuery(run=self.run_id)), [])

    def test_results_are_filtered_and_may_come_without_blobs(self) -> None:
        module = f"module of {self.stand}"
        for i in (0, 1):
            run = f"{self.run_id}{i}"
            chips = [result(run, chip, module, T0 + i) for chip in (8, 9)]
            self.store.put_results(run, 1, [*chips, replace(chips[0], kind="trim", chip_type="MPA2", hybrid=0)])
        cases: list[tuple[dict[str, Any], int]] = [
            ({}, 6),
            ({"kind": "trim"}, 2),
            ({"chip": 9}, 2),
            ({"hybrid": 0}, 2),
            ({"chip_type": "MPA"}, 4),
            ({"run": f"{self.run_id}0"}, 3),
            ({"limit": 1}, 1),
        ]
        for wanted, count in cases:
            with self.subTest(wanted):
                found = self.store.results(ResultQuery(module=module, **wanted))
                self.assertEqual(len(found), count)
                if "run" not in wanted:
                    self.assertEqual(found[0].run, f"{self.run_id}1", "the newest run first")
        (bare, _) = self.store.results(ResultQuery(module=module, kind="trim", blobs=False))
        self.assertEqual(bare.values["noise"], (2.5, None, 0.0))
        (whole, _) = self.store.results(ResultQuery(module=module, kind="trim"))
        self.assertEqual(bare, without_numbers(whole), "names and shapes, and no numbers")

    def test_raw_files_come_back_and_the_same_name_again_replaces(self) -> None:
        large = bytes(range(256)) * 12_000  # more than one piece of any store
        for name, content in (("b/two.root", large), ("a.log", b""), ("a.log", b"second")):
            kept = self.store.put_raw(self.run_id, name, "root" if "root" in name else "log", io.BytesIO(content))
            self.assertEqual((kept.name, kept.size), (name, len(content)))
        files = self.store.raw_files(self.run_id)
        self.assertEqual(
            [(f.name, f.kind, f.size) for f in files], [("a.log", "log", 6), ("b/two.root", "root", len(large))]
        )
        self.assertEqual(b"".join(self.store.raw(self.run_id, "b/two.root")), large)
        self.assertEqual(b"".join(self.store.raw(self.run_id, "a.log")), b"second")
        self.assertEqual(self.store.raw_files("no such run"), [])
        with self.assertRaisesRegex(StoreFault, "no raw file c"):
            list(self.store.raw(self.run_id, "c"))

    def test_a_file_that_two_runs_have_stays_when_one_replaces_it(self) -> None:
        for run in ("x", "y"):
            self.store.put_raw(self.run_id + run, "same", "text", io.BytesIO(b"shared"))
        self.store.put_raw(self.run_id + "x", "same", "text", io.BytesIO(b"new"))
        self.assertEqual(b"".join(self.store.raw(self.run_id + "y", "same")), b"shared")

    def test_bindings_in_any_order_end_where_the_next_one_begins(self) -> None:
        for module, start in (("A", 10), ("C", 30), ("B", 20), ("A", 15), ("C", 30), (None, 40)):
            self.store.put_binding(Binding(self.stand, "hv1", "ch0", module, start))
        self.store.put_binding(Binding(self.stand, "hv1", "ch1", "D", 5, 7))
        found = self.store.bindings(BindingQuery(stand=self.stand, channel="ch0"))
        self.assertEqual(
            [(b.module, b.start, b.stop) for b in found],
            [("A", 10, 20), ("B", 20, 30), ("C", 30, 40), (None, 40, None)],
        )
        self.assertEqual([b.start for b in self.store.bindings(BindingQuery(self.stand, module="B", at=29))], [20])
        self.assertEqual(self.store.bindings(BindingQuery(self.stand, module="B", at=30)), [])
        self.assertEqual([b.channel for b in self.store.bindings(BindingQuery(self.stand, "hv1", at=6))], ["ch1"])

    def test_a_command_gets_its_answer(self) -> None:
        asked = StoredCommand("id1", self.stand, "hv1", "cli", "on", T0, "ch0", {"v": -1.5}, "a person", "why")
        self.store.put_command(asked)
        done = replace(asked, state="done", readback={"on": True}, answered=T0 + 1)
        self.store.put_command(done)
        later = StoredCommand("id1", self.stand, "hv1", "web", "off", T0 + 5)
        self.store.put_command(later)
        query = CommandQuery(stand=self.stand)
        self.assertEqual(self.store.commands(query), [done, later])
        self.assertEqual(self.store.commands(replace(query, limit=1)), [later])
        self.assertEqual(self.store.commands(replace(query, since=T0 + 1)), [later])
        self.assertEqual(self.store.commands(replace(query, until=T0 + 5)), [done])
        self.assertEqual(self.store.commands(replace(query, user="web")), [later])

    def test_a_folder_in_quarantine_is_there_once_until_it_is_released(self) -> None:
        first = Quarantined(self.run_id, "daq1", "Run_1", "root_unclosed", "copy it again", T0, T0)
        self.store.put_quarantined(first)
        again = replace(first, code="root_cut", since=T0 + 5, tried=T0 + 5, run="r")
        self.store.put_quarantined(again)
        found = [folder for folder in self.store.quarantined() if folder.id == self.run_id]
        self.assertEqual(found, [replace(again, since=T0)])
        for _ in range(2):
            self.store.release(self.run_id)
        self.assertNotIn(self.run_id, [folder.id for folder in self.store.quarantined()])
