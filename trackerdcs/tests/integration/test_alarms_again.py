"""Alarms that come again: which raise an ack is about, and how much is said of one that flaps."""

import unittest
from unittest.mock import patch

from trackerdcs.tests.integration.test_alarms import AlarmCase
from trackerdcs.tests.waiting import until


class TestAgain(AlarmCase):
    async def test_of_one_that_flaps_only_some_changes_are_events_and_the_last_one_is(self) -> None:
        bench = self.bench
        with patch("trackerdcs.app.alarms.FLAPS", (4, 3.0)):
            bench.start()
            await bench.state("damp-env1", "normal")
            for _ in range(8):
                self.humid(60.0)
                await bench.state("damp-env1", "raised")
                self.humid(40.0)
                await bench.state("damp-env1", "normal")
            self.humid(60.0)
            said = await bench.state("damp-env1", "raised")
            self.assertEqual(said.count, 9)
            await until(lambda: any("it flaps" in (e.why or "") for e in bench.events))
            reported = bench.reported("damp-env1")
            self.assertLess(len(reported), 10)
            await until(lambda: bench.reported("damp-env1")[-1] == "alarm_raised")

    async def test_who_says_what_he_has_seen_acknowledges_nothing_that_has_come_since(self) -> None:
        bench = self.bench
        bench.start()
        self.humid(60.0)
        seen = (await bench.state("damp-env1", "raised")).raised or 0
        self.humid(40.0)
        await bench.state("damp-env1", "normal")
        self.humid(60.0)
        again = (await bench.state("damp-env1", "raised")).raised or 0
        self.assertIn("raised again since then", await bench.tell("ack", alarm="damp-env1", raised=seen))
        self.assertEqual(await bench.tell("ack", alarm="damp-env1", raised=float(again)), "done")
        await bench.state("damp-env1", "acknowledged")


if __name__ == "__main__":
    unittest.main()
