"""Ranges behave as the set of integers that they stand for."""

import unittest
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from trackerdcs.domain.ranges import Ranges

SPANS = st.lists(st.tuples(st.integers(-5, 60), st.integers(0, 8)).map(lambda p: (p[0], p[0] + p[1])), max_size=25)


class RangesTest(unittest.TestCase):
    @settings(deadline=None)
    @given(SPANS)
    def test_equals_a_set_of_integers(self, spans: list[tuple[int, int]]) -> None:
        ranges, numbers = Ranges(), set[int]()
        for first, last in spans:
            ranges.add(first, last)
            numbers |= set(range(first, last + 1))
        self.assertEqual(len(ranges), len(numbers))
        for n in range(-8, 75):
            self.assertEqual(n in ranges, n in numbers, n)
        listed = list(ranges)
        self.assertEqual(listed, sorted(listed))
        for (_, last), (first, _) in pairwise(listed):
            self.assertGreater(first, last + 1, "neighbours are one range")

    def test_neighbours_and_bridges_are_joined(self) -> None:
        self.assertEqual(list(Ranges([(0, 1), (2, 3)])), [(0, 3)])
        self.assertEqual(list(Ranges([(0, 1), (5, 6), (2, 4)])), [(0, 6)])
        self.assertEqual(list(Ranges([(5, 6), (0, 1)])), [(0, 1), (5, 6)])
        self.assertEqual(list(Ranges([(0, 9), (3, 4)])), [(0, 9)])

    def test_a_reversed_range_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "5 to 4"):
            Ranges().add(5, 4)

    def test_it_can_be_read_in_a_log(self) -> None:
        self.assertEqual(repr(Ranges([(1, 2)])), "Ranges([(1, 2)])")
