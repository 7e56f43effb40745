"""Topics find their readers; plain numbers and line protocol become points; what is wrong is named."""

from dataclasses import replace
from typing import Any

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.mapping import FieldMapping, Mapping, TimeMapping, TopicMapping
from trackerdcs.domain.series import Point
from trackerdcs.domain.storing import LAST
from trackerdcs.domain.translator import Translator
from trackerdcs.tests.mapping_case import ARRIVED, FLAT, NUMBER, TAGS, Translates


class Topics(Translates):
    LINE = TopicMapping("line")

    def test_filters_each_topic_once(self) -> None:
        topics = dict.fromkeys(("lab/{a}/t", "lab/+/t/#", "lab/{b}/t/{c}", "x/+", "x/{a}"), self.LINE)
        self.assertEqual(Translator(Mapping(topics)).filters, ("lab/+/t/#", "x/+"))

    def test_the_first_pattern_reads(self) -> None:
        def named(name: str) -> TopicMapping:
            return TopicMapping("number", name, {"stand": "lab", "device": "x"}, {"t": FieldMapping()})

        translator = Translator(Mapping({"lab/+/t": named("one"), "lab/#": named("two")}))
        for topic, expected in (("lab/a/t", "one"), ("lab/a/h", "two"), ("lab", "two"), ("lab/a/t/b", "two")):
            reader = translator.reader(topic)
            assert reader is not None
            self.assertEqual(reader.points(b"1", 0)[0].measurement, expected)
        self.assertIsNone(translator.reader("hall/a/t"))

    def test_topics_of_the_broker_and_ours_are_never_read(self) -> None:
        translator = Translator(Mapping({"{a}/{b}/{c}": self.LINE}))
        self.assertIsNotNone(translator.reader("lab/v1/x"))
        for topic in ("dcs/v1/x", "$SYS/v1/x"):
            self.assertIsNone(translator.reader(topic))

    def test_captures_everywhere(self) -> None:
        tags = {"stand": "lab", "device": "dev-{sensor}", "channel": "{quantity}", "rack": "{sensor}.{quantity}"}
        fields = {"{quantity}_raw": FieldMapping()}
        (point,) = self.points(TopicMapping("number", "of_{sensor}", tags, fields), "2")
        all_tags = (("stand", "lab"), ("device", "dev-box1"), ("channel", "t_air"), ("rack", "box1.t_air"))
        self.assertEqual(point, Point("of_box1", all_tags, ARRIVED, {"t_air_raw": 2.0}))

    def test_the_tags_are_made_once(self) -> None:
        line = replace(self.LINE, tags=TAGS)
        for topic, payload in ((NUMBER, b"1"), (FLAT, b'{"v": 1}'), (line, b"m,a=b c=1")):
            reader = self.reader(topic)
            self.assertIs(reader.points(payload, 1)[0].tags, reader.points(payload, 2)[0].tags)

    def test_levels_that_make_no_names_are_told_with_each_payload(self) -> None:
        two = {"{a}": FieldMapping(), "{b}": FieldMapping()}
        for topic, mapping, why in (
            ("lab//t_air", NUMBER, "topic 'lab//t_air': tag device: '' is empty"),
            ("lab/box1/time", NUMBER, "topic 'lab/box1/time': field 'time': not a name"),
            ("lab/frames/x", replace(NUMBER, measurement="{a}"), "topic 'lab/frames/x': measurement 'frames': "),
            ("lab/x/x", replace(FLAT, fields=two), "topic 'lab/x/x': two fields have one name in it: x"),
            ("lab//x", TopicMapping("line", tags={"rack": "{a}"}), "topic 'lab//x': tag rack: '' is empty"),
        ):
            texts = {"measurement", "tags", "fields"}
            renamed = replace(mapping, **{n: _renamed(getattr(mapping, n)) for n in texts})
            reader = Translator(Mapping({"lab/{a}/{b}": renamed})).reader(topic)
            assert reader is not None
            for _ in range(2):
                with self.subTest(topic), self.assertRaises(ContractError) as caught:
                    reader.points(b"1", 0)
                self.assertEqual(str(caught.exception)[: len(why)], why)


