"""The join alone: windows, buckets that keep spikes, gaps that nothing bridges, clocks that are told apart."""

import asyncio
import unittest
from dataclasses import replace
from typing import Any
from unittest import mock

from trackerdcs.app.joiner import Joiner
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.gaps import Account, Span
from trackerdcs.domain.join import (
    Gap,
    Measured,
    NotFound,
    NotYet,
    Window,
    chosen,
    clock_of,
    on_at,
    seen,
    window_of,
)
from trackerdcs.domain.run import Run, RunModule, RunQuery, Stage, Zone
from trackerdcs.domain.run_links import Binding
from trackerdcs.domain.run_results import ResultQuery
from trackerdcs.domain.series import Bucket
from trackerdcs.tests.join_case import AIR, HV, KNOWN, LEAK, MODULE, OTHER, T0, MadeStores, S, filled, made_run


class Now:
    """A clock that stands."""

    def now(self) -> int:
        return T0 + 5000 * S

    def monotonic(self) -> float:
        return 0.0


class TestWindow(unittest.TestCase):
    def test_from_start_to_end(self) -> None:
        run = made_run("r")
        self.assertEqual(window_of(run, T0 + 7 * S), Window(T0, T0 + 100 * S))
        self.assertEqual(
            [on_at(run, T0 + s, T0 + 5000 * S) for s in (-1, 0, 100 * S - 1, 100 * S)], [False, True, True, False]
        )

    def test_a_run_that_goes_on_is_looked_at_until_now(self) -> None:
        window = window_of(made_run("r", state="running", end=None), T0 + 7 * S)
        self.assertEqual((window.stop, window.doubt), (T0 + 7 * S, "the run is running: until now"))

    def test_one_that_nobody_saw_end_until_the_last_that_is_known(self) -> None:
        run = made_run("r", state="failed", end=None, stages=(Stage("a", T0, T0 + 30 * S), Stage("b", T0 + 40 * S)))
        window = window_of(run, T0 + 10**6 * S)
        self.assertEqual(window.stop, T0 + 40 * S + 1)
        self.assertIn("nobody knows", window.doubt)
        now = T0 + 10**6 * S
        self.assertEqual((on_at(run, T0 + 40 * S, now), on_at(run, T0 + 41 * S, now)), (True, False))

    def test_one_whose_bridge_has_died_until_it_was_last_heard_of(self) -> None:
        run = made_run("r", state="running", end=None, heard=T0 + 50 * S)
        soon, later = T0 + 100 * S, T0 + 10**6 * S
        self.assertEqual((window_of(run, soon).stop, on_at(run, T0 + 99 * S, soon)), (soon, True))
        self.assertEqual((window_of(run, later).stop, on_at(run, T0 + 99 * S, later)), (T0 + 50 * S + 1, False))
        self.assertIn("last heard of, at 2026-", window_of(run, later).doubt)
        self.assertTrue(on_at(run, T0 + 50 * S, later))
        self.assertFalse(on_at(replace(run, heard=None), T0 + 50 * S, later), "of an earlier version")

    def test_one_that_has_not_begun_has_none(self) -> None:
        with self.assertRaisesRegex(NotYet, "queued"):
            window_of(made_run("r", None, state="queued"), T0)

    def test_clocks(self) -> None:
        cases: list[tuple[Zone | None, str]] = [
            (Zone(7200, "bridge", 0.9), ""),
            (Zone(7200, "monitor", -1.1), "disagree by -1.1 s"),
            (Zone(7200, "monitor"), "not known"),
            (Zone(0, "assumed", 0.0), "assumed"),
            (None, "nobody has compared"),
        ]
        for zone, expected in cases:
            doubt = clock_of(made_run("r", zone=zone)).doubt
            self.assertTrue(expected in doubt and bool(doubt) == bool(expected), (zone, doubt))


class TestChosen(unittest.TestCase):
    def names(self, *words: str, channels: tuple[str, ...] = ("bench/hv1/ch0",), stands: Any = ("bench",)) -> list[str]:
        return [m.name for m in chosen(words, KNOWN, channels, stands)]

    def test_what_a_word_means(self) -> None:
        self.assertEqual(self.names(), [HV.name, LEAK.name, AIR.name])
        self.assertEqual(self.names("v_mon"), [HV.name])
        self.assertEqual(self.names("v_mon", channels=()), [HV.name, OTHER.name])
        self.assertEqual(self.names("t_air"), [AIR.name])
        self.assertEqual(self.names("hv1/ch1/v_mon", "v_mon", "v_mon"), [OTHER.name, HV.name])
        self.assertEqual(self.names("ph2acf/x/b0/noise"), ["ph2acf/x/b0/noise"])
        self.assertEqual(chosen([HV.name], KNOWN, (), ("bench",)), [HV])

    def test_what_means_nothing_is_said(self) -> None:
        for word in (
            "rh",
            "hv1/ch9/v_mon",
            "hv1/ch0",
            "a/b/c/d/e",
            "",
            "/",
            "bench/hv1/ch0/",
            "state",
            "bench/hv1/ch0/state",
        ):
            with self.subTest(word), self.assertRaisesRegex(ContractError, "quantity"):
                self.names(word)
        with self.assertRaisesRegex(ContractError, "i_mon, v_mon"):
            self.names("rh")


