"""What a loader makes of messages, above all of those that no sane device sends."""

import json
import unittest
from typing import Any

from trackerdcs.domain.codec import decode_stored, encode, encode_stored
from trackerdcs.domain.intake import FrameId, take_in
from trackerdcs.domain.messages import Event, Frame, Stored

TOPIC = "dcs/v1/bench/hv1/frame"


def payload(**changed: Any) -> bytes:
    frame = {"v": 1, "ts": 1_700_000_000_000_000_000, "seq": 7, "boot": "b1", "sw": "1", "kind": "hv"}
    return json.dumps(frame | {"ch": {"ch0": {"v_mon": -1.5, "on": True}}} | changed).encode()


class TestTakeIn(unittest.TestCase):
    def test_a_frame_becomes_points_and_its_identity(self) -> None:
        for leaf in ("frame", "replay"):
            intake = take_in(f"dcs/v1/bench/hv1/{leaf}", payload())
            self.assertIsNone(intake.why)
            self.assertEqual(intake.id, FrameId("bench", "hv1", "b1", 7))
            self.assertEqual({p.measurement for p in intake.points}, {"hv", "frames"})

    def test_an_event_becomes_a_point_and_confirms_nothing(self) -> None:
        intake = take_in("dcs/v1/bench/hv1/event", encode(Event("trip", 5, "b1", ch="ch0")))
        self.assertEqual([(p.measurement, p.ts) for p in intake.points], [("events", 5)])
        self.assertEqual((intake.id, intake.why, intake.lost, intake.source), (None, None, None, None))

    def test_a_bad_frame_that_says_who_it_is_can_be_confirmed(self) -> None:
        nan = payload(ch={"ch0": {"v_mon": 12.5}}).replace(b"12.5", b"NaN")
        cases = [
            (payload(v=2), "v: 2 is newer"),
            (payload(ts="now"), "ts: expected an integer"),
            (nan, "NaN is not JSON"),
            (payload(ts=2**63), "ts: expected an integer"),
            (payload(kind="frames"), "kind 'frames'"),
            (payload(kind="events"), "kind 'events'"),
            (payload(kind="h v"), "kind 'h v'"),
            (payload(mod={"ch0": "m\n1"}), "mod.ch0"),
            (payload(sw="\ud800"), "surrogates"),
            (payload(ch={"ch0": {"state": "\udfff"}}), "surrogates"),
            (payload(extra_key=json.loads("[" * 600 + "]" * 600)), ""),
        ]
        for bad, why in cases:
            with self.subTest(bad[:80]):
                intake = take_in(TOPIC, bad)
                self.assertEqual(intake.id, FrameId("bench", "hv1", "b1", 7))
                self.assertIn(why, intake.why or "")
                self.assertTrue(intake.why)
                self.assertEqual(intake.points, ())

    def test_a_bad_frame_of_doubtful_identity_is_never_confirmed(self) -> None:
        cases = [
            b"",
            b"\xff\xfe",
            b"[1]",
            b'"text"',
            b"[" * 100_000,
            b'{"seq": ' + b"9" * 5000 + b"}",
            payload(seq=2**53 + 1),
            payload(seq=10**400),
            payload(seq=-1),
            payload(seq=True, v=2),
            payload(boot=""),
            payload(boot="b" * 65),
            payload(boot="\ud800"),
            payload(v=2).replace(b'"seq": 7', b'"seq": 7, "seq": 8'),
        ]
        for bad in cases:
            with self.subTest(bad[:80]):
                intake = take_in(TOPIC, bad)
                self.assertIsNone(intake.id)
                self.assertTrue(intake.why)

    def test_topics_without_frames_are_parked(self) -> None:
        for topic in ("dcs/v1/bench/Bad Name/frame", "dcs/v1/bench/run/frame", "dcs/v1/bench/hv1/ack", "other/topic"):
            with self.subTest(topic):
                intake = take_in(topic, payload())
                self.assertIsNone(intake.id)
                self.assertTrue(intake.why)

    def test_every_identity_can_be_told_to_a_journal(self) -> None:
        for boot in ("b1", "ß", "a b"):
            id = take_in(TOPIC, payload(boot=boot)).id
            assert id is not None
            stored: Stored = {id.device: {id.boot: [(id.seq, id.seq)]}}
            self.assertEqual(decode_stored(encode_stored(stored)), stored)

    def test_what_this_version_writes_is_taken(self) -> None:
        frame = Frame(1, 0, "b", "0.1", "loader", {"-": {"waiting": 0.0}}, bad={"-": {"lag": "nothing stored yet"}})
        self.assertIsNone(take_in("dcs/v1/site/loader/frame", encode(frame)).why)
