"""Times in foreign payloads: seconds to nanoseconds, numbers and texts, RFC 3339."""

import unittest
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from trackerdcs.domain.errors import ConfigError, ContractError
from trackerdcs.domain.source_time import Count, Format, time_reader, zone_offset
from trackerdcs.domain.storing import LAST

COUNTS: tuple[Count, ...] = ("s", "ms", "us", "ns")
PER = dict(zip(COUNTS, (10**9, 10**6, 10**3, 1), strict=True))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(form: Format, value: Any, zone: str | None = None) -> int:
    return time_reader(form, zone)(value, "at.ts")


class Counts(unittest.TestCase):
    def test_values(self) -> None:
        for form, value, ts in (
            ("s", 1700000000, 1700000000_000000000),
            ("s", 1700000000.123, 1700000000_123000000),
            ("s", 1700000000.123456, 1700000000_123456000),
            ("ms", 1700000000123, 1700000000_123000000),
            ("ms", 1700000000123.5, 1700000000_123500000),
            ("us", 1700000000123456, 1700000000_123456000),
            ("us", 1.7e15, 1700000000_000000000),
            ("ns", 1700000000123456789, 1700000000_123456789),
            ("s", "1700000000.123456789", 1700000000_123456789),
            ("s", "1700000000.1234567891", 1700000000_123456789),
            ("ns", "1700000000123456789.9", 1700000000_123456789),
            ("ms", "1700000000123", 1700000000_123000000),
            ("s", 0, 0),
            ("ns", LAST - 1, LAST - 1),
        ):
            with self.subTest(form, value=value):
                self.assertEqual(read(form, value), ts)  # type: ignore[arg-type]

    def test_what_is_no_time_is_named(self) -> None:
        for form in COUNTS:
            wrong: tuple[Any, ...] = (True, None, [], {})
            for value in wrong:
                with self.subTest(form, value=value):
                    why = f"^at.ts: expected a time as a number of {form}, got "
                    self.assertRaisesRegex(ContractError, why, read, form, value)
            wrong = (-1, -0.5, LAST, 1e300, float("inf"), float("nan"), 10**400, "", "-1", "1e9", "now", "9" * 20)
            for value in wrong:
                with self.subTest(form, value=value):
                    self.assertRaisesRegex(ContractError, "^at.ts: expected .* 2116, got ", read, form, value)

    @given(st.sampled_from(COUNTS), st.integers(0, LAST - 10**9))
    def test_integers_and_their_texts_are_exact(self, form: Count, ts: int) -> None:
        whole = ts // PER[form]
        self.assertEqual(read(form, whole), whole * PER[form])
        digits = len(str(PER[form])) - 1
        text = f"{whole}.{ts % PER[form]:0{digits}}" if digits else f"{whole}"
        self.assertEqual(read(form, text), ts)

    @given(st.sampled_from(("s", "ms", "us")), st.integers(0, 2**32 - 1), st.integers(0, 999_999))
    def test_a_float_is_the_microsecond_that_was_meant(self, form: Count, seconds: int, micros: int) -> None:
        ts = seconds * 10**9 + micros * 1000
        meant = float(f"{seconds}.{micros:06}") if form == "s" else ts / PER[form]
        self.assertEqual(read(form, meant), ts)


class Iso(unittest.TestCase):
    def test_values(self) -> None:
        for text, zone, ts in (
            ("2026-11-28T11:00:00Z", None, 1795863600_000000000),
            ("2026-11-28 11:00:00z", None, 1795863600_000000000),
            ("2026-11-28T12:00:00+01:00", None, 1795863600_000000000),
            ("2026-11-28T11:00:00", "UTC", 1795863600_000000000),
            ("2026-11-28T12:00:00", "+01:00", 1795863600_000000000),
            ("2026-11-28T05:30:00", "-05:30", 1795863600_000000000),
            ("2026-11-28T11:00:00Z", "+01:00", 1795863600_000000000),
            ("2026-11-28T11:00:00.123456789Z", None, 1795863600_123456789),
            ("2026-11-28T11:00:00.5Z", None, 1795863600_500000000),
            ("2026-11-28T11:00:00,1234567899Z", None, 1795863600_123456789),
            ("1970-01-01T01:00:00+01:00", None, 0),
        ):
            with self.subTest(text, zone=zone):
                self.assertEqual(read("iso", text, zone), ts)

    def test_what_is_no_time_is_named(self) -> None:
        for value, why in (
            (1700000000, "expected a time such as 2026-11-28T11:00:00Z, got 1700000000"),
            (None, "expected a time such as"),
            ("2026-11-28", "expected a time such as"),
            ("20261128T110000Z", "expected a time such as"),
            ("2026-11-28T11:00Z", "expected a time such as"),
            ("\u0662026-11-28T11:00:00Z", "expected a time such as"),
            ("2026-02-30T11:00:00Z", "'2026-02-30T11:00:00Z' is no time: day"),
            ("2026-11-28T25:00:00Z", "'2026-11-28T25:00:00Z' is no time: hour"),
            ("2026-11-28T11:00:00+25:00", "'2026-11-28T11:00:00.25:00' is no time: zone"),
            ("1969-12-31T23:59:59Z", "expected a time from 1970 to 2116, got '1969-12-31T23:59:59Z'"),
            ("1970-01-01T00:00:00+01:00", "expected a time from 1970 to 2116"),
            ("2117-01-01T00:00:00Z", "expected a time from 1970 to 2116, got '2117-01-01T00:00:00Z'"),
            (
                "2026-11-28T11:00:00",
                "'2026-11-28T11:00:00' does not say its zone, and time.zone of the mapping neither",
            ),
        ):
            with self.subTest(value=value):
                self.assertRaisesRegex(ContractError, f"^at.ts: {why}", read, "iso", value)

    @given(
        st.datetimes(datetime(1970, 1, 3), datetime(2116, 1, 1)), st.integers(0, 999), st.integers(-23 * 60, 23 * 60)
    )
    @example(datetime(2000, 2, 29, 23, 59, 59), 999, -1)
    def test_any_time_in_any_zone(self, when: datetime, nanos: int, minutes: int) -> None:
        zoned = when.replace(tzinfo=timezone(timedelta(minutes=minutes)))
        expected = (zoned - EPOCH) // timedelta(microseconds=1) * 1000 + nanos
        text = f"{when:%Y-%m-%dT%H:%M:%S.%f}{nanos:03}"
        offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
        self.assertEqual(read("iso", text + offset), expected)
        self.assertEqual(read("iso", text, offset), expected)


class Zones(unittest.TestCase):
    def test_only_fixed_ones(self) -> None:
        self.assertEqual([zone_offset(zone) for zone in ("UTC", "+01:00", "-0530")], [0, 3600, -19800])
        for zone in ("", "Europe/Zurich", "CET", "01:00", "+1", "+24:00", "+01:60"):
            with self.subTest(zone), self.assertRaisesRegex(ConfigError, "expected UTC or a fixed offset"):
                zone_offset(zone)
