"""The dew point: against tabulated values, at its worst end, and never for air that cannot be."""

import unittest

from hypothesis import given
from hypothesis import strategies as st

from trackerdcs.domain.dew_point import dew_point, worst

TABLE = (
    (20.0, 50.0, 9.3),
    (25.0, 60.0, 16.7),
    (21.0, 40.0, 6.9),
    (0.0, 100.0, 0.0),
    (10.0, 80.0, 6.7),
    (30.0, 20.0, 4.6),
)


class DewPoint(unittest.TestCase):
    def test_tabulated_values(self) -> None:
        for t, rh, expected in TABLE:
            with self.subTest(t=t, rh=rh):
                self.assertAlmostEqual(dew_point(t, rh), expected, delta=0.15)

    def test_air_that_cannot_be_has_no_dew_point(self) -> None:
        for t, rh in ((20, 0), (20, -0.0), (20, -1), (20, 100.1), (-45.1, 50), (60.1, 50), (float("nan"), 50)):
            with self.subTest(t=t, rh=rh), self.assertRaises(ValueError):
                dew_point(t, rh)
            with self.subTest(t=t, rh=rh), self.assertRaises(ValueError):
                worst(t, 1.0, rh, 5.0)
        with self.assertRaises(ValueError):
            dew_point(20, float("nan"))

    @given(st.floats(-45, 60), st.floats(0.1, 100), st.floats(0, 5), st.floats(0, 20))
    def test_the_worst_end_is_never_below(self, t: float, rh: float, t_accuracy: float, rh_accuracy: float) -> None:
        self.assertGreaterEqual(worst(t, t_accuracy, rh, rh_accuracy), dew_point(t, rh) - 1e-9)
        self.assertLessEqual(dew_point(t, rh), t + 1e-9)
