"""For tests of mappings: one topic, its payloads, and what comes of them."""

import unittest
from typing import Any

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.mapping import FieldMapping, Mapping, TopicMapping, contradictions
from trackerdcs.domain.series import Point
from trackerdcs.domain.translator import TopicReader, Translator

TAGS = {"stand": "lab", "device": "{sensor}"}
READ = (("stand", "lab"), ("device", "box1"), ("channel", "-"))
ARRIVED = 1_700_000_000_000_000_000
PATTERN = "lab/{sensor}/{quantity}"
TOPIC = "lab/box1/t_air"
FLAT = TopicMapping("json", "env", TAGS, {"v": FieldMapping()})
NUMBER = TopicMapping("number", "env", TAGS, {"{quantity}": FieldMapping()})


class Translates(unittest.TestCase):
    def reader(self, topic: TopicMapping) -> TopicReader:
        mapping = Mapping({PATTERN: topic})
        self.assertEqual(contradictions(mapping), [])
        reader = Translator(mapping).reader(TOPIC)
        assert reader is not None
        return reader

    def points(self, topic: TopicMapping, payload: str | bytes) -> list[Point]:
        return self.reader(topic).points(payload.encode() if isinstance(payload, str) else payload, ARRIVED)

    def fields(self, topic: TopicMapping, payload: str) -> dict[str, Any]:
        (point,) = self.points(topic, payload)
        self.assertEqual((point.measurement, point.tags, point.ts), ("env", READ, ARRIVED))
        self.assertTrue(all(type(value) in (float, str) for value in point.fields.values()), point.fields)
        return point.fields

    def refused(self, topic: TopicMapping, payload: str | bytes, why: str) -> None:
        with self.assertRaises(ContractError) as caught:
            self.points(topic, payload)
        self.assertEqual(str(caught.exception)[: len(why)], why)
