"""How often somebody may try, and for how long not."""

import unittest

from trackerdcs.domain.attempts import Attempts


class TestAttempts(unittest.TestCase):
    def setUp(self) -> None:
        self.attempts = Attempts(3, 60.0, keys=5)

    def fill(self, key: str, *times: float) -> None:
        for now in times:
            self.attempts.count(key, now)

    def test_the_oldest_has_to_leave_the_window_first(self) -> None:
        self.fill("deputy", 0.0, 10.0)
        self.assertEqual(self.attempts.wait("deputy", 20.0), 0.0)
        self.fill("deputy", 20.0)
        self.assertEqual(self.attempts.wait("deputy", 25.0), 35.0)
        self.assertEqual(self.attempts.wait("shifter1", 25.0), 0.0)
        self.assertEqual(self.attempts.wait("deputy", 60.0), 0.0)
        self.fill("deputy", 60.0)
        self.assertEqual(self.attempts.wait("deputy", 61.0), 9.0)

    def test_what_was_right_is_forgiven(self) -> None:
        self.fill("deputy", 0.0, 1.0, 2.0)
        self.attempts.forgive("deputy", last=True)
        self.assertEqual(self.attempts.wait("deputy", 3.0), 0.0)
        self.fill("deputy", 3.0)
        self.assertGreater(self.attempts.wait("deputy", 4.0), 0.0)
        self.attempts.forgive("deputy")
        self.assertEqual(self.attempts.wait("deputy", 4.0), 0.0)
        self.attempts.forgive("nobody")
        self.attempts.forgive("nobody", last=True)

    def test_made_up_names_do_not_fill_the_memory(self) -> None:
        for i in range(100):
            self.fill(f"name{i}", float(i))
        self.assertLessEqual(len(self.attempts._seen), 5)
        for i in range(100):
            self.attempts.wait(f"other{i}", 0.0)
        self.assertLessEqual(len(self.attempts._seen), 5)
