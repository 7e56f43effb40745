"""Compiled readers against a slow and obvious one, and whatever bytes there are: points or a ContractError."""

import json
import unittest
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trackerdcs.adapters.json_msgspec import flat, loads
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.mapping import EachMapping, FieldMapping, Mapping, TimeMapping, TopicMapping, contradictions
from trackerdcs.domain.series import FieldValue, Point
from trackerdcs.domain.storing import complaint
from trackerdcs.domain.translator import Translator

TAGS = {"stand": "lab", "device": "box"}
READ = (("stand", "lab"), ("device", "box"), ("channel", "-"))
ARRIVED = 7
FACTORS = {None: 1.0, "V": 1.0, "kV": 1e3, "hPa": 1e2}
KEYS = st.sampled_from(("a", "b", "ts"))
NUMBERS = st.integers(0, 10**6) | st.floats(0, 1e6)
SCALARS = st.none() | st.booleans() | st.integers(-(10**6), 10**20) | st.floats(-1e9, 1e9) | st.sampled_from(("x", "1"))
TREES = st.recursive(SCALARS, lambda below: st.dictionaries(KEYS, below, max_size=3), max_leaves=6)
LEVEL = st.fixed_dictionaries({"a": NUMBERS, "b": NUMBERS | SCALARS, "ts": NUMBERS | st.sampled_from(("1", None))})
LIKELY = st.fixed_dictionaries({"a": NUMBERS, "b": NUMBERS | SCALARS, "d": LEVEL | st.none(), "ts": NUMBERS})
PATHS = st.sampled_from(("a", "b", "c", "d.a", "d.b", "d.c", "ts"))


def fields_at(paths: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, FieldMapping]]:
    """Some fields, numbers for the most part."""
    number = st.builds(FieldMapping, paths, st.sampled_from(tuple(FACTORS)), st.just(False), st.booleans())
    text = st.builds(FieldMapping, paths, st.none(), st.just(True), st.booleans())
    return st.dictionaries(st.sampled_from(("f", "g")), number | number | number | text, min_size=1)


TIMES = st.none() | st.builds(
    TimeMapping, st.sampled_from(("s", "ms", "us", "ns")), st.sampled_from(("ts", "d.ts", "b"))
)
ITEMS = st.fixed_dictionaries({"name": KEYS, "value": NUMBERS, "ts": st.integers(0, 3)}) | (
    st.fixed_dictionaries({"name": KEYS}, optional={"value": TREES, "ts": st.integers(-1, 3) | st.none()})
)


class Wrong(Exception):
    """What the slow reader says of a payload that it does not take."""


def look(data: Any, path: str) -> Any:
    """The value, None for null, Ellipsis if it is missing."""
    for key in path.split("."):
        if data is None:
            return None
        if not isinstance(data, dict):
            raise Wrong
        if key not in data:
            return ...
        data = data[key]
    return data


def value_of(value: Any, f: FieldMapping) -> FieldValue | None:
    if value is None or (value is ... and f.optional):
        return None
    if f.text and isinstance(value, str):
        return value
    if not f.text and isinstance(value, int | float):
        return float(value) * FACTORS[f.unit]
    raise Wrong


def time_of(time: TimeMapping, *places: Any) -> int:
    per = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[time.format]
    for place in places:
        if isinstance(place, dict):
            value = look(place, time.path or "")
            if value is None or value is ...:
                continue
            if isinstance(value, bool | dict):
                raise Wrong
            if isinstance(value, str) and not value.isdigit():
                raise Wrong
            ts = round(value * per / 1000) * 1000 if isinstance(value, float) else int(value) * per
            if value_below_zero(value) or ts >= 2**62:
                raise Wrong
            return ts
    raise Wrong


def value_below_zero(value: Any) -> bool:
    return not isinstance(value, str) and value < 0


def slow(topic: TopicMapping, data: Any) -> list[Point]:
    """What the mapping says, written down once more as it is read."""
    time, by_time = topic.time, dict[int, dict[str, FieldValue]]()
    if topic.each is None:
        values = {name: value_of(look(data, f.path or name), f) for name, f in topic.fields.items()}
        known = {name: value for name, value in values.items() if value is not None}
        if not known:
            raise Wrong
        by_time[ARRIVED if time is None else time_of(time, data)] = known
    else:
        for item in data:
            field = next(((name, f) for name, f in topic.fields.items() if (f.path or name) == item["name"]), None)
            if field is None:
                if topic.each.others == "refuse":
                    raise Wrong
                continue
            value = value_of(look(item, "value"), field[1])
            if value is not None:
                values_then = by_time.setdefault(ARRIVED if time is None else time_of(time, item, data), {})
                if field[0] in values_then:
                    raise Wrong
                values_then[field[0]] = value
        if not by_time and all(item["name"] in {f.path or n for n, f in topic.fields.items()} for item in data):
            raise Wrong
    return [Point("env", READ, ts, values) for ts, values in by_time.items()]


