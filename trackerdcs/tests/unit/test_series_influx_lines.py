"""Lines that are made fast are those that are made slowly, and the same points are rejected for the same reasons."""

import math
import unittest
from collections.abc import Sequence
from fractions import Fraction
from typing import Any
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from trackerdcs.adapters import series_influx_lines
from trackerdcs.adapters.series_influx_lines import Lines, line
from trackerdcs.domain.series import Point
from trackerdcs.domain.storing import LAST, complaint
from trackerdcs.tests.odd_points import CH0, Text, points


def slowly(points: Sequence[Point]) -> tuple[list[str], list[tuple[int, str]]]:
    lines, rejected = [], []
    for point in points:
        if why := complaint(point):
            rejected.append((id(point), why))
        else:
            lines.append(line(point))
    return lines, rejected


def point(fields: dict[str, Any], ts: int = 5) -> Point:
    return Point("hv", CH0, ts, fields)


class TestLines(unittest.TestCase):
    def assert_the_same(self, lines: Lines, points: Sequence[Point]) -> None:
        found, rejected = lines.of(points)
        self.assertEqual((found, [(id(r.point), r.why) for r in rejected]), slowly(points))

    def test_as_the_slow_ones(self) -> None:
        @settings(max_examples=200, deadline=None, derandomize=True)
        @given(st.lists(points, max_size=15), st.integers(1, 3))
        @example([point({"x": v}) for v in (False, -0.0, False, 0.0, True, 1.0, 1, Fraction(1), 1 + 0j)], 1)
        @example([point({"x": v}) for v in ("on", Text("on"), "on", 1.0, "on")], 1)
        @example([point({"x": v}) for v in (1.0, math.nan, math.inf, -math.inf, 1.1e300, -1.1e300, 1e300, -1e300)], 1)
        @example([point({"x": 1.0}, ts) for ts in (1, True, 1.0, -1, 1, LAST - 1, LAST)], 1)  # type: ignore[arg-type]
        def check(points: list[Point], times: int) -> None:
            lines = Lines()
            for _ in range(times):
                self.assert_the_same(lines, points)

        check()
        with patch.multiple(series_influx_lines, NAMES=2, VALUES=2):  # it forgets all the time
            check()

    def test_what_is_remembered_is_bounded(self) -> None:
        lines = Lines()
        many = range(5 * series_influx_lines.VALUES)
        self.assert_the_same(lines, [point({"seq": float(i), "v_mon": i / 7, "sw": str(i)}) for i in many])
        self.assert_the_same(lines, [point({"sw": "x" * 1000})])
        for name, longest in (("seq", 15), ("v_mon", 20), ("sw", 20)):
            texts = lines._texts[name]
            self.assertLessEqual(len(texts), series_influx_lines.VALUES)
            self.assertLessEqual(max(map(len, texts.values())), longest)
        self.assert_the_same(lines, [point({f"x{i}": 1.0}) for i in many])
        self.assertLessEqual(len(lines._texts), series_influx_lines.NAMES)

    def test_a_second_time_nothing_is_asked_again(self) -> None:
        lines, fields = Lines(), {"v_set": -200.0, "v_mon": -199.98, "i_mon": 0.1 + 0.2, "on": True, "state": "on"}
        lines.of([point(fields)])
        with patch.object(series_influx_lines, "complaint", side_effect=AssertionError):
            found, _ = lines.of([point(fields | {"i_mon": 1 / 3}, 7)])
        self.assertEqual(found, [line(point(fields | {"i_mon": 1 / 3}, 7))])
