"""Foreign units become SI; an unknown one is told with those that are known."""

import unittest

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.instrument import UNITS
from trackerdcs.domain.units import unit_of


class Known(unittest.TestCase):
    def test_values_in_si(self) -> None:
        for name, value, stored, expected in (
            ("V", 1.5, "V", 1.5),
            ("mV", 21.0, "V", 0.021),
            ("kV", -0.8, "V", -800.0),
            ("uA", 12.0, "A", 1.2e-5),
            ("\u00b5A", 12.0, "A", 1.2e-5),
            ("\u03bcA", 12.0, "A", 1.2e-5),
            ("nA", 3.0, "A", 3e-9),
            ("pA", 3.0, "A", 3e-12),
            ("hPa", 1013.25, "Pa", 101325.0),
            ("mbar", 1013.25, "Pa", 101325.0),
            ("kohm", 4.7, "ohm", 4700.0),
            ("k\u03a9", 4.7, "ohm", 4700.0),
            ("ms", 3.0, "s", 0.003),
            ("min", 2.0, "s", 120.0),
            ("mV/s", 5.0, "V/s", 0.005),
            ("m", 2.0, "m", 2.0),
            ("mm", 2.0, "m", 0.002),
            ("g", 300.0, "kg", 0.3),
            ("kWh", 1.0, "J", 3.6e6),
            ("degC", 21.3, "degC", 21.3),
            ("\u00b0C", 21.3, "degC", 21.3),
            ("K", 273.15, "degC", 0.0),
            ("degF", 212.0, "degC", 100.0),
            ("\u00b0F", -40.0, "degC", -40.0),
            ("%", 40.0, "%", 40.0),
            ("1", 1.0, "1", 1.0),
        ):
            with self.subTest(name):
                unit = unit_of(name)
                self.assertEqual(unit.stored, stored)
                self.assertEqual(value if unit.convert is None else unit.convert(value), expected)

    def test_each_unit_of_a_quantity_is_one(self) -> None:
        for stored in {*UNITS.values()} - {""}:
            self.assertEqual(unit_of(stored).stored, stored)

    def test_the_others_are_refused_with_what_is_known(self) -> None:
        for name in ("", "Volt", "m%", "mK", "kdegC", "xV", "mmV", "C", "v"):
            with (
                self.subTest(name),
                self.assertRaisesRegex(ConfigError, f"^unit '{name}' is unknown, expected one of %,"),
            ):
                unit_of(name)
