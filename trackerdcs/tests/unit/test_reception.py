"""What the messages of each topic become: never an exception, never the message of another."""

import unittest
from collections import Counter
from collections.abc import Callable
from unittest import mock

from trackerdcs.adapters.frames_msgspec import frame_reader
from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.codec import encode
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.intake import FrameId, Intake, take_in
from trackerdcs.domain.messages import Event
from trackerdcs.domain.reception import LONGEST, ForeignReader, Reception
from trackerdcs.domain.series import Point
from trackerdcs.tests.loader_rig import TS, frame

T0 = 1_700_000_000_000_000_000
TAGS = (("stand", "hall"), ("device", "plc"), ("channel", "t1"))


class Reader:
    """Reads a number as a temperature."""

    def __init__(self, timed: bool = False, tags: tuple[tuple[str, str], ...] = TAGS) -> None:
        self.timed, self._tags = timed, tags

    def points(self, payload: bytes, arrived: int) -> list[Point]:
        if payload == b"nothing":
            return []
        if payload == b"bug":
            raise ZeroDivisionError("a bug")
        try:
            value = float(payload)
        except ValueError as e:
            raise ContractError(f"expected a number, got {payload!r}") from e
        return [Point("env", self._tags, 5 if self.timed else arrived, {"temp": value})]


def taken(reception: Reception, arrivals: list[Arrival]) -> list[Intake]:
    """What each becomes with all care; that they become the same together is checked by the way."""
    each = [reception.one(arrival, T0 + place) for place, arrival in enumerate(arrivals)]
    for _ in range(2):  # the second time the topics are known
        together = reception(arrivals, T0)
        assert together.points == [point for intake in each for point in intake.points]
        assert together.causes == {place: intake.why for place, intake in enumerate(each) if intake.why is not None}
        ours = {place: i for place, i in enumerate(each) if i.id is not None or i.lost is not None}
        assert together.ours == ours
        assert together.last == {at: i.points[-1] for at, i in enumerate(each) if i.id is None and i.points}
    return each


class TestOurs(unittest.TestCase):
    def test_frames_replays_and_events_become_what_the_strict_reader_says(self) -> None:
        lost = encode(Event("lost", 1, "b1", data={"boot": "b1", "from": 5, "to": 9}))
        for read in (None, frame_reader, lambda _stand, _device: lambda _payload: None):
            reception = Reception(read)
            for leaf, payload in [
                ("frame", frame(7)),
                ("replay", frame(8)),
                ("frame", b"\xff"),
                ("frame", b""),
                ("replay", frame(9).replace(b'"v":1', b'"v":2')),
                ("event", lost),
                ("event", b"{}"),
                ("status", b"{}"),
                ("meta", b""),
            ]:
                topic = f"dcs/v1/bench/hv1/{leaf}"
                for _ in range(2):
                    for retained in (False, True):
                        self.assertEqual(
                            taken(reception, [Arrival(topic, payload, retained)]),
                            [take_in(topic, payload)],
                            (leaf, payload),
                        )

    def test_each_device_has_its_own_reader(self) -> None:
        asked: list[tuple[str, str]] = []

        def frames(stand: str, device: str) -> Callable[[bytes], Intake | None]:
            asked.append((stand, device))
            return frame_reader(stand, device)

        reception = Reception(frames)
        topics = [f"dcs/v1/{stand}/{device}/frame" for stand in ("a", "b") for device in ("hv1", "hv2")]
        for _ in range(3):
            intakes = taken(reception, [Arrival(topic, frame(1)) for topic in topics])
            self.assertEqual(
                [i.id for i in intakes], [FrameId(s, d, "b1", 1) for s in ("a", "b") for d in ("hv1", "hv2")]
            )
        self.assertEqual(len(asked), 4)

    def test_topics_of_our_root_are_never_foreign(self) -> None:
        def foreign(topic: str) -> ForeignReader:
            raise AssertionError(topic)

        reception = Reception(frame_reader, foreign)
        for topic in ("dcs/v1/bench/Bad Name/frame", "dcs/v1/", "dcs/v1/bench/hv1/cmd/ann", "dcs/v1/bench/stored"):
            (intake,) = taken(reception, [Arrival(topic, frame(1))])
            self.assertEqual((intake.id, list(intake.points)), (None, []))
            self.assertTrue(intake.why)
            self.assertNotIn("mapping", intake.why or "")


