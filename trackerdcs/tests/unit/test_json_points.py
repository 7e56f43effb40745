"""Foreign JSON becomes points: values at paths, times, lists; what is wrong is named by its path."""

from dataclasses import replace
from typing import Any

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.mapping import EachMapping, FieldMapping, Mapping, TimeMapping, TopicMapping
from trackerdcs.domain.series import Point
from trackerdcs.domain.storing import LAST
from trackerdcs.domain.translator import Translator
from trackerdcs.tests.mapping_case import FLAT, READ, TAGS, Translates


class Flat(Translates):
    def test_values(self) -> None:
        for text, value in (
            ("1.5", 1.5),
            ("12", 12.0),
            ("true", 1.0),
            ("false", 0.0),
            ("-0.0", 0.0),
            (str(2**70), 2.0**70),
        ):
            with self.subTest(text):
                self.assertEqual(self.fields(FLAT, f'{{"v": {text}, "w": "x"}}'), {"v": value})

    def test_paths(self) -> None:
        fields = {
            "a": FieldMapping("deep.er.v"),
            "b": FieldMapping("POWER.1"),
            "c": FieldMapping("plc\\.temp.v"),
            "d.e": FieldMapping(),
            "f": FieldMapping("0.v"),
        }
        payload = '{"deep": {"er": {"v": 1}}, "POWER": [2, 3], "plc.temp": {"v": 4}, "d.e": 5, "0": {"v": 6}}'
        expected = {"a": 1.0, "b": 3.0, "c": 4.0, "d.e": 5.0, "f": 6.0}
        self.assertEqual(self.fields(replace(FLAT, fields=fields), payload), expected)

    def test_units(self) -> None:
        fields = {"u": FieldMapping("a", "mV"), "t": FieldMapping("b", "degF"), "on": FieldMapping("c", "1")}
        topic = replace(FLAT, fields=fields)
        expected = {"u": 0.021, "t": 100.0, "on": 1.0}
        self.assertEqual(self.fields(topic, '{"a": 21, "b": 212.0, "c": true}'), expected)
        kilo = replace(FLAT, fields={"v": FieldMapping(unit="kV")})
        self.refused(kilo, '{"v": 1e299}', "v: expected a finite number up to 1e+300, got 1e+299")

    def test_texts_only_where_the_mapping_says_so(self) -> None:
        topic = replace(FLAT, fields={"mode": FieldMapping(text=True)})
        self.assertEqual(self.fields(topic, '{"mode": "auto"}'), {"mode": "auto"})
        self.refused(topic, '{"mode": 1.5}', "mode: expected a text, got 1.5")
        self.refused(topic, '{"mode": true}', "mode: expected a text, got True")
        self.refused(FLAT, '{"v": "1.5"}', "v: expected a number, got '1.5'")

    def test_null_is_absent_and_a_missing_value_an_error(self) -> None:
        topic = replace(FLAT, fields={"v": FieldMapping("a.v"), "w": FieldMapping("a.w", optional=True)})
        self.assertEqual(self.fields(topic, '{"a": {"v": 1, "w": 2}}'), {"v": 1.0, "w": 2.0})
        self.assertEqual(self.fields(topic, '{"a": {"v": 1, "w": null}}'), {"v": 1.0})
        self.assertEqual(self.fields(topic, '{"a": {"v": 1}}'), {"v": 1.0})
        self.assertEqual(self.fields(topic, '{"a": {"v": null, "w": 0}}'), {"w": 0.0})
        self.refused(topic, '{"a": {"w": 1}}', "a.v: missing")
        self.refused(topic, "{}", "a.v: missing")
        for payload in ('{"a": {"v": null}}', '{"a": {"v": null, "w": null}}', '{"a": null}'):
            with self.subTest(payload):
                self.refused(topic, payload, "nothing is known of a.v, a.w: at least one of them makes a point")
        self.refused(topic, '{"a": {"v": 1, "w": "x"}}', "a.w: expected a number, got 'x'")

    def test_what_is_not_as_the_path_says(self) -> None:
        topic = replace(FLAT, fields={"v": FieldMapping("a.b.0")})
        for payload, why in (
            ("[]", "payload: expected an object, got a list"),
            ("1", "payload: expected an object, got 1"),
            ('"a"', "payload: expected an object, got 'a'"),
            ('{"a": 5}', "a: expected an object, got 5"),
            ('{"a": {"b": "c"}}', "a.b: expected an object, got 'c'"),
            ('{"a": {"b": []}}', "a.b.0: missing"),
            ('{"a": {"b": [[]]}}', "a.b.0: expected a number, got a list"),
            ('{"a": {"b": [{}]}}', "a.b.0: expected a number, got an object"),
            (f'{{"a": {{"b": [{"9" * 400}]}}}}', "a.b.0: expected a finite number up to 1e+300, got 999"),
            ('{"a": {"b": [1e999]}}', "a.b.0: expected a finite number up to 1e+300, got inf"),
        ):
            with self.subTest(payload):
                self.refused(topic, payload, why)
        self.refused(replace(FLAT, fields={"v": FieldMapping("x")}), "[1]", "payload: expected an object")

    def test_what_is_no_json(self) -> None:
        for payload, why in (
            ("", "not JSON: Expecting value"),
            ("{'v': 1}", "not JSON: Expecting property name"),
            ('{"v": 1', "not JSON: Expecting ',' delimiter"),
            ('{"v": NaN}', "NaN is not JSON"),
            ('{"v": 1, "v": 2}', "a key stands twice in one object"),
            (b'{"v": 1\xff}', "not JSON: 'utf-8' codec can't decode byte 0xff"),
            ("[" * 100_000, "not JSON: maximum recursion depth"),
        ):
            with self.subTest(payload[:10]):
                self.refused(FLAT, payload, why)

    def test_what_an_injected_decoder_says(self) -> None:
        def loads(payload: bytes) -> Any:
            raise ValueError("JSON is malformed")

        reader = Translator(Mapping({"lab/{sensor}": FLAT}), loads).reader("lab/x")
        assert reader is not None
        self.assertRaisesRegex(ContractError, "^not JSON: JSON is malformed$", reader.points, b"", 0)


