"""Numbers as they are printed: with a unit, never rounded into another value, and no control characters."""

import unittest

from trackerdcs.cli.rows import amount, clean, duration, number


class Rows(unittest.TestCase):
    def test_currents_and_powers_have_a_prefix_and_four_digits(self) -> None:
        for value, text in [
            (0.0, "0 A"),
            (1.5, "1.500 A"),
            (-1.2e-7, "-120.0 nA"),
            (2e-5, "20.00 uA"),
            (0.4567, "456.7 mA"),
            (9.9996e-7, "1.000 uA"),
            (-9.9994e-7, "-999.9 nA"),
            (1e-12, "1.000 pA"),
            (1e-15, "0.001 pA"),
            (1.0e3, "1.000 kA"),
            (1e9, "1000000 kA"),
        ]:
            with self.subTest(value):
                self.assertEqual(amount(value, "A"), text)
        self.assertEqual(amount(0.25, "W"), "250.0 mW")

    def test_volts_have_millivolts_and_no_negative_zero(self) -> None:
        for value, text in [
            (-199.972, "-199.97"),
            (1.2004, "1.200"),
            (-0.0004, "0.000"),
            (0.0, "0.000"),
            (-0.0, "0.000"),
            (-0.0006, "-0.001"),
            (99.9996, "100.000"),
            (1e300, "1e+300"),
        ]:
            with self.subTest(value):
                self.assertEqual(number(value, "V"), text)

    def test_other_values(self) -> None:
        cases: list[tuple[float | bool | str, str, str]] = [
            (21.35, "degC", "21.35 degC"),
            (12.0, "1", "12"),
            (True, "1", "yes"),
            (False, "", "no"),
            ("on", "", "on"),
            (0.61173, "s", "0.6 s"),
            (5, "l/min", "5 l/min"),
        ]
        for value, unit, text in cases:
            with self.subTest(value):
                self.assertEqual(amount(value, unit), text)

    def test_durations(self) -> None:
        for seconds, text in [
            (0.04, "0.0 s"),
            (9.94, "9.9 s"),
            (42.0, "42 s"),
            (150.0, "2 min"),
            (7200.0, "2 h"),
            (10 * 86400.0, "10 d"),
            (-3.0, "-3.0 s"),
        ]:
            with self.subTest(seconds):
                self.assertEqual(duration(seconds), text)

    def test_only_printable_characters(self) -> None:
        self.assertEqual(clean("a\x1b[31m\n\u202e°C µA"), "a?[31m??°C µA")


if __name__ == "__main__":
    unittest.main()
