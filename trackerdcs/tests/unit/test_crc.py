"""The checksum of a board's lines."""

import unittest

from trackerdcs.domain.crc import crc16, with_crc, without_crc


class TestCrc(unittest.TestCase):
    def test_the_check_value_of_the_standard(self) -> None:
        self.assertEqual(crc16(b"123456789"), 0x29B1)

    def test_what_is_signed_is_found_intact(self) -> None:
        text = '{"id":"x","rh":40.20}'
        line = with_crc(text + "\n")
        self.assertRegex(line, r'^\{"id":"x","rh":40\.20,"crc":"[0-9a-f]{4}"\}$')
        self.assertEqual(without_crc(line + "\r\n"), text)

    def test_a_changed_missing_or_misplaced_sum_is_none(self) -> None:
        good = with_crc('{"seq":1,"rh":40.2}')
        for line in (
            good.replace("40.2", "40.3"),
            '{"seq":1,"rh":40.2}',
            '{"crc":"1234","rh":1}',
            good[:-3],
            "",
            "banner",
        ):
            self.assertIsNone(without_crc(line), line)
