"""A frame becomes points: a series a channel, and the identity of the frame."""

import unittest
from typing import Any

from trackerdcs.domain.messages import Event, Frame
from trackerdcs.domain.series import FieldValue, Point, point_of, points_of


def frame(**fields: Any) -> Frame:
    base: dict[str, Any] = {"ts": 5, "seq": 7, "boot": "b", "sw": "1", "kind": "hv", "ch": {}}
    return Frame(**(base | fields))


class PointsOf(unittest.TestCase):
    def test_a_channel_is_a_point_with_floats_and_its_state(self) -> None:
        values = {"v_set": -50, "v_mon": -49.9, "on": True, "compliance": False, "state": "on"}
        point, _ = points_of("demo", "hv1", frame(ch={"ch0": values}))
        self.assertEqual((point.measurement, point.ts), ("hv", 5))
        self.assertEqual(point.tags, (("stand", "demo"), ("device", "hv1"), ("channel", "ch0")))
        expected = {"v_set": -50.0, "v_mon": -49.9, "on": 1.0, "compliance": 0.0, "state": "on"}
        self.assertEqual(point.fields, expected)
        self.assertEqual({q: type(v) for q, v in point.fields.items()}, {q: type(v) for q, v in expected.items()})

    def test_the_module_is_a_tag_of_its_channel_only(self) -> None:
        points = points_of("demo", "hv1", frame(ch={"ch0": {"v_mon": 1.0}, "ch1": {"v_mon": 2.0}}, mod={"ch0": "M-1"}))
        self.assertIn(("module", "M-1"), points[0].tags)
        self.assertEqual([name for name, _ in points[1].tags], ["stand", "device", "channel"])

    def test_what_could_not_be_read_is_absent_and_listed(self) -> None:
        points = points_of("demo", "hv1", frame(ch={"ch0": {}}, bad={"ch0": {"i_mon": "timeout"}}))
        self.assertEqual([p.measurement for p in points], ["frames"])
        self.assertEqual(points[0].fields["bad"], '{"ch0":{"i_mon":"timeout"}}')

    def test_the_identity_is_always_there(self) -> None:
        identity = Point("frames", (("stand", "demo"), ("device", "hv1")), 5, {"seq": 7.0, "boot": "b", "sw": "1"})
        self.assertEqual(points_of("demo", "hv1", frame()), [identity])


class PointOf(unittest.TestCase):
    TAGS = (("stand", "demo"), ("device", "hv1"))

    def test_an_event_is_a_point_of_texts(self) -> None:
        event = Event("trip", 5, "b", ch="ch0", why="too much current", data={"i": 2e-5})
        fields: dict[str, FieldValue] = {"event": "trip", "boot": "b", "why": "too much current", "data": '{"i":2e-05}'}
        self.assertEqual(point_of("demo", "hv1", event), Point("events", (*self.TAGS, ("channel", "ch0")), 5, fields))

    def test_what_an_event_does_not_say_is_absent(self) -> None:
        fields: dict[str, FieldValue] = {"event": "reconnect", "boot": "b"}
        self.assertEqual(point_of("demo", "hv1", Event("reconnect", 5, "b")), Point("events", self.TAGS, 5, fields))