FLAT = ("value", "seq", "t")
FLAT_DATA = st.dictionaries(
    st.sampled_from((*FLAT, "ts", "a", "ü")),
    st.one_of(
        st.floats(-1e300, 1e300),
        st.integers(),
        st.integers(10**14, 10**20),
        st.booleans(),
        st.none(),
        st.text(max_size=3),
    ),
)


class AgainstASlowOne(unittest.TestCase):
    def agree(self, topic: TopicMapping, data: Any) -> None:
        mapping, payload = Mapping({"lab/x": topic}), json.dumps(data).encode()
        for translator in (Translator(mapping), Translator(mapping, loads, flat)):
            reader = translator.reader("lab/x")
            assert reader is not None
            try:
                expected = slow(topic, data)
            except Wrong:
                self.assertRaises(ContractError, reader.points, payload, ARRIVED)
                continue
            found = reader.points(payload, ARRIVED)
            self.assertEqual(found, expected)
            for point in found:
                self.assertIsNone(complaint(point))
                self.assertTrue(all(type(value) in (float, str) for value in point.fields.values()))

    @settings(max_examples=500)
    @given(st.lists(st.sampled_from(FLAT), min_size=1, max_size=3, unique=True), TIMES, FLAT_DATA)
    def test_flat_objects(self, names: list[str], time: TimeMapping | None, data: Any) -> None:
        self.agree(TopicMapping("json", "env", TAGS, {name: FieldMapping() for name in names}, time), data)

    @settings(max_examples=500)
    @given(fields_at(PATHS), TIMES, LIKELY | LIKELY | LIKELY | TREES)
    def test_objects(self, fields: dict[str, FieldMapping], time: TimeMapping | None, data: Any) -> None:
        self.agree(TopicMapping("json", "env", TAGS, fields, time), data)

    @settings(max_examples=500)
    @given(
        fields_at(KEYS), st.booleans(), st.sampled_from(("ignore", "refuse")), st.lists(ITEMS, min_size=1, max_size=4)
    )
    def test_lists(self, fields: dict[str, FieldMapping], timed: bool, others: Any, items: list[Any]) -> None:
        topic = TopicMapping(
            "json", "env", TAGS, fields, TimeMapping("ns", "ts") if timed else None, EachMapping(others=others)
        )
        if not contradictions(Mapping({"lab/x": topic})):
            self.agree(topic, items)


F = {"f": FieldMapping("a.b"), "g": FieldMapping("a", "kV", optional=True)}
ISO = TimeMapping("iso", "ts", "UTC")
SHAPES = Translator(
    Mapping(
        {
            "number": TopicMapping("number", "env", TAGS, {"f": FieldMapping(unit="pA")}),
            "json": TopicMapping("json", "env", TAGS, F, ISO),
            "list": TopicMapping("json", "env", TAGS, F, ISO, EachMapping()),
            "line": TopicMapping("line", time=TimeMapping("s")),
        }
    )
)
PAYLOADS = (
    st.binary()
    | st.text(alphabet='0123456789.e-+_ naitrufl"[]{}:,=\n\\').map(str.encode)
    | TREES.map(lambda tree: json.dumps(tree).encode())
)


class AnyBytes(unittest.TestCase):
    @given(st.sampled_from(SHAPES.filters), PAYLOADS)
    def test_points_or_a_contract_error(self, topic: str, payload: bytes) -> None:
        reader = SHAPES.reader(topic)
        assert reader is not None
        try:
            found = reader.points(payload, ARRIVED)
        except ContractError as e:
            self.assertTrue(str(e))
        else:
            self.assertGreater(len(found), 0)

    @given(
        st.dictionaries(
            st.sampled_from((*FLAT, "a", "ü")), st.one_of(st.floats(), st.integers(), st.text(max_size=3)), min_size=2
        ).map(lambda data: json.dumps(data, ensure_ascii=False).replace("Infinity", "1e999").encode())
        | PAYLOADS
    )
    def test_the_fast_way_and_the_careful_one_say_the_same(self, payload: bytes) -> None:
        mapping = Mapping({"x": TopicMapping("json", "env", TAGS, {"value": FieldMapping()}, TimeMapping("s", "t"))})
        said = []
        for translator in (Translator(mapping, loads), Translator(mapping, loads, flat)):
            reader = translator.reader("x")
            assert reader is not None
            try:
                said.append(repr(reader.points(payload, ARRIVED)))
            except ContractError as e:
                said.append(str(e))
        self.assertEqual(said[0], said[1])
