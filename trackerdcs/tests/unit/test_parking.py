"""What is said of messages that cannot be stored: once a minute of each topic, and not of any number of topics."""

import unittest
from typing import Any
from unittest import mock

from trackerdcs.app.parking import TELL_EVERY_S, TOLD, Parking
from trackerdcs.domain.batch import Arrival
from trackerdcs.tests.loader_rig import Letters

Bad = list[tuple[Arrival, int, str]]


def bad(*topics: str) -> Bad:
    return [(Arrival(topic, b""), 1, "no JSON") for topic in topics]


class TestParking(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.clock, self.announcer = mock.Mock(), mock.Mock()
        self.clock.monotonic.return_value = 5.0
        self.letters = Letters()
        self.parking = Parking(self.letters, self.announcer, self.clock, (0.01, 0.01))

    async def told(self, messages: Bad) -> list[Any]:
        self.announcer.report.reset_mock()
        with self.assertLogs("trackerdcs.app.parking", "WARNING") as logs:
            logs.records.clear()
            self.parking._edge._log.warning("-")
            self.assertFalse(await self.parking.park(messages))
        told = [call.args[2]["topic"] for call in self.announcer.report.call_args_list]
        self.assertEqual(len(logs.output) - 1, len(told))
        return told

    async def test_once_a_minute_of_each_topic(self) -> None:
        self.assertEqual(await self.told(bad("a", "b", "a")), ["a", "b"])
        self.clock.monotonic.return_value += TELL_EVERY_S - 1
        self.assertEqual(await self.told(bad("a", "c")), ["c"])
        self.clock.monotonic.return_value += 1
        self.assertEqual(await self.told(bad("c", "a", "a")), ["a"])

    async def test_a_message_of_which_only_the_beginning_is_kept_says_so(self) -> None:
        await self.told([(Arrival("a", b"x", refused="too large"), 1, "too large"), *bad("b")])
        self.assertEqual([why for _, _, why in self.letters.parked], ["not taken in: too large", "no JSON"])

    async def test_many_topics_are_no_flood(self) -> None:
        many = [f"t/{i}" for i in range(5 * TOLD)]
        self.assertEqual(await self.told(bad(*many)), many[:TOLD])
        self.assertEqual(await self.told(bad(*many)), [])
        self.assertEqual(len(self.letters), 10 * TOLD)
        self.clock.monotonic.return_value += TELL_EVERY_S
        self.assertEqual(await self.told(bad(*reversed(many))), many[: -TOLD - 1 : -1])


if __name__ == "__main__":
    unittest.main()