class TestOthers(unittest.TestCase):
    def setUp(self) -> None:
        self.readers = {"plc/t1": Reader(), "plc/timed": Reader(timed=True), "bare": Reader(tags=())}
        self.reception = Reception(frame_reader, self.readers.get)

    def test_a_topic_that_nobody_knows_is_parked(self) -> None:
        for reception in (self.reception, Reception()):
            for topic in ("other", "", "dcs/v2/bench/hv1/frame", "dcs/v1", "x" * 60_000):
                (intake,) = taken(reception, [Arrival(topic, b"1")])
                self.assertIn("neither the contract nor a mapping knows it", intake.why or "")
                self.assertLess(len(intake.why or ""), 300)

    def test_a_foreign_message_becomes_points_of_its_source(self) -> None:
        (intake,) = taken(self.reception, [Arrival("plc/t1", b"21.5")])
        self.assertEqual(intake, Intake(None, points=[Point("env", TAGS, T0, {"temp": 21.5})]))
        together = self.reception([Arrival("plc/t1", b"21.5"), Arrival("bare", b"1"), Arrival("plc/t1", b"22")], T0)
        self.assertEqual(sorted(together.sources()), [(("", ""), 1, T0 + 1), (("hall", "plc"), 2, T0 + 2)])

    def test_a_source_is_that_of_the_message_also_when_a_topic_has_several(self) -> None:
        class Two(Reader):
            """One device for small numbers and one for large ones."""

            def points(self, payload: bytes, arrived: int) -> list[Point]:
                tags = (("stand", "hall"), ("device", "large" if float(payload) > 9 else "small"))
                return [Point("env", tags, arrived, {"temp": float(payload)})]

        self.readers["two"] = Two()
        together = self.reception([Arrival("two", payload) for payload in (b"1", b"10", b"2")], T0)
        found = Counter(device for (_, device), number, _ in together.sources() for _ in range(number))
        self.assertEqual(found, {"small": 2, "large": 1})

    def test_a_source_is_as_young_as_its_newest_value(self) -> None:
        late = [Arrival("dcs/v1/bench/hv1/frame", frame(9)), Arrival("dcs/v1/bench/hv1/replay", frame(2))]
        self.assertEqual(list(self.reception(late, T0).sources()), [(("bench", "hv1"), 2, TS + 9)])

    def test_an_event_makes_no_source_look_alive(self) -> None:
        trip = encode(Event("trip", 9, "b1"))
        found = self.reception([Arrival("dcs/v1/bench/hv1/event", trip), Arrival("plc/t1", b"1")], T0)
        self.assertEqual(list(found.sources()), [(("hall", "plc"), 1, T0 + 1)])
        self.assertEqual([p.measurement for p in found.points], ["events", "env"])

    def test_times_of_arrival_count_up_so_that_no_point_hides_another(self) -> None:
        arrivals = [
            Arrival("plc/t1", b"1"),
            Arrival("plc/t1", b"2"),
            Arrival("dcs/v1/bench/hv1/frame", frame(7)),
            Arrival("plc/t1", b"3", refused="why"),
            Arrival("plc/t1", b"4"),
        ]
        intakes = taken(self.reception, arrivals)
        self.assertEqual([i.points[0].ts if i.points else 0 for i in intakes], [T0, T0 + 1, TS + 7, 0, T0 + 4])

    def test_what_is_retained_counts_only_with_a_time_of_its_own(self) -> None:
        arrivals = [Arrival("plc/t1", b"1", True), Arrival("plc/timed", b"1", True), Arrival("plc/t1", b"junk", True)]
        old, timed, junk = taken(self.reception, arrivals)
        self.assertTrue(old.nothing and junk.nothing)
        self.assertEqual(timed.points[0].ts, 5)

    def test_another_payload_than_the_mapping_says_is_parked(self) -> None:
        (intake,) = taken(self.reception, [Arrival("plc/t1", b"warm")])
        self.assertEqual(intake.why, "plc/t1: expected a number, got b'warm'")

    def test_a_bug_of_a_reader_costs_its_message_and_not_the_loader(self) -> None:
        bug, fine = taken(self.reception, [Arrival("plc/t1", b"bug"), Arrival("plc/t1", b"1")])
        self.assertEqual(bug.why, "plc/t1: unexpected: ZeroDivisionError: a bug")
        self.assertEqual(len(fine.points), 1)

    def test_a_message_without_points_is_nothing(self) -> None:
        (intake,) = taken(self.reception, [Arrival("plc/t1", b"nothing")])
        self.assertTrue(intake.nothing)


class TestBounds(unittest.TestCase):
    def test_a_refused_arrival_is_parked_whatever_its_topic(self) -> None:
        for topic in ("dcs/v1/bench/hv1/frame", "", "\\xff", "plc"):
            (intake,) = taken(Reception(frame_reader), [Arrival(topic, frame(1), refused="too large")])
            self.assertEqual(intake, Intake(None, why="too large"))

    def test_many_topics_take_bounded_memory(self) -> None:
        reception, payload = Reception(frame_reader), frame(1)
        self.enterContext(mock.patch("trackerdcs.domain.reception.TOPICS", 2000))
        for start in range(0, 10_000, 1000):
            topics = [f"dcs/v1/bench/d{number}/frame" for number in range(start, start + 1000)]
            intakes = reception([Arrival(topic, payload) for topic in topics], T0).ours.values()
            self.assertEqual([i.id and i.id.device for i in intakes], [topic.split("/")[3] for topic in topics])
            self.assertLessEqual(len(reception._ours), 2000)
        for number in range(10):
            reception([Arrival(f"{number}" * (LONGEST + 1), b"")], T0)
        self.assertLessEqual(max(map(len, reception._ours)), LONGEST)