class TestSeen(unittest.TestCase):
    window = Window(0, 100 * S)

    def bucket(
        self, start: int, stop: int, count: int, mean: float = 1.0, low: float = 1.0, high: float = 1.0
    ) -> Bucket:
        return Bucket(start * S, stop * S, count, mean, low, high)

    def gaps(self, *buckets: Bucket, of: Measured = HV, accounts: Any = ()) -> list[Gap]:
        return list(seen(of, buckets, self.window, accounts).gaps)

    def test_statistics_are_of_all_values(self) -> None:
        found = seen(HV, [self.bucket(0, 10, 10), self.bucket(10, 100, 30, 3.0, -9.0, 4.0)], self.window).statistics
        self.assertEqual((found.n, found.mean, found.low, found.high), (40, 2.5, -9.0, 4.0))
        self.assertEqual(found.complete, 0.4)

    def test_unknown_is_not_zero(self) -> None:
        found = seen(HV, [], self.window)
        self.assertEqual((found.statistics.n, found.statistics.mean, found.statistics.complete), (0, None, 0.0))
        self.assertEqual(found.gaps, (Gap(0, 100 * S, "empty"),))
        self.assertIsNone(seen(replace(HV, period=None), [], self.window).statistics.complete)

    def test_a_gap_is_where_no_bucket_is(self) -> None:
        self.assertEqual(self.gaps(self.bucket(0, 10, 10), self.bucket(30, 100, 70)), [Gap(10 * S, 30 * S, "empty")])

    def test_a_bucket_with_few_values_is_part_of_a_gap(self) -> None:
        found = self.gaps(self.bucket(0, 10, 10), self.bucket(10, 20, 4), self.bucket(30, 100, 70))
        self.assertEqual(found, [Gap(10 * S, 30 * S, "few")])

    def test_buckets_shorter_than_the_period_are_no_gaps(self) -> None:
        narrow = [Bucket(s * S, s * S + S // 10, 1, 1.0, 1.0, 1.0) for s in range(100)]
        self.assertEqual(self.gaps(*narrow), [])
        self.assertEqual(self.gaps(*narrow[:50], *narrow[53:]), [Gap(49 * S + S // 10, 53 * S, "empty")])

    def test_who_has_no_period_has_no_gaps(self) -> None:
        self.assertEqual(self.gaps(self.bucket(0, 10, 1), of=replace(HV, period=None)), [])

    def test_the_gap_record_says_more(self) -> None:
        spans = (
            Span("lost", 5, 6, 4 * S, 7 * S, "disk full"),
            Span("missing", 90, 99, 90 * S, None),
            Span("parked", 200, 201, 200 * S, 203 * S),
            Span("lost", 0, 1, None, None),
        )
        whole = self.bucket(0, 100, 100)
        for device, expected in (("hv1", 2), ("env1", 0)):
            account = Account("bench", device, "b", 0, None, 0, 100, spans)
            self.assertEqual(len(self.gaps(whole, accounts=[account])), expected)
        account = Account("bench", "hv1", "b", 0, None, 0, 100, spans)
        first, second = self.gaps(whole, accounts=[account])
        self.assertEqual(first, Gap(4 * S, 7 * S, "lost", 2, "disk full"))
        self.assertEqual(second, Gap(90 * S, 100 * S, "missing", 10))


class TestJoiner(unittest.TestCase):
    def setUp(self) -> None:
        self.stores = filled()
        self.join = Joiner(self.stores, Now())

    def do(self, work: Any) -> Any:
        return asyncio.run(work)

    def test_conditions_keep_the_spike_and_mark_the_gap(self) -> None:
        found = self.do(self.join.conditions("r1", ["v_mon"], 10 * S))
        (hv,) = found.seen
        self.assertEqual([(b.start - T0) // S for b in hv.buckets], [0, 10, 20, 30, 60, 70, 80, 90])
        self.assertEqual(hv.gaps, (Gap(T0 + 40 * S, T0 + 60 * S, "empty"),))
        self.assertEqual((hv.buckets[5].low, hv.buckets[5].high, hv.buckets[5].count), (-500.0, -200.0, 10))
        self.assertEqual((hv.statistics.n, hv.statistics.low, hv.statistics.complete), (80, -500.0, 0.8))
        self.assertEqual((found.width, found.record), (10 * S, "asked"))

    def test_conditions_without_a_word(self) -> None:
        found = self.do(self.join.conditions("r1"))
        self.assertEqual([s.of for s in found.seen], [HV, LEAK, AIR])
        self.assertEqual([s.statistics.n for s in found.seen], [80, 0, 100])
        self.stores.told = None
        self.assertEqual(self.do(self.join.conditions("r1")).record, "not asked: no gap record here")

    def test_channels_come_from_bindings_where_the_record_has_none(self) -> None:
        bare = made_run("r3", modules=(RunModule(MODULE),), stand="")
        self.stores.run_store.put_run(bare)
        self.assertEqual([s.of for s in self.do(self.join.conditions("r3")).seen], [HV, LEAK, AIR])
        self.stores.run_store.put_run(replace(bare, start=T0 - 900 * S))
        self.assertEqual([s.of for s in self.do(self.join.conditions("r3")).seen], [AIR])

    def test_what_cannot_be(self) -> None:
        with self.assertRaises(NotFound):
            self.do(self.join.conditions("nothing"))
        with self.assertRaises(NotFound):
            self.do(self.join.results(ResultQuery("nothing")))
        with self.assertRaisesRegex(ContractError, r"0\.01s is the shortest"):
            self.do(self.join.conditions("r1", ["v_mon"], 1))

    def test_noise_against_temperature(self) -> None:
        warm, cold = self.do(self.join.noise(MODULE, ["t_air"], RunQuery()))
        self.assertEqual((warm.run.id, warm.noise, warm.against[0].statistics.mean), ("r2", 4.0, 30.0))
        self.assertEqual((cold.run.id, cold.against[0].statistics.mean), ("r1", 20.0))
        self.assertAlmostEqual(cold.noise, (2.0 * 120 + 3.0 * 1920) / 2040)
        chips = self.do(self.join.noise(MODULE, [], RunQuery(calibration="noise"), chips=True))
        self.assertEqual([row.noise for row in chips], [2.0, 3.0])
        self.assertEqual(self.do(self.join.noise("another", ["t_air"], RunQuery())), [])
        with self.assertRaises(ContractError):
            self.do(self.join.noise(MODULE, ["nonsense"], RunQuery()))

    def test_too_much_at_once_is_said_with_the_numbers(self) -> None:
        with (
            mock.patch("trackerdcs.app.joiner.MOST_LOOKS", 3),
            self.assertRaisesRegex(ContractError, "2 quant.*2 runs"),
        ):
            self.do(self.join.noise(MODULE, ["t_air", "v_mon"], RunQuery()))
        with (
            mock.patch("trackerdcs.app.joiner.MOST_MEANS", 15),
            self.assertRaisesRegex(ContractError, "2 quantities in 10 buckets are 20 means"),
        ):
            self.do(self.join.conditions("r1", ["t_air", "v_mon"], 10 * S))

    def test_noise_of_one_of_two_modules_is_its_own(self) -> None:
        two = (RunModule(MODULE, channels=("bench/hv1/ch0",)), RunModule("PS_2", optical_group=1))
        run = made_run("r4", T0 + 2000 * S, modules=two)
        self.stores.run_store.put_run(replace(run, summary=(run.summary[0], replace(run.summary[1], optical_group=1))))
        self.assertEqual(self.do(self.join.noise(MODULE, [], RunQuery()))[0].noise, 2.0)
        self.assertEqual(self.do(self.join.noise("PS_2", [], RunQuery()))[0].noise, 3.0)

    def test_at(self) -> None:
        then = self.do(self.join.at(T0))
        self.assertEqual(([r.id for r in then.runs], [b.module for b in then.bindings]), (["r1"], [MODULE]))
        then = self.do(self.join.at(T0 + 100 * S))
        self.assertEqual(([r.id for r in then.runs], len(then.bindings)), ([], 1))
        self.stores.run_store.put_run(made_run("dead", state="running", end=None, heard=T0 + 350 * S))
        (dead,) = self.do(self.join.at(T0 + 300 * S)).runs
        self.assertIn("last heard", self.do(self.join.at(T0 + 300 * S)).doubts[dead.id])
        self.assertEqual(self.do(self.join.at(T0 + 400 * S)).runs, ())
        self.stores.run_store.put_binding(Binding("bench", "hv1", "ch0", None, T0 + 200 * S))
        self.assertEqual(self.do(self.join.at(T0 + 300 * S)).bindings, ())

    def test_pages_miss_nothing_and_repeat_nothing(self) -> None:
        stores = MadeStores()
        starts: list[int | None] = [None, None, None, *[T0] * 7, T0 + S, *[T0 - n * S for n in range(1, 8)]]
        for n, start in enumerate(starts):
            stores.run_store.put_run(made_run(f"r{n:02}", start, state="done" if start else "queued"))
        join = Joiner(stores, Now())
        for limit in (1, 2, 3, 5, 18, 100):
            ids: list[str] = []
            after = None
            for _ in range(40):
                page, after = self.do(join.runs(RunQuery(limit=limit), after))
                ids += [run.id for run in page]
                if after is None:
                    break
            everything: list[Run] = stores.run_store.runs(RunQuery(limit=100))
            self.assertEqual(ids, [run.id for run in everything], limit)
