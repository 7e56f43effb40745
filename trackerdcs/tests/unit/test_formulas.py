"""The formulas of derived quantities: against reference values, and never a number for what cannot be."""

import math
import unittest

from hypothesis import given, settings
from hypothesis import strategies as st

from trackerdcs.domain.formulas import FORMULAS, T_SENSOR, compute, leakage_20c
from trackerdcs.domain.instrument import UNITS

KELVIN = 273.15
TO_20 = (
    (20.0, 1.0),
    (0.0, 6.652),
    (-10.0, 19.04),
    (-20.0, 59.0),
    (27.0, 0.5461),
)
"""degC, and what brings a current to 20 degC: T^2 exp(-1.21 eV / 2kT) worked out by hand."""


class Leakage(unittest.TestCase):
    def test_reference_values(self) -> None:
        for t, factor in TO_20:
            with self.subTest(t=t):
                self.assertAlmostEqual(leakage_20c(1e-6, t) / 1e-6 / factor, 1.0, delta=1e-3)

    def test_it_doubles_about_each_seven_degrees_as_every_lab_knows(self) -> None:
        self.assertAlmostEqual(leakage_20c(1.0, 13.0), 2.0, delta=0.15)

    @settings(deadline=None)
    @given(st.floats(*T_SENSOR), st.floats(-1e-3, 1e-3))
    def test_it_is_undone_by_going_back_and_keeps_its_sign(self, t: float, i: float) -> None:
        there = leakage_20c(i, t)
        back = i and there / leakage_20c(1.0, t)
        self.assertAlmostEqual(back, i, delta=abs(i) * 1e-9)
        self.assertTrue(there == 0 or (there > 0) == (i > 0))

    @settings(deadline=None)
    @given(st.floats(-59, 59), st.floats(0.01, 1))
    def test_the_warmer_the_sensor_the_less_it_would_have_at_20(self, t: float, step: float) -> None:
        self.assertGreater(leakage_20c(1e-6, t), leakage_20c(1e-6, t + step))

    def test_absurd_temperatures_are_refused(self) -> None:
        for t in (-60.1, 60.1, -127.0, 850.0, -KELVIN, -300.0, math.nan, math.inf):
            with self.subTest(t=t), self.assertRaisesRegex(ValueError, "not believed"):
                leakage_20c(1e-6, t)


class Others(unittest.TestCase):
    def test_reference_values(self) -> None:
        air = {"t_air": 20.0, "rh": 50.0}  # 9.3 degC in every table of the dew point
        for name, values, expected in (
            ("dew_point", air, {"t_dew": 9.3}),
            ("dew_margin", {"of": -20.0} | air, {"dew_margin": -29.3}),
            ("power", {"v": -400.0, "i": -2e-5}, {"power": 8e-3}),
        ):
            with self.subTest(name):
                found = compute(FORMULAS[name], values)
                self.assertEqual(found.keys(), expected.keys())
                for quantity, value in expected.items():
                    self.assertAlmostEqual(found[quantity], value, delta=0.05)

    def test_what_is_not_finite_is_no_value(self) -> None:
        with self.assertRaisesRegex(ValueError, "power is inf"):
            compute(FORMULAS["power"], {"v": 1e200, "i": 1e200})

    def test_each_output_has_a_unit(self) -> None:
        for name, formula in FORMULAS.items():
            with self.subTest(name):
                self.assertLessEqual(set(formula.outputs), UNITS.keys())
