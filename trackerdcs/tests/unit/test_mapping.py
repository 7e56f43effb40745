"""What a mapping may not say, with the field that says it."""

import unittest
from dataclasses import replace
from typing import Any

from trackerdcs.domain.mapping import (
    EachMapping,
    FieldMapping,
    Mapping,
    TimeMapping,
    TopicMapping,
    contradictions,
)

TAGS = {"stand": "lab", "device": "{sensor}"}
PATTERN = "lab/{sensor}"
NUMBER = TopicMapping("number", "env", TAGS, {"t_air": FieldMapping()})
JSON = TopicMapping("json", "env", TAGS, {"t_air": FieldMapping()})
LINE = TopicMapping("line")
NO_PATH = "expected keys separated by dots, as AM2301.Temperature; a dot inside a key is written \\."


class Contradictions(unittest.TestCase):
    def told(self, topic: TopicMapping, *faults: tuple[str, str], pattern: str = PATTERN) -> None:
        where = f"topics.{pattern}"
        expected = [(f"{where}.{field}" if field else where, why) for field, why in faults]
        self.assertEqual(contradictions(Mapping({pattern: topic})), expected)

    def begins(self, topic: TopicMapping, field: str, why: str) -> None:
        ((found, text),) = contradictions(Mapping({PATTERN: topic}))
        self.assertEqual((found, text[: len(why)]), (f"topics.{PATTERN}.{field}", why))


class Whole(Contradictions):
    def test_good_ones(self) -> None:
        for topic in (NUMBER, JSON, LINE, replace(LINE, tags={"device": "{sensor}"}, time=TimeMapping("s"))):
            self.told(topic)

    def test_schema_and_no_topic(self) -> None:
        self.assertEqual(
            contradictions(Mapping({}, 2)),
            [("schema", "expected 1, got 2"), ("topics", "a mapping has at least one topic pattern")],
        )

    def test_a_topic_that_an_earlier_pattern_takes(self) -> None:
        for first, second, taken in (
            ("lab/#", "lab/a/t", True),
            ("lab/#", "lab", True),
            ("lab/#", "lab/+/#", True),
            ("lab/+", "lab/{x}", True),
            ("lab/{x}/t", "lab/a/t", True),
            ("lab/+", "lab/#", False),
            ("lab/a/t", "lab/+/t", False),
            ("lab/+/t", "lab/a/+", False),
            ("lab/{a}/#", "lab/#", False),  # lab/# takes lab, too
            ("lab/#", "lab/+/#", True),
        ):
            with self.subTest(first=first, second=second):
                why = [(f"topics.{second}", f"never read: {first} above takes all its topics")]
                found = contradictions(Mapping({first: LINE, second: LINE}))
                self.assertEqual(found, why if taken else [])


class Patterns(Contradictions):
    def test_what_is_no_pattern(self) -> None:
        for pattern, why in (
            ("", "expected a printable topic of 1 to 65535 bytes"),
            ("lab/\0", "expected a printable topic of 1 to 65535 bytes"),
            ("l" * 65_536, "expected a printable topic of 1 to 65535 bytes"),
            ("lab/#/t", "level #: only the last one may be #"),
            ("lab/t#", "level t#: expected a plain text, +, # or {name}, each a whole level"),
            ("lab/t+", "level t+: expected a plain text, +, # or {name}, each a whole level"),
            ("lab/x{a}", "level x{a}: expected a plain text, +, # or {name}, each a whole level"),
            ("lab/{a", "level {a: expected a plain text, +, # or {name}, each a whole level"),
            ("lab/{A}", "level {A}: a capture is named by a small letter, then at most 31 of a-z 0-9 _"),
            ("lab/{}", "level {}: a capture is named by a small letter, then at most 31 of a-z 0-9 _"),
            ("lab/{a}/{a}", "level {a}: captured twice"),
            ("$SYS/broker", "topics that begin with $ or dcs/ are the broker's and ours"),
            ("$share/g/lab", "topics that begin with $ or dcs/ are the broker's and ours"),
            ("dcs", "topics that begin with $ or dcs/ are the broker's and ours"),
            ("dcs/v1/demo/hv1/frame", "topics that begin with $ or dcs/ are the broker's and ours"),
            ("#", "takes our own dcs/v1/{stand}/{device}/ack too: write out its first level"),
            ("+/#", "takes our own dcs/v1/{stand}/{device}/ack too: write out its first level"),
            ("{a}/v1/{b}/stored", "takes our own dcs/v1/{stand}/stored too: write out its first level"),
            ("+/+/+/+/+/+", "takes our own dcs/v1/{stand}/{device}/cmd/{user} too: write out its first level"),
        ):
            with self.subTest(pattern[:20]):
                self.told(LINE, ("", why), pattern=pattern)

    def test_what_is_one(self) -> None:
        for pattern in ("lab", "/lab/t", "lab//t", "lab/+/t", "lab/#", "{room}/{sensor}/t", "dcs2/t", "l\u00e4b/a b.c"):
            with self.subTest(pattern):
                self.told(LINE, pattern=pattern)

    def test_captures_that_are_not_there(self) -> None:
        bad = replace(NUMBER, measurement="{kind}", tags=TAGS | {"rack": "r{n}"}, fields={"{q}": FieldMapping()})
        why = "no level of the topic is called {%s}, expected one of: sensor"
        self.told(bad, ("tags.rack", why % "n"), ("fields.{q}", why % "q"), ("measurement", why % "kind"))
        none = replace(NUMBER, tags={"stand": "lab", "device": "{x}"})
        why = "no level of the topic is called {x}, expected one of: none"
        self.told(none, ("tags.device", why), pattern="lab/+")