class Times(Translates):
    def test_the_payload_gives_it(self) -> None:
        for path, payload in (("ts", '{"v": 1, "ts": 2.5}'), ("a.ts", '{"v": 1, "a": {"ts": "2.5"}}')):
            topic = replace(FLAT, time=TimeMapping("s", path))
            self.assertTrue(self.reader(topic).timed)
            self.assertEqual([point.ts for point in self.points(topic, payload)], [2_500_000_000])
        self.assertFalse(self.reader(FLAT).timed)

    def test_tasmota(self) -> None:
        fields = {"t_air": FieldMapping("AM2301.Temperature"), "rh": FieldMapping("AM2301.Humidity", "%")}
        topic = replace(FLAT, fields=fields, time=TimeMapping("iso", "Time", "+01:00"))
        payload = '{"Time":"2026-11-28T12:00:00","AM2301":{"Temperature":21.3,"Humidity":40.1},"TempUnit":"C"}'
        expected = [Point("env", READ, 1795863600_000000000, {"t_air": 21.3, "rh": 40.1})]
        self.assertEqual(self.points(topic, payload), expected)

    def test_what_is_no_time(self) -> None:
        for path in ("ts", "a.ts"):
            topic = replace(FLAT, time=TimeMapping("ms", path))
            for value, why in (
                ("-1", "expected ms since 1970, until 2116, got -1"),
                (str(LAST), "expected ms since 1970, until 2116, got"),
                ("true", "expected a time as a number of ms, got True"),
                (
                    "null",
                    "expected a time as a number of ms, got None" if path == "ts" else "missing, the mapping says",
                ),
                ('"now"', "expected ms since 1970, until 2116, got 'now'"),
            ):
                with self.subTest(path, value=value):
                    payload = f'{{"v": 1, "ts": {value}, "a": {{"ts": {value}}}}}'
                    self.refused(topic, payload, f"{path}: {why}")
            self.refused(topic, '{"v": 1}', f"{path}: missing, the mapping says that it is the time")
        topic = replace(FLAT, fields={"v": FieldMapping("0")}, time=TimeMapping("ms", "ts"))
        self.refused(topic, '[1, "ts"]', "ts: missing, the mapping says that it is the time")


