"""The codec reads strictly, names the field, and writes only what is JSON."""

import json
import math
import unittest
from typing import Any

from trackerdcs.domain.codec import decode, decode_stored, encode, encode_stored, load
from trackerdcs.domain.errors import ContractError, UnknownVersion
from trackerdcs.domain.instrument import Argument, Channel, CommandSpec, Quantity
from trackerdcs.domain.messages import Ack, Command, Frame, Meta, Status

FRAME: dict[str, Any] = {
    "v": 1,
    "ts": 1_700_000_000_123_456_789,
    "seq": 3,
    "boot": "b1",
    "sw": "0.1",
    "kind": "hv",
    "ch": {"ch0": {"v_set": -200, "i_mon": -1.2e-7, "on": True, "state": "on"}},
}
COMMAND: dict[str, Any] = {
    "v": 1,
    "id": "a",
    "cmd": "set_voltage",
    "ch": "ch0",
    "args": {"v": -50},
    "ts": 1,
    "expires": 2,
}


def read(kind: type, base: dict[str, Any], **changes: Any) -> Any:
    return decode(kind, json.dumps(base | changes).encode())


class Decode(unittest.TestCase):
    def refused(self, text: str, kind: type, base: dict[str, Any], **changes: Any) -> None:
        with self.assertRaisesRegex(ContractError, text):
            read(kind, base, **changes)

    def test_a_frame(self) -> None:
        frame = read(Frame, FRAME, bad={"ch1": {"i_mon": "timeout"}}, sim=True)
        self.assertEqual(frame.ts, 1_700_000_000_123_456_789, "nanoseconds survive")
        values = frame.ch["ch0"]
        self.assertEqual(values, {"v_set": -200.0, "i_mon": -1.2e-7, "on": True, "state": "on"})
        self.assertEqual([type(v) for v in values.values()], [float, float, bool, str])
        self.assertEqual((frame.bad, frame.sim, frame.unc), ({"ch1": {"i_mon": "timeout"}}, True, {}))

    def test_each_missing_field_is_named(self) -> None:
        for field in FRAME:
            without = {k: v for k, v in FRAME.items() if k != field}
            with self.subTest(field), self.assertRaisesRegex(ContractError, f"^{field}: "):
                read(Frame, without)

    def test_wrong_types_are_named_and_never_converted(self) -> None:
        for field, value, expected in (
            ("ts", "1", "an integer of 64 bits, got '1'"),
            ("ts", 1.0, "an integer"),
            ("ts", True, "an integer"),
            ("ts", 2**63, "an integer of 64 bits"),
            ("seq", None, "an integer"),
            ("boot", 1, "a text, got 1"),
            ("ch", [], "an object"),
            ("sim", 1, "bool or NoneType"),
            ("runs", {"ch0": "r1"}, "a list"),
        ):
            with self.subTest(field=field, value=value):
                self.refused(f"^{field}.*: expected {expected}", Frame, FRAME, **{field: value})
        self.refused(
            r"^ch\.ch0\.v_mon: expected float or bool or str, got \[1\]", Frame, FRAME, ch={"ch0": {"v_mon": [1]}}
        )
        self.refused(r"^ch\.ch0\.v_mon: ", Frame, FRAME, ch={"ch0": {"v_mon": None}})

    def test_versions(self) -> None:
        version: Any
        for version in (2, 10**9):
            with self.subTest(version), self.assertRaises(UnknownVersion):
                read(Frame, FRAME, v=version)
        for version in ("1", True, 1.0, 0, -1, None, [1]):
            with self.subTest(version), self.assertRaises(ContractError) as caught:
                read(Frame, FRAME, v=version)
            self.assertNotIsInstance(caught.exception, UnknownVersion)

    def test_a_newer_version_is_told_before_its_fields_are_looked_at(self) -> None:
        with self.assertRaises(UnknownVersion):
            decode(Frame, b'{"v":2}')

    def test_numbers_that_are_none(self) -> None:
        for number in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999"):
            for payload in (f'{{"v_mon":{number}}}', f'{{"v_mon":0,"x":{number}}}'):
                text = json.dumps(FRAME | {"ch": {"ch0": "?"}}).replace('"?"', payload)
                with self.subTest(payload), self.assertRaises(ContractError):
                    decode(Frame, text.encode())
            with self.subTest(number, where="args"), self.assertRaises(ContractError):
                decode(
                    Command, json.dumps(COMMAND | {"args": "?"}).replace('"?"', f'{{"v":[{{"x":{number}}}]}}').encode()
                )
            with self.subTest(number, where="unknown key"), self.assertRaises(ContractError):
                decode(Frame, json.dumps(FRAME | {"new": "?"}).replace('"?"', number).encode())

    def test_unknown_keys_are_kept_and_written_again(self) -> None:
        for key, value in (("new", {"a": [1, None, "x"]}), ("extra", 5)):
            frame = read(Frame, FRAME, **{key: value})
            self.assertEqual(frame.extra, {key: value})
            self.assertEqual(json.loads(encode(frame))[key], value)

    def test_choices(self) -> None:
        ack = {"v": 1, "id": "a", "user": "cli", "state": "done", "ts": 1}
        self.assertEqual(read(Ack, ack).state, "done")
        for state in ("DONE", "", 1, None, ["done"]):
            with self.subTest(state):
                self.refused("^state: expected one of accepted, refused, done", Ack, ack, state=state)

    def test_the_arguments_of_a_command_are_left_as_they_came(self) -> None:
        args = {"v": -50, "text": "x", "flag": True, "none": None, "deep": {"a": [1.5]}}
        self.assertEqual(read(Command, COMMAND, args=args).args, args)


