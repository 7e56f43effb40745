"""The safety soak in short: each service is killed once under high voltage; `make soak` kills at random for longer."""

import os
import unittest

from trackerdcs.tests.soak_safety import soak
from trackerdcs.tests.waiting import full_speed


class TestSafetySoak(unittest.IsolatedAsyncioTestCase):
    async def test_high_voltage_is_never_unsafe_whatever_is_killed(self) -> None:
        full_speed()
        seed = int(os.environ.get("TRACKERDCS_SEED", "1"))
        with self.subTest(seed=seed):
            self.assertEqual(await soak(0, seed), [])


if __name__ == "__main__":
    unittest.main()
