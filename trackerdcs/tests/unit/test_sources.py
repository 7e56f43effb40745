"""What a loader stored of each device, under names that a channel may have."""

import unittest

from trackerdcs.app.sources import MOST, Sources
from trackerdcs.domain.topics import NAME

NOW = 1_700_000_000_000_000_000


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.utc, self.mono = NOW, 100.0

    def now(self) -> int:
        return self.utc

    def monotonic(self) -> float:
        return self.mono

    def move(self, seconds: float) -> None:
        self.utc += int(seconds * 1e9)
        self.mono += seconds


def stored(stand: str, device: str, ts: int = NOW) -> tuple[tuple[str, str], int, int]:
    return (stand, device), 1, ts


class TestSources(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sources = Sources(self.clock)

    def test_count_rate_and_age_of_each_source(self) -> None:
        self.sources.note([stored("bench", "hv1"), stored("bench", "hv1"), stored("bench", "env")])
        self.clock.move(2)
        found = self.sources.figures()
        self.assertEqual(found["bench-hv1"], {"stored": 2.0, "stored_rate": 1.0, "lag": 2.0})
        self.assertEqual(found["bench-env"], {"stored": 1.0, "stored_rate": 0.5, "lag": 2.0})
        self.assertEqual(found.keys(), self.sources.channels().keys())
        self.assertEqual(self.sources.figures()["bench-hv1"]["stored_rate"], 0.0, "no time has passed")
        self.clock.move(1)
        self.sources.note([stored("bench", "hv1", self.clock.now())])
        found = self.sources.figures()
        self.assertEqual(found["bench-hv1"], {"stored": 3.0, "stored_rate": 1.0, "lag": 0.0})
        self.assertEqual(found["bench-env"], {"stored": 1.0, "stored_rate": 0.0, "lag": 3.0})

    def test_a_replay_behind_a_frame_does_not_make_the_source_old(self) -> None:
        self.sources.note([stored("bench", "hv1", NOW), stored("bench", "hv1", NOW - 10**12)])
        self.sources.note([stored("bench", "hv1", NOW - 10**12)])
        self.assertEqual(self.sources.figures()["bench-hv1"]["lag"], 0.0)

    def test_a_clock_that_is_ahead_does_not_hide_that_nothing_comes(self) -> None:
        self.sources.note([stored("bench", "hv1", NOW + 10**15)])
        self.clock.move(60)
        self.assertEqual(self.sources.figures()["bench-hv1"]["lag"], 60.0)
        self.assertEqual(self.sources.doubts(), {"bench-hv1": {"lag": "its clock is 1000000 s ahead"}})
        self.sources.note([stored("bench", "hv1", self.clock.now())])
        self.assertEqual(self.sources.doubts(), {})

    def test_every_source_has_a_name_of_its_own_that_a_channel_may_have(self) -> None:
        odd = [
            ("a-b", "c"),
            ("a", "b-c"),
            ("", ""),
            ("", "x"),
            ("-", "-"),
            ("Hall 1", "PLC"),
            ("hall 1", "plc"),
            ("ü", "ß"),
            ("1", "2"),
            ("s" * 32, "d" * 32),
            ("s" * 32, "d" * 31),
            ("x" * 5000, "\n"),
            ("bench", "hv1"),
        ]
        for _ in range(2):
            self.sources.note([stored(*source) for source in odd])
        names = self.sources.figures()
        self.assertEqual(len(names), len(odd))
        for name, values in names.items():
            self.assertTrue(NAME.fullmatch(name), name)
            self.assertEqual(values["stored"], 2.0)
        self.assertIn("bench-hv1", names)

    def test_a_name_does_not_depend_on_what_came_before_it(self) -> None:
        self.sources.note([stored("Hall 1", "PLC")])
        (name,) = self.sources.figures()
        other = Sources(self.clock)
        other.note([stored("bench", "hv1"), stored("Hall 1", "PLC")])
        self.assertIn(name, other.figures())

    def test_more_sources_than_there_is_room_for_are_left_out(self) -> None:
        for start in range(0, 3 * MOST, 100):
            self.sources.note([stored("bench", f"d{number}") for number in range(start, start + 100)])
        self.sources.note([stored("bench", "d0"), stored("bench", f"d{3 * MOST - 1}")])
        self.assertEqual(len(self.sources), MOST)
        self.assertEqual(len(self.sources.figures()), MOST)
        self.assertEqual(self.sources.figures()["bench-d0"]["stored"], 2.0)
        self.assertLessEqual(len(self.sources._names), 2 * MOST)
