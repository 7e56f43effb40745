"""The loader under random faults: in short in each run, for five minutes a stack and run by `make soak`."""

import asyncio
import contextlib
import tempfile
import time
import unittest
from pathlib import Path

from trackerdcs.tests.fault_schedule import FaultSchedule
from trackerdcs.tests.waiting import full_speed

SECONDS, RATE = 20.0, 1000.0
"""The other half of the suite has its tests at the same time, on the same cores: `make soak` has the full rate."""


class TestFaultSchedule(unittest.IsolatedAsyncioTestCase):
    async def test_nothing_is_lost_by_a_served_loader_under_random_faults(self) -> None:
        full_speed()
        seed = time.time_ns() % 10**6
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        leave = self.enterContext(contextlib.ExitStack())
        schedule = await asyncio.to_thread(FaultSchedule, "tuned", folder, seed, leave)
        outcome = await schedule.run(SECONDS, RATE)
        self.assertEqual(outcome.wrong, [], f"seed {seed}: {outcome}\n{schedule.log()[-4000:]}")
        self.assertGreater(outcome.sent, 0.9 * SECONDS * RATE)


if __name__ == "__main__":
    unittest.main()
