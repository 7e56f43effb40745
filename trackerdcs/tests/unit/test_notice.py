"""What is sent: one message of whatever waits, and not too many of them."""

import unittest
from collections.abc import Sequence
from dataclasses import replace
from typing import cast, get_args
from unittest.mock import patch

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app.notice_sender import NoticeSender
from trackerdcs.domain.messages import Severity
from trackerdcs.domain.notice import LINES, LONGEST, TEXT, Key, News, Notice, Pace, letter
from trackerdcs.ports_notify import Notifier

T = 1_800_000_000 * 10**9


def notice(alarm: str = "hot", news: News = "raised", step: int = 0, severity: Severity = "critical") -> Notice:
    return Notice("mail", alarm, T, news, step, severity, T + 10**9, "hv1.ch0", "31.5", "t is high", "open the gas")


class TestLetter(unittest.TestCase):
    def test_a_single_one_says_all(self) -> None:
        said = letter("bench", [notice()])
        self.assertEqual((said.title, said.severity), ("bench: CRITICAL: hot", "critical"))
        self.assertEqual(
            said.text,
            "why: t is high\nof: hv1.ch0\nvalue: 31.5\nraised: 2027-01-15 08:00:00 UTC\nwhat to do: open the gas",
        )
        self.assertEqual(letter("bench", [notice(step=1)]).title, "bench: CRITICAL: hot still not acknowledged")

    def test_its_end_wakes_nobody(self) -> None:
        said = letter("bench", [notice(news="over")])
        self.assertEqual((said.title, said.severity), ("bench: over: hot", "info"))
        self.assertIn("over: 2027-01-15 08:00:01 UTC", said.text)
        self.assertNotIn("what to do", said.text)
        self.assertEqual(letter("bench", [notice(), notice(news="over")]).severity, "info", "it is over already")

    def test_ten_thousand_are_one_message_with_the_gravest_by_name(self) -> None:
        many = [notice(f"w{n}", severity="warning") for n in range(9990)] + [notice(f"c{n}") for n in range(10)]
        said = letter("bench", many)
        self.assertEqual(said.title, "bench: 10000 notices: 10 CRITICAL, 9990 WARNING")
        lines = said.text.splitlines()
        self.assertEqual(len(lines), LINES + 1)
        self.assertTrue(all("CRITICAL: c" in line for line in lines[:10]))
        self.assertEqual(lines[-1], f"... and {10_000 - LINES} more: see the page of alarms")

    def test_one_that_flaps_hides_no_other(self) -> None:
        flaps = [replace(notice("flaps"), episode=T + n, at=T + n * 10**9) for n in range(50)]
        lines = letter("bench", [replace(notice("trip"), at=T), *flaps]).text.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn("08:00:49 UTC CRITICAL: flaps (50 times)", lines[0])
        self.assertIn("CRITICAL: trip;", lines[1])

    def test_what_is_too_long_for_some_services_is_shortened_from_its_end(self) -> None:
        long = [replace(notice(f"c{n}"), why="\u00e4" * 300, guidance="g" * 300) for n in range(9)]
        lines = letter("bench", long).text.splitlines()
        self.assertLessEqual(len("\n".join(lines).encode()), LONGEST + 100)
        self.assertEqual(lines[-1], f"... and {9 - (len(lines) - 1)} more: see the page of alarms")
        self.assertGreater(len(lines), 2)

    def test_a_time_that_cannot_be_is_shown_as_it_is(self) -> None:
        wild = Notice("mail", "a", T, "raised", 0, "info", 10**25, why="x" * 5000)
        said = letter("bench", [wild, wild])
        self.assertIn(f"{10**25} ns", said.text)
        self.assertLess(len(said.text), 2 * TEXT + 200)


class TestRoom(unittest.IsolatedAsyncioTestCase):
    async def test_an_alarm_that_flaps_pushes_out_no_other(self) -> None:
        """While an address takes nothing, for a night say."""
        reported: list[str] = []

        async def sent(keys: Sequence[Key]) -> None:
            raise AssertionError(keys)

        sender = NoticeSender(
            "s", "mail", cast(Notifier, None), Pace(), sent, lambda _, why: reported.append(why), SystemClock()
        )
        self.addCleanup(sender._worker.stop)
        flaps = [
            replace(notice("flaps", news, severity="warning"), episode=n)
            for n in range(1, 20)
            for news in get_args(News)
        ]
        kept = [notice("trip"), notice("hot", severity="warning"), notice("note", severity="info")]
        with patch("trackerdcs.app.notice_sender.WAITING", 4):
            dropped = sender.put([*kept, *flaps])
            self.assertEqual(len(dropped), len(flaps) - 1)
            self.assertLessEqual({n.key for n in kept}, set(sender._waiting))
            self.assertEqual(sender.put([notice("worse")]), [flaps[-1].key], "what is over goes first")
            self.assertEqual(sender.put([notice("worst")]), [kept[2].key], "then what is least grave")
        self.assertIn("37 notices are not sent", reported[0])


class TestPace(unittest.TestCase):
    def test_a_burst_then_one_each_minute_and_the_last_is_for_what_is_critical(self) -> None:
        pace = Pace(3, 60.0)
        for _ in range(2):
            self.assertEqual(pace.wait("warning", 0.0), 0.0)
            pace.sent(0.0)
        self.assertEqual((pace.wait("warning", 0.0), pace.wait("critical", 0.0)), (60.0, 0.0))
        pace.sent(0.0)
        self.assertEqual((pace.wait("critical", 0.0), pace.wait("critical", 45.0)), (60.0, 15.0))
        self.assertEqual(pace.wait("warning", 1e9), 0.0)
        pace.sent(1e9)
        self.assertEqual(pace.wait("warning", 1e9), 0.0, "no more than a burst is saved up")
        pace.sent(1e9)
        self.assertEqual(pace.wait("warning", 1e9), 60.0)
