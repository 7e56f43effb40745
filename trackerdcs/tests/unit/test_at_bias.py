"""Time at bias: only between two readings above the threshold that are close to one another, each second once."""

import unittest

from hypothesis import given, settings
from hypothesis import strategies as st

from trackerdcs.domain.at_bias import AtBias, Count, Key

S = 10**9
T0 = 1_700_000_000 * S
M1, M2 = Key("m-1", 50.0, 1), Key("m-2", 50.0, 1)


class TestAtBias(unittest.TestCase):
    def setUp(self) -> None:
        self.at_bias = AtBias()

    def hear(self, s: float, v: float, key: Key = M1, by: str = "bias0") -> float:
        return self.at_bias.hear(by, key, v, T0 + round(s * S), 1.0) / S

    def seconds(self, key: Key = M1) -> tuple[float, float]:
        return self.at_bias.counts[key].at_bias / S, self.at_bias.counts[key].missed / S

    def test_between_readings_above_the_threshold_of_either_sign(self) -> None:
        for s, v in enumerate((0.0, -60.0, -61.0, 80.0, -50.0, 0.0)):
            self.assertEqual(self.hear(s, v), 0.0)
        self.assertEqual(self.seconds(), (2.0, 0.0))

    def test_a_gap_longer_than_three_periods_does_not_count_and_is_marked(self) -> None:
        self.hear(0, -100)
        self.assertEqual(self.hear(3, -100), 0.0)
        self.assertEqual(self.hear(6.5, -100), 3.5)
        self.hear(7.5, -100)
        self.assertEqual(self.seconds(), (4.0, 3.5))

    def test_each_module_has_its_own_and_takes_it_along(self) -> None:
        self.hear(0, -100)
        self.hear(1, -100)
        self.hear(2, -100, M2)
        self.hear(3, -100, M2)
        self.hear(10, -100, M1, "bias1")
        self.hear(11, -100, M1, "bias1")
        self.assertEqual(self.seconds(), (2.0, 9.0))
        self.assertEqual(self.seconds(M2), (1.0, 0.0))

    def test_two_channels_with_the_same_module_do_not_count_twice(self) -> None:
        for s in range(4):
            self.hear(s, -100)
            self.hear(s + 0.5, -100, M1, "bias1")
        self.assertEqual(self.seconds(), (3.0, 0.0))
        self.assertEqual(self.at_bias.taken("bias1", M1, T0 + 3 * S, 1.0), "bias0")

    def test_a_clock_that_was_set_back_neither_counts_nor_stops_it(self) -> None:
        for s in (0, 1, -3600, -3599):
            self.hear(s, -100)
        self.assertEqual(self.seconds(), (2.0, 0.0))

    def test_a_module_that_goes_elsewhere_while_the_clock_is_set_back_is_counted_there(self) -> None:
        self.hear(0, -100)
        self.hear(1, -100)
        for s in (-3600, -3599, -3598):
            self.hear(s, -100, M1, "bias1")
        self.assertIsNone(self.at_bias.taken("bias1", M1, T0 - 3598 * S, 1.0))
        self.assertEqual(self.seconds(), (3.0, 0.0))

    def test_what_was_known_goes_on_and_what_is_not_saved_changes_again(self) -> None:
        self.at_bias.recall({M1: Count(100 * S, 0, T0, True)})
        self.hear(2, -100)
        self.assertEqual(self.seconds(), (102.0, 0.0))
        new = self.at_bias.take_new()
        self.assertEqual((new[M1].at_bias, self.at_bias.take_new()), (102 * S, {}))
        self.at_bias.keep(new)
        self.assertEqual(self.at_bias.take_new(), new)

    @settings(deadline=None)  # a computer that is busy is no fault
    @given(st.lists(st.tuples(st.floats(0.001, 10), st.floats(-200, 200)), max_size=30))
    def test_never_more_than_has_passed(self, steps: list[tuple[float, float]]) -> None:
        self.at_bias, now = AtBias(), 0.0
        self.hear(0, -100)
        for step, v in steps:
            now += step
            self.hear(now, v)
        at_bias, missed = self.seconds()
        self.assertLessEqual(at_bias + missed, now + 1e-6)
        self.assertGreaterEqual(min(at_bias, missed), 0.0)
