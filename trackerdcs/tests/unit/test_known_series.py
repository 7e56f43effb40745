"""What is known of a series is found by its tags, by others that are equal, and never for another series."""

import unittest

from trackerdcs.domain.known_series import KnownSeries

TAGS = (("stand", "demo"), ("channel", "ch0"))


def other(tags: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """An equal tuple of its own."""
    return tuple((key, text) for key, text in tags)


class TestKnownSeries(unittest.TestCase):
    def test_nothing_is_known_of_a_new_series(self) -> None:
        known: KnownSeries[int] = KnownSeries()
        known.learn("hv", TAGS, 1)
        for measurement, tags in (("lv", TAGS), ("hv", TAGS[:1]), ("hv", TAGS[::-1])):
            with self.assertRaises(KeyError):
                known.find(measurement, tags)

    def test_what_was_found_is_near_under_its_own_tags(self) -> None:
        known: KnownSeries[int] = KnownSeries()
        known.learn("hv", TAGS, 1)
        fresh = other(TAGS)
        self.assertIsNot(fresh, TAGS)
        self.assertEqual(known.find("hv", fresh), 1)
        self.assertEqual(known.near[id(fresh)], (fresh, "hv", 1))
        self.assertIs(known.near[id(fresh)][0], fresh)  # kept alive: its identity is nobody else's
        self.assertNotIn(id(TAGS), known.near)

    def test_two_measurements_may_share_their_tags(self) -> None:
        known: KnownSeries[int] = KnownSeries()
        known.learn("hv", TAGS, 1)
        known.learn("frames", TAGS, 2)
        for measurement, number in (("hv", 1), ("frames", 2), ("hv", 1)):
            self.assertEqual(known.find(measurement, TAGS), number)
            self.assertEqual(known.near[id(TAGS)][1:], (measurement, number))

    def test_it_forgets_rather_than_grow(self) -> None:
        known: KnownSeries[int] = KnownSeries(most=3)
        for i in range(4):
            known.learn("hv", (("channel", f"ch{i}"),), i)
        self.assertEqual(known.find("hv", (("channel", "ch3"),)), 3)
        with self.assertRaises(KeyError):
            known.find("hv", (("channel", "ch0"),))
        for _ in range(10):
            known.find("hv", other((("channel", "ch3"),)))
        self.assertLessEqual(len(known.near), 3)

    def test_what_is_known_again_makes_nothing_forgotten(self) -> None:
        known: KnownSeries[int] = KnownSeries(most=2)
        for measurement, number in (("hv", 1), ("lv", 2), ("hv", 1)):
            known.learn(measurement, TAGS, number)
        self.assertEqual((known.find("hv", TAGS), known.find("lv", TAGS)), (1, 2))
