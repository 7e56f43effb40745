"""Lines that are made fast say what those say that are made slowly, and the same points are rejected as well."""

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
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.line_protocol import lines_of
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


def said(text: str) -> list[str]:
    """What lines say, in one order: a number is the same however it is written, but minus zero is not zero."""
    try:
        read = [(each.head, sorted(each.fields.items()), each.time) for each in lines_of(text.encode())]
    except ContractError:  # a time that is none: the database has to refuse it, and all were made one by one
        return sorted(text.split("\n"))
    return sorted(map(repr, read))


def point(fields: dict[str, Any], ts: int = 5) -> Point:
    return Point("hv", CH0, ts, fields)


class TestLines(unittest.TestCase):
    def assert_the_same(self, lines: Lines, points: Sequence[Point]) -> None:
        found, rejected = lines.body(points)
        slow, wrong = slowly(points)
        self.assertEqual(sorted((id(r.point), r.why) for r in rejected), sorted(wrong))
        self.assertEqual(said(found), said("\n".join(slow)))

    def test_as_the_slow_ones(self) -> None:
        @settings(max_examples=150, deadline=None, derandomize=True)
        @given(st.lists(points, max_size=15), st.integers(1, 3))
        @example([point({"x": v}) for v in (False, -0.0, False, 0.0, True, 1.0, 1, Fraction(1))], 2)
        @example([point({"x": v}) for v in ("on", Text("on"), "on")], 2)
        @example([point({"x": "on"}), point({"x": 'o"n'}), point({"x": "o,n"}), point({"x": "o\nn\t"})], 3)
        @example([point({"x": 1.0}), point({"x": 'on,x="1'})], 2)
        @example([point({"x": v}) for v in (1.0, math.nan, math.inf, -math.inf, 1.1e300, -1.1e300, 1e300, -1e300)], 2)
        @example([point({"x": 1.0}, ts) for ts in (1, True, -1, 1, LAST - 1, LAST)], 2)
        @example([Point("50%s", (("stand", "100%"), ("device", "%d")), 1, {"%": 1.0, "%%s": 2.0})], 2)
        @example([point({"x": 2**70}), point({"x": 10**400})], 2)
        def check(points: list[Point], times: int) -> None:
            lines = Lines()
            for _ in range(times):
                self.assert_the_same(lines, points)

        check()
        with patch.multiple(series_influx_lines, SERIES=2, SHAPES=2):  # it forgets all the time
            check()

    def test_any_number_is_read_back_as_it_was(self) -> None:
        @settings(max_examples=500, deadline=None, derandomize=True)
        @given(st.lists(st.floats(-1e300, 1e300), min_size=1))
        def check(values: list[float]) -> None:
            lines, wanted = Lines(), [point({"x": value}, i) for i, value in enumerate(values)]
            lines.each(wanted)
            body, _ = lines.body(wanted)
            found = {each.time: each.fields["x"] for each in lines_of(body.encode())}
            self.assertEqual([repr(found[i]) for i in range(len(values))], [repr(value) for value in values])

        check()

    def test_what_is_remembered_is_bounded(self) -> None:
        with patch.multiple(series_influx_lines, SERIES=50, SHAPES=5):
            lines = Lines()
            tags = [(("stand", "s"), ("device", f"d{i}")) for i in range(200)]
            self.assert_the_same(lines, [Point("hv", each, 5, {f"x{i}": 1.0}) for each in tags for i in range(20)])
            self.assertLessEqual(len(lines._near), 50)
            self.assertLessEqual(max(len(shapes) for _, shapes in lines._near.values()), 5)

    def test_a_second_time_nothing_is_asked_again(self) -> None:
        lines, fields = Lines(), {"v_set": -200.0, "v_mon": -199.98, "i_mon": 0.1 + 0.2, "on": 1.0, "state": "on"}
        lines.body([point(fields)])
        with patch.object(series_influx_lines, "complaint", side_effect=AssertionError):
            found, _ = lines.body([point(fields | {"i_mon": 1 / 3}, 7)])
        self.assertEqual(found, line(point(fields | {"i_mon": 1 / 3}, 7)))

    def test_one_odd_text_does_not_make_its_neighbours_slow_for_ever(self) -> None:
        lines, good = Lines(), [point({"v_mon": 1.5}, i) for i in range(3)]
        odd = Point("frames", CH0[:2], 5, {"seq": 1.0, "bad": '{"ch0":{"i_mon":"timeout"}}'})
        lines.body([*good, odd])
        with patch.object(series_influx_lines, "line", side_effect=line) as asked:
            lines.body([*good, odd])
        self.assertEqual([call.args[0] for call in asked.call_args_list], [odd])


if __name__ == "__main__":
    unittest.main()