class Kinds(Contradictions):
    def test_what_line_protocol_brings_itself(self) -> None:
        bad = TopicMapping("line", "env", {}, {"t": FieldMapping()}, TimeMapping("iso", "ts"), EachMapping())
        own = "line protocol brings its own"
        self.told(
            bad,
            ("measurement", own),
            ("fields", own),
            ("each", own),
            ("time.path", "line protocol has its own place for the time"),
            ("time.format", "expected s, ms, us or ns: in line protocol a time is an integer"),
        )

    def test_what_the_others_need(self) -> None:
        found = "missing: by stand and device the values are found again"
        self.told(
            TopicMapping("json"),
            ("measurement", "missing"),
            ("tags.stand", found),
            ("tags.device", found),
            ("fields", "expected at least one field"),
        )

    def test_a_plain_number(self) -> None:
        two = {"t_air": FieldMapping(), "rh": FieldMapping()}
        self.told(replace(NUMBER, fields=two), ("fields", "a plain number is one field, got 2"))
        self.told(replace(NUMBER, fields={}), ("fields", "a plain number is one field, got 0"))
        bad = replace(NUMBER, fields={"t": FieldMapping("a", None, True, True)})
        none = "a plain number has none"
        self.told(bad, *((f"fields.t.{key}", none) for key in ("path", "text", "optional")))
        self.told(replace(NUMBER, time=TimeMapping("s", "ts"), each=EachMapping()), ("time", none), ("each", none))


class Names(Contradictions):
    def test_ours_and_those_that_no_store_takes(self) -> None:
        for name in ("events", "frames"):
            found = ("measurement", f"{name} is a measurement of our own messages")
            self.told(replace(JSON, measurement=name), found)
        self.told(replace(JSON, measurement="_x"), ("measurement", "measurement '_x': not a name"))
        self.told(replace(JSON, tags=TAGS | {"time": "x"}), ("tags.time", "tag 'time': not a name"))
        bad = "tag rack: '' is empty or holds a control character or a backslash"
        self.told(replace(JSON, tags=TAGS | {"rack": ""}), ("tags.rack", bad))
        self.told(replace(JSON, fields={"#x": FieldMapping()}), ("fields.#x", "field '#x': not a name"))


class Fields(Contradictions):
    def field(self, name: str, *args: Any) -> TopicMapping:
        return replace(JSON, fields={name: FieldMapping(*args)})

    def test_units(self) -> None:
        self.told(self.field("t_air", None, "degF"))
        self.told(self.field("i_mon", None, "nA"))
        self.told(self.field("anything", None, "hPa"))
        why = "t_air is in degC everywhere, which V cannot become"
        self.told(self.field("t_air", None, "V"), ("fields.t_air.unit", why))
        self.told(self.field("mode", None, "V", True), ("fields.mode.unit", "a text has none"))
        self.begins(self.field("t_air", None, "Celsius"), "fields.t_air.unit", "unit 'Celsius' is unknown, expected")

    def test_our_own_quantities_keep_their_type(self) -> None:
        self.told(self.field("state", None, None, True))
        self.told(self.field("state"), ("fields.state.text", "state is a text everywhere"))
        self.told(self.field("rh", None, None, True), ("fields.rh.text", "rh is a number everywhere"))

    def test_paths(self) -> None:
        for path in ("a", "a.b", "a\\.b.c", "POWER.0"):
            self.told(self.field("t_air", path))
        for path in ("", ".", "a.", "a..b"):
            with self.subTest(path):
                self.told(self.field("t_air", path), ("fields.t_air.path", NO_PATH))
                each = EachMapping(path, path, path)
                faults = [(f"each.{key}", NO_PATH) for key in ("path", "name", "value")]
                self.told(replace(JSON, each=each), *faults)

    def test_two_fields_of_the_same_items(self) -> None:
        fields = {"a": FieldMapping("x"), "b": FieldMapping("x"), "x": FieldMapping()}
        self.told(
            replace(JSON, fields=fields, each=EachMapping()),
            ("fields.b.path", "the items x are the field a already"),
            ("fields.x.path", "the items x are the field a already"),
        )
        self.told(replace(JSON, fields=fields))


class Times(Contradictions):
    def test_what_a_time_needs(self) -> None:
        self.told(replace(JSON, time=TimeMapping("iso", "a.b", "+01:00")))
        self.told(replace(JSON, time=TimeMapping("s")), ("time.path", "missing"))
        self.told(replace(JSON, time=TimeMapping("s", "a..b")), ("time.path", NO_PATH))
        why = "only known to iso: ms are counted in UTC"
        self.told(replace(JSON, time=TimeMapping("ms", "ts", "UTC")), ("time.zone", why))
        why = "zone 'Europe/Zurich': expected UTC or a fixed offset such as +01:00"
        self.told(replace(JSON, time=TimeMapping("iso", "ts", "Europe/Zurich")), ("time.zone", why))