class Lists(Translates):
    FIELDS: dict[str, FieldMapping] = {"t_air": FieldMapping("temperature", "degF"), "rh": FieldMapping()}  # noqa: RUF012
    TOPIC = TopicMapping("json", "env", TAGS, FIELDS, TimeMapping("ms", "timestamp"), EachMapping("metrics"))
    UNTIMED = replace(TOPIC, time=None)

    def test_sparkplug(self) -> None:
        payload = """{"timestamp": 3000, "seq": 1, "metrics": [
            {"name": "temperature", "timestamp": 1000, "dataType": "Float", "value": 212},
            {"name": "rh", "timestamp": 2000, "value": 40.5},
            {"name": "rh", "timestamp": 1000, "value": 41},
            {"name": "temperature", "value": 32.0}]}"""
        expected = [
            Point("env", READ, 1_000_000_000, {"t_air": 100.0, "rh": 41.0}),
            Point("env", READ, 2_000_000_000, {"rh": 40.5}),
            Point("env", READ, 3_000_000_000, {"t_air": 0.0}),
        ]
        self.assertEqual(self.points(self.TOPIC, payload), expected)

    def test_a_list_alone_with_other_keys(self) -> None:
        topic = replace(self.UNTIMED, each=EachMapping(None, "n", "v.num"))
        self.assertEqual(self.fields(topic, '[{"n": "rh", "v": {"num": true}}]'), {"rh": 1.0})
        timed = replace(topic, time=TimeMapping("s", "t"))
        self.refused(timed, '[{"n": "rh", "v": {"num": 1}}]', "payload[0]: t: missing, the mapping says")

    def test_other_items(self) -> None:
        other = '{"metrics": [{"name": "bdSeq", "value": "x"}]}'
        self.refused(
            self.UNTIMED, other, "metrics[0]: 'bdSeq' is no field of the mapping, expected one of temperature, rh"
        )
        each = EachMapping("metrics", others="ignore")
        self.assertEqual(self.points(replace(self.TOPIC, each=each), other), [])
        both = '{"metrics": [{"name": "bdSeq", "value": "x"}, {"name": "rh", "value": 1}]}'
        self.assertEqual(self.fields(replace(self.UNTIMED, each=each), both), {"rh": 1.0})

    def test_absent_values(self) -> None:
        both = '{"metrics": [{"name": "rh", "value": null}, {"name": "temperature", "value": 32}]}'
        self.assertEqual(self.fields(self.UNTIMED, both), {"t_air": 0.0})
        nothing = "nothing is known of temperature, rh: at least one of them makes a point"
        self.refused(self.UNTIMED, '{"metrics": [{"name": "rh", "value": null}]}', nothing)
        self.refused(self.UNTIMED, '{"metrics": []}', nothing)
        missing = '{"metrics": [{"name": "rh"}, {"name": "temperature", "value": 32}]}'
        self.refused(self.UNTIMED, missing, "metrics[0]: rh: missing")
        optional = replace(self.UNTIMED, fields=self.FIELDS | {"rh": FieldMapping(optional=True)})
        self.assertEqual(self.fields(optional, missing), {"t_air": 0.0})

    def test_what_is_wrong_is_named_with_its_place(self) -> None:
        for payload, why in (
            ("{}", "metrics: expected a list, got nothing"),
            ('{"metrics": {}}', "metrics: expected a list, got an object"),
            ("[]", "payload: expected an object, got a list"),
            ('{"metrics": [1]}', "metrics[0]: payload: expected an object, got 1"),
            ('{"metrics": [{"value": 1}]}', "metrics[0]: name: expected a text, got nothing"),
            ('{"metrics": [{"name": 1}]}', "metrics[0]: name: expected a text, got 1"),
            (
                '{"timestamp": 1, "metrics": [{"name": "rh", "value": 1}, {"name": "rh", "value": 2}]}',
                "metrics[1]: rh: stands twice with the same time",
            ),
            (
                '{"timestamp": 1, "metrics": [{"name": "rh", "value": 1}, {"name": "rh", "value": "x"}]}',
                "metrics[1]: rh: expected a number, got 'x'",
            ),
            ('{"metrics": [{"name": "rh", "value": 1}]}', "metrics[0]: timestamp: missing, the mapping says"),
            (
                '{"metrics": [{"name": "rh", "value": 1, "timestamp": true}]}',
                "metrics[0]: timestamp: expected a time as a number of ms, got True",
            ),
            ("{", "not JSON: "),
        ):
            with self.subTest(payload):
                self.refused(self.TOPIC, payload, why)
