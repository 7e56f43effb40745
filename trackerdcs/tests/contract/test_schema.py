"""Codec and schemas are one contract: whatever the codec takes or writes is valid, and nothing else gets out of it."""

import copy
import json
import unittest
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from trackerdcs.adapters.schema import asyncapi, json_schemas, stand_schema
from trackerdcs.domain.codec import decode, decode_stored, encode, encode_stored
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.messages import MESSAGES, Message
from trackerdcs.domain.topics import ADDRESSES, RETAINED
from trackerdcs.tests.long import LONG
from trackerdcs.tests.made_messages import FRAMES, MADE, STORED

CALM = settings(max_examples=200 if LONG else 25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SCHEMAS = json_schemas()
VALID = {kind: Draft202012Validator(schema) for kind, schema in SCHEMAS.items()}

WRONG: list[Any] = [
    None,
    True,
    -1,
    1.5,
    2**70,
    "1",
    "\ud800",
    [],
    [[]],
    {},
    {"a": {"b": {}}},
    float("nan"),
    float("inf"),
    "x" * 300_000,
]


class CodecAndSchema(unittest.TestCase):
    def test_what_is_written_is_valid_and_read_back_the_same(self) -> None:
        for kind, made in MADE.items():
            with self.subTest(kind):
                self._there_and_back(kind, made)

    def _there_and_back(self, kind: str, made: st.SearchStrategy[Message]) -> None:
        @CALM
        @given(made)
        def check(message: Message) -> None:
            payload = encode(message)
            VALID[kind].validate(json.loads(payload))
            self.assertEqual(decode(MESSAGES[kind], payload), message)

        check()

    @CALM
    @given(STORED)
    def test_stored_ranges_are_valid_and_read_back_the_same(
        self, stored: dict[str, dict[str, list[tuple[int, int]]]]
    ) -> None:
        payload = encode_stored(stored)
        VALID["stored"].validate(json.loads(payload))
        self.assertEqual(decode_stored(payload), stored)

    def test_a_spoilt_message_is_valid_or_an_error_of_the_contract(self) -> None:
        for kind, made in MADE.items():
            with self.subTest(kind):
                self._spoil(kind, made)

    def _spoil(self, kind: str, made: st.SearchStrategy[Message]) -> None:
        @CALM
        @given(made, st.data())
        def check(message: Message, data: st.DataObject) -> None:
            tree = json.loads(encode(message))
            place, key = data.draw(st.sampled_from(list(_places(tree))))
            if data.draw(st.booleans()):
                del place[key]
            else:
                place[key] = data.draw(st.sampled_from(WRONG))
            self._valid_or_refused(kind, json.dumps(tree).encode())

        check()

    def test_spoilt_bytes_are_valid_or_an_error_of_the_contract(self) -> None:
        @CALM
        @given(FRAMES, st.data())
        def check(message: Message, data: st.DataObject) -> None:
            payload = bytearray(encode(message))
            at = data.draw(st.integers(0, len(payload)))
            payload[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
            self._valid_or_refused("frame", bytes(payload))

        check()

    @CALM
    @given(st.binary(max_size=60))
    def test_any_bytes_at_all(self, payload: bytes) -> None:
        for kind in MESSAGES:
            self._valid_or_refused(kind, payload)
        try:
            decode_stored(payload)
        except ContractError:
            return
        VALID["stored"].validate(json.loads(payload))

    def _valid_or_refused(self, kind: str, payload: bytes) -> None:
        try:
            message = decode(MESSAGES[kind], payload)
        except ContractError:
            return
        VALID[kind].validate(json.loads(payload))
        self.assertEqual(decode(MESSAGES[kind], encode(message)), message)

    def test_the_schema_refuses_what_the_codec_refuses(self) -> None:
        frame: dict[str, Any] = {"v": 1, "ts": 1, "seq": 0, "boot": "b", "sw": "1", "kind": "hv", "ch": {}}
        VALID["frame"].validate(frame)
        command: dict[str, Any] = {"v": 1, "id": "a", "cmd": "on", "ts": 1, "expires": 2}
        VALID["cmd"].validate(command)
        no_frames: list[dict[str, Any]] = [
            *(
                {"v": 2},
                {"v": "1"},
                {"ts": 0},
                {"ts": 1.5},
                {"seq": -1},
                {"boot": ""},
                {"kind": "HV"},
                {"kind": "frames"},
            ),
            *({"sim": 1}, {"ch": []}),
            *({group: {"CH0": {}}} for group in ("ch", "bad", "unc")),
            *({group: {"ch0": {"V": "x"}}} for group in ("ch", "bad", "unc")),
            *({"ch": {"ch0": values}} for values in ({"v_mon": "n/a"}, {"state": 1}, {"v_mon": None})),
        ]
        no_commands: list[dict[str, Any]] = [{"id": ""}, {"id": "i" * 65}, {"args": [1]}, {"by": 1}]
        cases = [
            *(("frame", {k: v for k, v in frame.items() if k != missing}) for missing in frame),
            *(("frame", frame | wrong) for wrong in no_frames),
            *(("cmd", {k: v for k, v in command.items() if k != missing}) for missing in command),
            *(("cmd", command | wrong) for wrong in no_commands),
        ]
        for kind, tree in cases:
            with self.subTest(kind=kind, tree=tree):
                self.assertFalse(VALID[kind].is_valid(tree))
                with self.assertRaises(ContractError):
                    decode(MESSAGES[kind], json.dumps(tree).encode())


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a JSON tree, as (container, key)."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(items):
        yield tree, key
        yield from _places(value)


class Documents(unittest.TestCase):
    def test_the_schemas_are_schemas(self) -> None:
        self.assertEqual(set(SCHEMAS), set(ADDRESSES))
        for kind, schema in (SCHEMAS | {"stand": stand_schema()}).items():
            with self.subTest(kind):
                Draft202012Validator.check_schema(schema)
                self.assertNotIn("extra", schema.get("properties", {}))

    def test_a_call_hands_out_its_own_copy(self) -> None:
        before = copy.deepcopy(SCHEMAS)
        json_schemas()["frame"]["properties"]["ch"]["propertyNames"]["pattern"] = "spoilt"
        self.assertEqual(json_schemas(), before)

    def test_a_stand_file_is_closed(self) -> None:
        stand = {"stand": "demo", "devices": {"hv1": {"driver": "x", "link": {"resource": "y"}}}}
        valid = Draft202012Validator(stand_schema())
        valid.validate(stand)
        wrong: Any
        for wrong in ({"stnd": "demo"}, {"devices": {"hv1": {}}}, {"users": {"web": "boss"}}):
            self.assertFalse(valid.is_valid(stand | wrong), wrong)


class AsyncApi(unittest.TestCase):
    def setUp(self) -> None:
        self.document = asyncapi()

    def test_every_reference_leads_somewhere(self) -> None:
        def walk(node: Any) -> Iterator[str]:
            if isinstance(node, dict):
                if isinstance(node.get("$ref"), str):
                    yield node["$ref"]
                for value in node.values():
                    yield from walk(value)
            elif isinstance(node, list):
                for value in node:
                    yield from walk(value)

        references = list(walk(self.document))
        self.assertGreater(len(references), 3 * len(ADDRESSES))
        for reference in references:
            self.assertTrue(reference.startswith("#/"), reference)
            node = self.document
            for part in reference[2:].split("/"):
                node = node[part]

    def test_channels_are_the_topics_of_the_contract(self) -> None:
        self.assertEqual(self.document["asyncapi"], "3.0.0")
        self.assertLessEqual({"title", "version"}, self.document["info"].keys())
        channels = self.document["channels"]
        self.assertEqual({kind: channel["address"] for kind, channel in channels.items()}, ADDRESSES)
        for kind, channel in channels.items():
            for name in ("stand", "device", "user", "interlock"):
                self.assertEqual(name in channel["parameters"], f"{{{name}}}" in ADDRESSES[kind])

    def test_operations_say_who_sends_and_what_is_retained(self) -> None:
        for kind, operation in self.document["operations"].items():
            with self.subTest(kind):
                self.assertEqual(operation["action"], "receive" if kind in ("cmd", "stored", "kill") else "send")
                self.assertEqual(operation["bindings"]["mqtt"]["qos"], 1)
                self.assertIs(operation["bindings"]["mqtt"]["retain"], kind in RETAINED)

    def test_payloads_are_the_same_schemas(self) -> None:
        for kind, schema in SCHEMAS.items():
            shared = self.document["components"]["schemas"][kind]
            self.assertEqual(shared.get("required"), schema.get("required"))
            self.assertEqual(shared.get("properties", {}).keys(), schema.get("properties", {}).keys())
