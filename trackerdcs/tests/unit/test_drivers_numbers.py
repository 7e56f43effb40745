"""Numbers of instruments: what is read is exact, what is sent is what was meant."""

import math
import unittest

from trackerdcs.domain.errors import BadReply, CommandRefused, Overrange
from trackerdcs.drivers.numbers import agrees, number, setting, whole


class TestNumber(unittest.TestCase):
    def test_numbers_as_instruments_write_them(self) -> None:
        for text, unit, value in [
            ("1.200", "", 1.2),
            ("+1.200000E-03", "", 1.2e-3),
            (" -5 ", "", -5.0),
            (".5", "", 0.5),
            ("1.23456E3V", "V", 1234.56),
            ("-4.0E-9A", "A", -4e-9),
            ("1.23EA", "A", 1.23),
            ("-200.00000EV", "V", -200.0),
            ("10.0000EV/s", "V/s", 10.0),
        ]:
            with self.subTest(text):
                self.assertEqual(number(text, unit), value)

    def test_anything_else_is_a_bad_reply(self) -> None:
        for text, unit in [
            ("", ""),
            ("V", "V"),
            ("ERROR", ""),
            ("1.2.3", ""),
            ("1,2", ""),
            ("1 2", ""),
            ("1.23E", ""),
            ("1.23EA", "V"),
            ("1.23", "V"),
            ("1.23V", ""),
            ("1.23mV", "V"),
            ("0x10", ""),
            ("1_000", ""),
            ("١٢", ""),
            ("true", ""),
        ]:
            with self.subTest(text), self.assertRaises(BadReply) as raised:
                number(text, unit)
            self.assertNotIsInstance(raised.exception, Overrange)

    def test_an_instrument_without_a_number_says_so(self) -> None:
        for text in ("9.91E37", "+9.9E37", "-9.9e+37", "nan", "NAN", "inf", "-INF", "1e400", "9.91E37A"):
            with self.subTest(text), self.assertRaises(Overrange):
                number(text, "A" if text.endswith("A") else "")

    def test_a_number_far_outside_of_its_range_is_none_of_this_quantity(self) -> None:
        self.assertEqual(number("32.5", low=0, high=32), 32.5)
        self.assertEqual(number("-0.01", low=0, high=32), -0.01)
        for text in ("36", "-4", "45E3"):
            with self.subTest(text), self.assertRaises(BadReply):
                number(text, low=0, high=32)


class TestWhole(unittest.TestCase):
    def test_only_digits(self) -> None:
        self.assertEqual([whole(text) for text in ("0", "+16", " 02048 ")], [0, 16, 2048])
        for text in ("", "1.0", "-1", "ON", "1e3", "99999999999", "²"):
            with self.subTest(text), self.assertRaises(BadReply):
                whole(text)


class TestSetting(unittest.TestCase):
    def test_digits_follow_the_resolution(self) -> None:
        for value, resolution, text in [
            (1.234, 1e-3, "1.234"),
            (-200, 1e-2, "-200.00"),
            (0.5e-6, 1e-9, "0.000000500"),
            (10, 1.0, "10"),
            (-0.0, 1e-3, "0.000"),
            (1e-3, 1e-3, "0.001"),
            (199.95, 0.05, "199.95"),
        ]:
            with self.subTest(text):
                self.assertEqual(setting("v", value, -2000, 2000, resolution), text)

    def test_what_is_no_number_in_range_is_refused(self) -> None:
        for value in (math.nan, math.inf, -math.inf, True, False, "1", None, [1], 1.0001, -1.0001, 10**400):
            with self.subTest(str(value)[:10]), self.assertRaisesRegex(CommandRefused, "v_set"):
                setting("v_set", value, -1, 1, 1e-3)

    def test_what_would_be_rounded_to_zero_is_refused(self) -> None:
        with self.assertRaisesRegex(CommandRefused, "resolution"):
            setting("i_limit", 0.5e-6, 0, 10, 1e-4)
        self.assertEqual(setting("i_limit", 0, 0, 10, 1e-4), "0.0000")

    def test_a_read_back_agrees_within_the_resolution(self) -> None:
        self.assertTrue(agrees(1.2, 1.201, 1e-3))
        self.assertFalse(agrees(1.2, 1.2021, 1e-3))
        self.assertFalse(agrees(-200.0, 200.0, 1e-2))
        self.assertFalse(agrees(0.5e-6, 0.0, 1e-9))
        self.assertTrue(agrees(1.234567e-3, 1.23457e-3, 1e-9), "six digits are all that is printed")