class Load(unittest.TestCase):
    def test_what_is_not_json(self) -> None:
        for payload in (
            b"",
            b"{",
            b"nonsense",
            b"[]",
            b"1",
            b"null",
            b'"text"',
            b"{'v':1}",
            b'{"v":1}x',
            b'{"v":1,}',
            b'\xef\xbb\xbf{"v":1}',
            '{"v":1}'.encode("utf-16"),
            '{"v":1}'.encode("utf-32-le"),
            b'{"v":"\xff"}',
            b'{"v":"\xed\xa0\x80"}',
            b'{"v":"\\ud800"}',
            b'{"\\uDFFF":1}',
            b'{"v":"\x00"}',
            b'{"v":NaN}',
            b'{"v":[-Infinity]}',
            b'{"v":' + b"9" * 5000 + b"}",
            b'{"a":' * 5000 + b"1" + b"}" * 5000,
            b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        ):
            with self.subTest(payload=payload[:20]), self.assertRaises(ContractError):
                load(payload)

    def test_a_key_that_stands_twice_is_refused_at_any_depth(self) -> None:
        for payload in (b'{"v":1,"v":1}', b'{"a":{"b":1,"b":2}}', b'{"a":[{"b":1,"b":2}]}', b'{"a":1,"\\u0061":2}'):
            with self.subTest(payload=payload), self.assertRaisesRegex(ContractError, "twice"):
                load(payload)

    def test_pairs_of_surrogates_are_characters(self) -> None:
        self.assertEqual(load(b'{"a":"\\ud83d\\ude00"}'), {"a": "\N{GRINNING FACE}"})

    def test_nesting_ends_in_an_error_of_the_contract_at_every_depth(self) -> None:
        for place, kind, base in (
            ({"seq": "?"}, Frame, FRAME),
            ({"ch": {"ch0": {"v_mon": "?"}}}, Frame, FRAME),
            ({"new": "?"}, Frame, FRAME),
            ({"args": {"v": "?"}}, Command, COMMAND),
        ):
            for depth in (40, 200, 400, *range(800, 1000)):
                payload = json.dumps(base | place).replace('"?"', "[" * depth + "]" * depth).encode()
                with self.subTest(place, depth=depth), self.assertRaises(ContractError):
                    decode(kind, payload)

    def test_what_may_be_nested_is_written_again(self) -> None:
        payload = json.dumps(FRAME | {"new": "?"}).replace('"?"', "[" * 30 + "]" * 30).encode()
        self.assertEqual(json.loads(encode(decode(Frame, payload))), json.loads(payload))

    def test_300_kb(self) -> None:
        long = "x" * 300_000
        self.assertEqual(read(Frame, FRAME, new=long).extra, {"new": long})
        with self.assertRaises(ContractError) as caught:
            read(Frame, FRAME, seq=long)
        self.assertLess(len(str(caught.exception)), 200, "an error is a line, not the payload")


