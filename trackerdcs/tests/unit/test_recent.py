"""The loader's bounded memory of what it stored."""

import unittest

from trackerdcs.domain.recent import Recent


def frame(seq: int, boot: str = "b") -> tuple[str, str, str, int, int]:
    return "bench", "hv1", boot, seq, seq


class TestRecent(unittest.TestCase):
    def test_a_frame_is_new_once(self) -> None:
        recent = Recent()
        self.assertEqual([recent.add(*frame(n)) for n in (3, 1, 2, 3, 1, 4)], [1, 1, 1, 0, 0, 1])
        self.assertTrue(recent.add(*frame(3, "other")))

    def test_of_a_range_only_what_is_new_counts(self) -> None:
        recent = Recent()
        self.assertEqual(recent.add("bench", "hv1", "b", 3, 5), 3)
        self.assertEqual(recent.add("bench", "hv1", "b", 0, 9), 7)

    def test_the_boot_heard_least_lately_is_forgotten(self) -> None:
        recent = Recent(boots=2)
        for boot in ("a", "b"):
            recent.add(*frame(1, boot))
        recent.add(*frame(1, "a"))
        recent.add(*frame(1, "c"))
        self.assertFalse(recent.add(*frame(1, "a")))
        self.assertTrue(recent.add(*frame(1, "b")))

    def test_gaps_without_end_take_bounded_memory(self) -> None:
        recent = Recent(pieces=10)
        for n in range(0, 1000, 2):
            self.assertTrue(recent.add(*frame(n)))
        known = recent._known["bench", "hv1", "b"]
        self.assertLessEqual(len(list(known)), 10)
