"""Freshness on the receiver's clock."""

import unittest

from trackerdcs.domain.freshness import Freshness

SECOND = 10**9


class TestFreshness(unittest.TestCase):
    def setUp(self):
        self.f = Freshness(period=1.0)

    def hear(self, seq: int, at: float, lag: float = 0.0, boot: str = "a", offset: int = 0) -> None:
        now = int(at * SECOND) + 10**18
        self.f.hear(boot, seq, now - int(lag * SECOND) + offset * SECOND, at)

    def test_never_heard_is_not_fresh(self):
        self.assertFalse(self.f.fresh(0.0))

    def test_fresh_for_three_periods(self):
        self.hear(0, 10.0)
        self.assertTrue(self.f.fresh(13.0))
        self.assertFalse(self.f.fresh(13.1))

    def test_the_same_or_an_older_frame_again_is_no_life_sign(self):
        self.hear(5, 10.0)
        self.hear(5, 12.0)
        self.hear(4, 12.0)
        self.assertFalse(self.f.fresh(13.5))

    def test_a_new_boot_counts_from_zero(self):
        self.hear(5, 10.0)
        self.hear(0, 12.0, boot="b")
        self.assertTrue(self.f.fresh(14.0))

    def test_a_wrong_but_steady_source_clock_does_not_matter(self):
        for i in range(5):
            self.hear(i, 10.0 + i, offset=-3600)
        self.assertTrue(self.f.fresh(15.0))

    def test_frames_that_come_later_and_later_are_not_fresh(self):
        self.hear(0, 10.0)
        self.hear(1, 14.0, lag=3.0)
        self.assertTrue(self.f.fresh(14.0))
        self.hear(2, 15.0, lag=3.1)
        self.assertFalse(self.f.fresh(15.0))

    def test_a_source_clock_that_is_set_makes_nothing_old_and_hides_no_delay(self):
        self.hear(0, 10.0)
        self.hear(1, 14.0, lag=3.5)
        self.assertFalse(self.f.fresh(14.0))
        self.hear(2, 15.0, lag=3.5, offset=-3600)
        self.assertFalse(self.f.fresh(15.0), "as late as before")
        self.hear(3, 15.5, offset=-3600)
        self.assertTrue(self.f.fresh(15.5))
        self.hear(4, 16.5)
        self.f.hear("a", 5, None, 17.5)  # it makes up for having been set back
        self.hear(6, 18.5, offset=-3600)
        self.assertTrue(self.f.fresh(18.5))


if __name__ == "__main__":
    unittest.main()