def _renamed(names: Any) -> Any:
    """With the captures a and b in the place of sensor and quantity."""
    if isinstance(names, str):
        return names.replace("{sensor}", "{a}").replace("{quantity}", "{b}")
    return {_renamed(k): _renamed(v) if isinstance(v, str) else v for k, v in names.items()} if names else names


class Numbers(Translates):
    def test_good_ones(self) -> None:
        self.assertFalse(self.reader(NUMBER).timed)
        for text, value in (
            ("21.5", 21.5),
            ("-3", -3.0),
            (" 1e-3\r\n", 0.001),
            ("+.5", 0.5),
            ("true", 1.0),
            ("false\n", 0.0),
        ):
            with self.subTest(text):
                self.assertEqual(self.fields(NUMBER, text), {"t_air": value})

    def test_a_unit(self) -> None:
        topic = replace(NUMBER, fields={"t_air": FieldMapping(unit="K")})
        self.assertEqual(self.fields(topic, "273.15"), {"t_air": 0.0})
        pico = replace(NUMBER, fields={"i_mon": FieldMapping(unit="pA")})
        self.refused(pico, "on", "expected a finite number, true or false, got 'on'")

    def test_anything_else_is_refused(self) -> None:
        for payload in (
            "",
            " ",
            "on",
            "True",
            "1,5",
            "1 2",
            "1_0",
            "nan",
            "inf",
            "1e999",
            "1e301",
            "{}",
            "0x10",
            "null",
        ):
            with self.subTest(payload):
                self.refused(NUMBER, payload, f"expected a finite number, true or false, got {payload!r}")
        self.refused(NUMBER, b"\xff1", "expected a finite number, true or false, got '\\\\xff1'")


class Lines(Translates):
    TOPIC = TopicMapping("line", tags={"stand": "lab", "device": "{sensor}"})

    def test_tags_of_the_mapping_come_before_those_of_the_payload(self) -> None:
        payload = "cpu,stand=x,cpu=cpu0,channel=ch1,a=b idle=97.5,n=3i 1700000000000000000\nmem free=1"
        expected = [
            Point(
                "cpu",
                (("channel", "ch1"), ("a", "b"), ("cpu", "cpu0"), ("stand", "lab"), ("device", "box1")),
                1_700_000_000_000_000_000,
                {"idle": 97.5, "n": 3.0},
            ),
            Point("mem", (("channel", "-"), ("stand", "lab"), ("device", "box1")), ARRIVED, {"free": 1.0}),
        ]
        found = self.points(self.TOPIC, payload)
        self.assertEqual(
            [(p.measurement, dict(p.tags), p.ts, p.fields) for p in found],
            [(p.measurement, dict(p.tags), p.ts, p.fields) for p in expected],
        )
        self.assertTrue(self.reader(self.TOPIC).timed)

    def test_the_order_of_tags_makes_no_other_series(self) -> None:
        one, other = self.points(self.TOPIC, "m,b=1,a=2 x=1\nm,a=2,b=1 x=1")
        self.assertEqual(one, other)

    def test_times_in_other_units(self) -> None:
        for form, ts in (("s", 5 * 10**9), ("ms", 5 * 10**6), ("us", 5000), ("ns", 5)):
            topic = replace(self.TOPIC, time=TimeMapping(form))  # type: ignore[arg-type]
            self.assertEqual(self.points(topic, "m x=1 5")[0].ts, ts)

    def test_what_is_wrong_is_named_with_its_line(self) -> None:
        for payload, why in (
            ("", "no line of line protocol in it"),
            ("# nothing", "no line of line protocol in it"),
            ("m x=1\nm,a x=1", "line 2: tag 'a': expected name=text"),
            ("frames seq=1", "line 1: measurement 'frames': is a measurement of our own messages"),
            ("_m x=1", "line 1: measurement '_m': not a name"),
            ("m,time=x x=1", "line 1: tag 'time': not a name"),
            ("m x=1 -1", "line 1: time -1: expected a time from 1970 to 2116"),
            (f"m x=1 1\nm x=1 {LAST}", f"line 2: time {LAST}: expected a time from 1970 to 2116"),
            ("m x=1 1\nm x=y", "line 2: field x: expected a number, a truth or a text in quotes, got 'y'"),
        ):
            with self.subTest(payload):
                self.refused(self.TOPIC, payload, why)