class Encode(unittest.TestCase):
    def test_what_is_not_set_is_absent(self) -> None:
        text = encode(Frame(1, 0, "b", "1", "hv", {"ch0": {"v_mon": 1.0}}))
        self.assertEqual(text, b'{"v":1,"ts":1,"seq":0,"boot":"b","sw":"1","kind":"hv","ch":{"ch0":{"v_mon":1.0}}}')

    def test_a_required_field_is_there_even_when_empty(self) -> None:
        self.assertEqual(json.loads(encode(Frame(1, 0, "b", "1", "hv", {})))["ch"], {})

    def test_meta_with_its_channels(self) -> None:
        channel = Channel(
            {"v_set": Quantity("V", -800.0, 0.0)},
            {"set_voltage": CommandSpec({"v": Argument("number", "V", -800.0, 0.0)}, "expert"), "off": CommandSpec()},
            "sensor",
            "M-1",
        )
        meta = Meta("hv", "SHR", "1", "iseg_shr", "1", True, "b", 1.0, {"ch0": channel})
        self.assertEqual(decode(Meta, encode(meta)), meta)
        self.assertNotIn("proof", json.loads(encode(meta))["channels"]["ch0"])

    def test_what_is_not_json_is_refused(self) -> None:
        deep: list[Any] = []
        for _ in range(5000):
            deep = [deep]
        for value in (math.nan, math.inf, {"x": -math.inf}, "\ud800", object(), b"x", {1, 2}, deep):
            with self.subTest(value=type(value)), self.assertRaises(ContractError):
                encode(Command("a", "on", 1, 2, args={"v": value}))

    def test_non_ascii_is_written_as_utf_8(self) -> None:
        status = Status("fault", 1, 1, "b", "1", error="µA \N{GRINNING FACE}")
        self.assertIn("µA \N{GRINNING FACE}".encode(), encode(status))
        self.assertEqual(decode(Status, encode(status)), status)


class StoredRanges(unittest.TestCase):
    def test_there_and_back(self) -> None:
        stored = {"hv1": {"b1": [(0, 4), (7, 7)], "b2": [(0, 0)]}, "env1": {"b3": [(1, 2)]}}
        self.assertEqual(decode_stored(encode_stored(stored)), stored)
        self.assertEqual(decode_stored(b"{}"), {})

    def test_what_is_no_list_of_ranges_is_refused(self) -> None:
        for text, why in (
            ('{"HV1":{"b":[[0,1]]}}', "HV1"),
            ('{"hv1":[[0,1]]}', "hv1"),
            ('{"hv1":{"b":[0,1]}}', r"hv1\.b\[0\]: expected a list of 2"),
            ('{"hv1":{"b":[[0]]}}', "list of 2"),
            ('{"hv1":{"b":[[0,1,2]]}}', "list of 2"),
            ('{"hv1":{"b":[[0,"1"]]}}', r"hv1\.b\[0\]\[1\]: expected an integer"),
            ('{"hv1":{"b":[[0,1.0]]}}', "integer"),
            ('{"hv1":{"b":[[0,true]]}}', "integer"),
            ('{"hv1":{"b":[[2,1]]}}', "ascending"),
            ('{"hv1":{"b":[[-1,1]]}}', "ascending"),
            ('{"hv1":{"b":[[0,9223372036854775808]]}}', "64 bits"),
            ("[]", "expected a JSON object"),
            ('{"hv1":{"b":' + "[" * 900 + "]" * 900 + "}}", ""),
        ):
            with self.subTest(text=text[:40]), self.assertRaisesRegex(ContractError, why):
                decode_stored(text.encode())
