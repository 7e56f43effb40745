"""The witness finds what it is there to find."""

import unittest
from unittest import mock

from jsonschema import Draft202012Validator

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.domain.codec import encode, encode_stored
from trackerdcs.domain.messages import Event, Frame, Status
from trackerdcs.tests import witness
from trackerdcs.tests.witness import Witness

STATUS = encode(Status(state="online", ts=1, since=1, boot="b", sw="0"))
EVENT = encode(Event(event="trip", ts=1, boot="b"))
FRAME = encode(Frame(ts=1, seq=0, boot="b", sw="0", kind="hv", ch={"ch0": {"v_mon": 1.0}}))


class WitnessTest(unittest.IsolatedAsyncioTestCase):
    async def after(self, topic: str, payload: bytes, retain: bool, bad: tuple[str, ...] = ()) -> str:
        """What the witness says about one message."""
        broker = MemoryBroker()
        try:
            async with Witness(MemoryBus(broker, "witness"), bad) as wise, MemoryBus(broker, "a") as bus:
                await bus.publish(topic, payload, retain=retain)
                await wise.read_all()
                self.assertEqual(wise.seen, [(topic, payload, False)])
        except AssertionError as e:
            return str(e)
        return ""

    async def test_what_the_contract_allows_passes(self) -> None:
        for topic, payload, retain in (
            ("dcs/v1/lab/hv1/status", STATUS, True),
            ("dcs/v1/lab/hv1/status", b"", True),
            ("dcs/v1/lab/hv1/frame", FRAME, True),
            ("dcs/v1/lab/hv1/replay", FRAME, False),
            ("dcs/v1/lab/hv1/event", EVENT, False),
            ("dcs/v1/lab/kill/web", b"", False),
            ("dcs/v1/lab/stored", encode_stored({"hv1": {"b": [(0, 4)]}}), False),
        ):
            with self.subTest(topic):
                self.assertEqual(await self.after(topic, payload, retain), "")

    async def test_what_it_forbids_is_named(self) -> None:
        for topic, payload, retain, want in (
            ("dcs/v1/lab/hv1/weather", b"{}", False, "no such topic"),
            ("dcs/v1/lab/hv1/event", b"{", False, "not JSON"),
            ("dcs/v1/lab/hv1/event", STATUS, False, "event: missing"),
            ("dcs/v1/lab/hv1/event", EVENT, True, "must not be"),
            ("dcs/v1/lab/hv1/status", STATUS, False, "must be"),
            ("dcs/v1/lab/stored", b'{"hv1":{"b":[[4,0]]}}', False, "ascending"),
        ):
            with self.subTest(topic):
                said = await self.after(topic, payload, retain)
                self.assertIn(topic, said)
                self.assertIn(want, said)

    async def test_nonsense_on_purpose_is_let_through(self) -> None:
        topic = "dcs/v1/lab/hv1/event"
        self.assertEqual(await self.after(topic, b"{", False, bad=(topic,)), "")

    async def test_payloads_are_held_against_the_schemas_too(self) -> None:
        nothing_goes = Draft202012Validator({"not": {}})
        with mock.patch.dict(witness.VALIDATORS, {"event": nothing_goes}):
            self.assertIn("schema: $", await self.after("dcs/v1/lab/hv1/event", EVENT, False))
