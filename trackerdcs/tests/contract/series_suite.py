"""One suite for every TimeSeries: what is written comes back, no spike is hidden, what is wrong is refused alone."""

import asyncio
import itertools
import math
import unittest
from collections.abc import Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from trackerdcs.domain.series import Bucket, Point, Sample, Selection
from trackerdcs.ports import TimeSeries

S = 1_000_000_000
MINUTE = 60 * S
T0 = 1_760_000_040 * S  # a whole minute
ALWAYS = (0, 2**70)
_names = (f"s{n}" for n in itertools.count())


def point(
    stand: str, ts: int, fields: dict[str, Any], channel: str | None = "ch0", kind: str = "hv", module: str = ""
) -> Point:
    """A point of device `d`; measurements are of one stand only, so that tests cannot fix each other's field types."""
    tags = {"stand": stand, "device": "d", "channel": channel, "module": module}
    return Point(f"{kind}-{stand}", tuple((k, v) for k, v in tags.items() if v), ts, fields)


def plain(buckets: Sequence[Bucket]) -> list[tuple[int, int, int, float, float]]:
    return [(b.start, b.stop, b.count, b.low, b.high) for b in buckets]


def cut_slowly(start: int, stop: int, number: int) -> list[int]:
    """The edges of the parts, as time-series.md words them."""
    width = math.ceil((stop - start) / number)
    if width < MINUTE:
        return [*range(start, stop, width), stop]
    minutes = [m for m in range(start - start % MINUTE, stop + 1, MINUTE) if m >= start]
    step = max(math.ceil((len(minutes) - 1) / number), 1)
    return [start, *minutes[:-1][::step][1:], stop]


class SeriesContract(unittest.TestCase):
    """The suite. An implementation gives `make`; all tests may share one store, each has a stand of its own."""

    __test__ = False
    examples = 200

    def make(self) -> TimeSeries:
        raise NotImplementedError

    def setUp(self) -> None:
        self.series = self.make()
        self.addCleanup(lambda: asyncio.run(self.series.close()))
        self.stand = next(_names)

    def write(self, *points: Point) -> list[tuple[Point, str]]:
        return [(r.point, r.why) for r in asyncio.run(self.series.write(points))]

    def samples(
        self, quantity: str, start: int = ALWAYS[0], stop: int = ALWAYS[1], channel: str | None = "ch0"
    ) -> list[tuple[int, float | str]]:
        found = asyncio.run(self.series.samples(Selection(self.stand, "d", channel, quantity, start, stop)))
        self.assertTrue(all(type(s) is Sample for s in found))
        return [(s.ts, s.value) for s in found]

    def buckets(self, quantity: str, start: int, stop: int, number: int) -> list[Bucket]:
        return asyncio.run(self.series.buckets(Selection(self.stand, "d", "ch0", quantity, start, stop), number))

    def point(self, ts: int, fields: dict[str, Any], channel: str | None = "ch0", **tags: str) -> Point:
        return point(self.stand, ts, fields, channel, **tags)

    def test_what_is_written_comes_back_in_the_order_of_time(self) -> None:
        later = self.point(T0 + 1, {"v_mon": -1.5e-7, "state": "off"})
        self.assertEqual(self.write(later, self.point(T0, {"v_mon": -200.0, "state": "on"})), [])
        self.assertEqual(self.samples("v_mon"), [(T0, -200.0), (T0 + 1, -1.5e-7)])
        self.assertEqual(self.samples("state"), [(T0, "on"), (T0 + 1, "off")])

    def test_a_window_has_its_start_and_not_its_stop(self) -> None:
        self.write(*(self.point(T0 + i, {"v_mon": float(i)}) for i in range(4)))
        self.assertEqual(self.samples("v_mon", T0 + 1, T0 + 3), [(T0 + 1, 1.0), (T0 + 2, 2.0)])
        self.assertEqual(plain(self.buckets("v_mon", T0 + 1, T0 + 3, 1)), [(T0 + 1, T0 + 3, 2, 1.0, 2.0)])

    def test_a_window_may_be_empty_reversed_or_endless(self) -> None:
        self.write(self.point(T0, {"v_mon": 1.0}))
        for start, stop in ((T0, T0), (T0 + 5, T0), (T0 + 1, T0 + 2), (2**80, 2**81), (-(2**80), -5)):
            self.assertEqual((self.samples("v_mon", start, stop), self.buckets("v_mon", start, stop, 3)), ([], []))
        self.assertEqual(self.samples("v_mon", -(2**80), 2**80), [(T0, 1.0)])
        self.assertEqual([b.count for b in self.buckets("v_mon", -(2**80), 2**80, 3)], [1])

    def test_a_channel_is_found_under_all_its_modules_and_alone(self) -> None:
        self.write(self.point(T0 + 2, {"v_mon": 2.0}, module="M 2"), self.point(T0 + 1, {"v_mon": 1.0}))
        self.write(self.point(T0 + 3, {"v_mon": 3.0}, module="M=3"), self.point(T0 + 1, {"v_mon": 9.0}, "ch1"))
        self.write(self.point(T0 + 1, {"v_mon": 8.0}, "-"), self.point(T0 + 1, {"v_mon": 7.0}, None, kind="frames"))
        self.assertEqual(self.samples("v_mon"), [(T0 + i, float(i)) for i in (1, 2, 3)])
        self.assertEqual(plain(self.buckets("v_mon", T0, T0 + 10, 1)), [(T0, T0 + 10, 3, 1.0, 3.0)])
        self.assertEqual(self.samples("v_mon", channel="-"), [(T0 + 1, 8.0)])
        self.assertEqual(self.samples("v_mon", channel=None), [(T0 + 1, 7.0)])

    def test_a_point_written_twice_counts_once_and_the_last_value_wins(self) -> None:
        self.write(self.point(T0, {"v_mon": 1e6, "state": "on"}), self.point(T0 + S, {"v_mon": 1.0}))
        self.write(self.point(T0, {"v_mon": 5.0}), self.point(T0, {"v_mon": 2.0}), self.point(T0 + S, {"v_mon": 1.0}))
        self.assertEqual(self.samples("v_mon"), [(T0, 2.0), (T0 + S, 1.0)])
        self.assertEqual(self.samples("state"), [(T0, "on")])  # a field that was not written again stays
        (bucket,) = self.buckets("v_mon", T0, T0 + MINUTE, 1)
        self.assertEqual((bucket.count, bucket.mean, bucket.low, bucket.high), (2, 1.5, 1.0, 2.0))

    def test_the_order_of_the_tags_does_not_make_another_series(self) -> None:
        first = self.point(T0, {"v_mon": 1.0})
        self.write(first, Point(first.measurement, first.tags[::-1], T0, {"v_mon": 2.0}))
        self.assertEqual(self.samples("v_mon"), [(T0, 2.0)])

    def test_numbers_are_floats(self) -> None:
        self.write(self.point(T0, {"on": True}), self.point(T0 + 1, {"on": 0}))
        self.assertEqual([(v, type(v)) for _, v in self.samples("on")], [(1.0, float), (0.0, float)])

    def test_what_no_store_can_keep_is_refused_alone_and_with_the_reason(self) -> None:
        wrong = [
            (self.point(T0, {"i_mon": math.nan}), "i_mon"),
            (self.point(T0, {"i_mon": 1.0, "v_mon": math.inf}), "v_mon"),
            (self.point(T0, {"i_mon": -1e301}), "i_mon"),
            (self.point(T0, {"i_mon": 10**400}), "i_mon"),
            (self.point(T0, {"i_mon": None}), "NoneType"),
            (self.point(T0, {"i_mon": [1.0]}), "list"),
            (self.point(T0, {}), "no field"),
            (self.point(-1, {"i_mon": 1.0}), "ts"),
            (self.point(2**63, {"i_mon": 1.0}), "ts"),
            (self.point(T0, {"time": 1.0}), "time"),
            (self.point(T0, {"_x": 1.0}), "_x"),
            (self.point(T0, {"": 1.0}), "field ''"),
            (self.point(T0, {"a\nb": 1.0}), "field"),
            (self.point(T0, {"state": "\ud800"}), "surrogate"),
            (self.point(T0, {"state": "a\rb"}), "control"),
            (self.point(T0, {"i_mon": 1.0}, "c\nd"), "channel"),
            (self.point(T0, {"i_mon": 1.0}, module="M\\2"), "module"),
            (self.point(T0, {"i_mon": 1.0}, kind="#"), "measurement"),
        ]
        good = [self.point(T0 + i, {"v_mon": float(i), "state": "on"}) for i in range(len(wrong))]
        rejected = self.write(*(p for pair in zip((w for w, _ in wrong), good, strict=True) for p in pair))
        self.assertEqual([id(p) for p, _ in rejected], [id(p) for p, _ in wrong])
        for (_, why), (_, expected) in zip(rejected, wrong, strict=True):
            self.assertIn(expected, why)
        self.assertEqual(self.samples("v_mon"), [(p.ts, p.fields["v_mon"]) for p in good])
        self.assertEqual(self.samples("i_mon"), [])

    def test_a_type_conflict_rejects_that_point_only(self) -> None:
        self.write(self.point(T0, {"v_mon": 1.0, "state": "on"}))
        text, number = self.point(T0 + 1, {"v_mon": "much"}), self.point(T0 + 2, {"state": 1.0, "v_mon": 3.0})
        good = [self.point(T0 + i, {"v_mon": 0.5, "state": "on"}) for i in range(10, 30)]
        rejected = self.write(*good[:7], text, *good[7:11], number, *good[11:])
        self.assertEqual([p for p, _ in rejected], [text, number])
        self.assertTrue(all("conflict" in why for _, why in rejected), rejected)
        self.assertEqual(self.samples("v_mon"), [(T0, 1.0), *((p.ts, 0.5) for p in good)])
        self.assertEqual(self.samples("state"), [(T0, "on"), *((p.ts, "on") for p in good)])

    def test_the_first_point_of_a_batch_fixes_the_type(self) -> None:
        number, text, more = (self.point(T0 + i, {"x": value}) for i, value in enumerate((1.0, "a", 2.0)))
        self.assertEqual([p for p, _ in self.write(number, text, more)], [text])
        self.assertEqual(self.samples("x"), [(T0, 1.0), (T0 + 2, 2.0)])

    def test_texts_have_no_buckets_and_hide_no_numbers(self) -> None:
        self.write(self.point(T0, {"state": "on"}), self.point(T0 + 1, {"x": "text"}))
        self.write(self.point(T0 + 2, {"x": 4.0}, kind="lv"))
        self.assertEqual(self.buckets("state", T0, T0 + 10, 2), [])
        self.assertEqual(plain(self.buckets("x", T0, T0 + 10, 1)), [(T0, T0 + 10, 1, 4.0, 4.0)])
        self.assertEqual(self.samples("x"), [(T0 + 1, "text"), (T0 + 2, 4.0)])

    def test_a_part_without_numbers_is_absent(self) -> None:
        self.write(self.point(T0, {"v_mon": 0.0}), self.point(T0 + 95, {"v_mon": 1.0}))
        expected = [(T0, T0 + 10, 1, 0.0, 0.0), (T0 + 90, T0 + 100, 1, 1.0, 1.0)]
        self.assertEqual(plain(self.buckets("v_mon", T0, T0 + 100, 10)), expected)

    def test_no_spike_is_hidden_wherever_it_falls(self) -> None:
        quiet = [self.point(T0 + i * S, {"v_mon": 1.0}) for i in range(20 * 60)]
        self.write(*quiet)
        start, stop = T0 + 30 * S, T0 + 17 * MINUTE + 7
        for number in (1, 5, 16, 100):
            edges = cut_slowly(start, stop, number)
            minutes = [T0 + k * MINUTE for k in (1, 2, 16, 17)]
            borders = {t + by for t in (edges[0], edges[1], edges[-2], edges[-1], *minutes) for by in (-1, 0, 1)}
            for ts in sorted(b for b in borders if start <= b < stop):
                self.write(self.point(ts, {"v_mon": -7e5}))
                buckets = self.buckets("v_mon", start, stop, number)
                self.assertEqual([b.low for b in buckets if b.start <= ts < b.stop], [-7e5], (number, ts - T0))
                self.assertEqual(sum(b.low == -7e5 for b in buckets), 1)
                self.write(self.point(ts, {"v_mon": 1.0}))

    def test_closing_twice_is_harmless(self) -> None:
        self.write(self.point(T0, {"v_mon": 1.0}))
        asyncio.run(self.series.close())
        asyncio.run(self.series.close())

    def test_a_senseless_number_of_parts_is_an_error(self) -> None:
        for number in (-1, 0, 10**6):
            with self.assertRaises(ValueError):
                self.buckets("v_mon", T0, T0 + 10, number)

    def test_a_selection_is_never_a_query(self) -> None:
        self.write(self.point(T0, {"v_mon": 1.0}))
        for name in ('" or true or "', "' OR 1=1 --", '\\" or true', "${1}", '"\n|> drop()', "\\", ""):
            for selection in (
                Selection(name, "d", "ch0", "v_mon", *ALWAYS),
                Selection(self.stand, "d", name, "v_mon", *ALWAYS),
                Selection(self.stand, "d", "ch0", name, *ALWAYS),
            ):
                self.assertEqual(asyncio.run(self.series.samples(selection)), [])
                self.assertEqual(asyncio.run(self.series.buckets(selection, 3)), [])

    def test_several_at_once_are_what_each_is_alone(self) -> None:
        for second in range(40):
            values = {"v_mon": -second * 1.0, "i_mon": second / 7, "state": "on"}
            self.write(self.point(T0 + second * S + second, values, module="M1" if second < 20 else ""))
        self.write(self.point(T0 + 5 * S, {"t_air": 20.0}, None), self.point(T0 + 6 * S, {"v_mon": 9.0}, 'it\'s "1"'))
        # The same time under two modules is two values; a type differs between measurements.
        self.write(*(self.point(T0 + 7 * S, {"v_mon": 7.0}, module=m) for m in ("A", "B")))
        self.write(self.point(T0 + 8 * S, {"v_mon": "a text"}, kind="other"))
        names = [("ch0", "v_mon"), ("ch0", "i_mon"), (None, "t_air"), ("ch0", "state"), ("ch9", "v_mon"), ("ch0", "")]
        windows = [(T0, T0 + 60 * S), (T0 + 3, T0 + 20 * S), (T0, T0), ALWAYS, (T0 - 90 * S, T0 + 30 * S)]
        wanted = [Selection(self.stand, "d", c, q, *window) for c, q in names for window in windows]
        wanted += [Selection(self.stand, "d", 'it\'s "1"', "v_mon", T0, T0 + MINUTE), wanted[0]]
        for number in (1, 7, 1000):
            alone = [asyncio.run(self.series.buckets(each, number)) for each in wanted]
            together = asyncio.run(self.series.many_buckets(wanted, number))
            for selection, one, other in zip(wanted, alone, together, strict=True):
                self.assertEqual(plain(one), plain(other), selection)
                for a, b in zip(one, other, strict=True):
                    self.assertAlmostEqual(a.mean, b.mean, delta=1e-12 * max(abs(a.low), abs(a.high)))
        self.assertEqual(sum(b.count for b in together[0]), 42)
        self.assertEqual(asyncio.run(self.series.many_buckets([], 3)), [])
        with self.assertRaises(ValueError):
            asyncio.run(self.series.many_buckets(wanted, 0))

    def test_many_values_of_many_series_at_once(self) -> None:
        rows = 12_000
        points = [self.point(T0 + i * S, {"a": i * 1.0, "b": -i * 1.0}, f"ch{i % 3}") for i in range(rows)]
        self.write(*points)
        wanted = [Selection(self.stand, "d", f"ch{c}", q, T0, T0 + rows * S) for c in range(3) for q in "ab"]
        found = asyncio.run(self.series.many_buckets(wanted * 50, 10))
        self.assertEqual([sum(b.count for b in buckets) for buckets in found], [rows // 3] * len(wanted) * 50)
        self.assertEqual((found[0][0].low, found[1][-1].low), (0.0, -(rows - 3.0)))

    def test_names_and_texts_come_back_as_they_were(self) -> None:
        letters = st.characters(exclude_categories=["Cs"], min_codepoint=32) | st.sampled_from("\\\",= '${}éß😀")
        name = st.text(letters, min_size=1, max_size=8).filter(
            lambda t: "\\" not in t and t[0] not in "_#" and t != "time"
        )
        text = st.text(letters | st.sampled_from("\n\t"), max_size=20)

        @settings(max_examples=self.examples, deadline=None, derandomize=True)
        @given(name, name, name, name, text)
        @example('a ,="b', "${1}", "' ,=\"", "x ,= y", 'say "no", \\ or\n${1}\\')
        def check(kind: str, channel: str, module: str, field: str, value: str) -> None:
            self.stand = next(_names)
            self.assertEqual(self.write(self.point(T0, {field: value}, channel, kind=kind, module=module)), [])
            self.assertEqual(self.samples(field, channel=channel), [(T0, value)])

        check()

    def test_buckets_agree_with_the_obvious_slow_computation(self) -> None:
        near = st.builds(lambda m, s, by: T0 + m * MINUTE + s * S + by, *map(st.integers, (0, 0, -1), (20, 59, 1)))
        number = st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 1e300, -1e300, 5e-324])
        modules = st.sampled_from(["", "", "M1"])

        @settings(max_examples=self.examples, deadline=None, derandomize=True)
        @given(st.dictionaries(near, st.tuples(number, modules), max_size=40), near, near, st.integers(1, 30))
        def check(stored: dict[int, tuple[float, str]], one: int, other: int, parts: int) -> None:
            self.stand = next(_names)
            start, stop = min(one, other), max(one, other)
            self.write(*(self.point(ts, {"v_mon": v}, module=m) for ts, (v, m) in stored.items()))
            found = self.buckets("v_mon", start, stop, parts)
            expected = []
            edges = cut_slowly(start, stop, parts) if start < stop else []
            for a, b in itertools.pairwise(edges):
                if values := [v for ts, (v, _) in stored.items() if a <= ts < b]:
                    expected.append((a, b, len(values), min(values), max(values)))
                    mean = next(x.mean for x in found if x.start == a)
                    self.assertAlmostEqual(mean, math.fsum(values) / len(values), delta=1e-12 * max(map(abs, values)))
            self.assertEqual(plain(found), expected)
            self.assertLessEqual(len(edges), parts + 1)

        check()
