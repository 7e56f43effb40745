"""What a loader's connection makes of bytes that no sane broker sends, and of the sane ones in any portions."""

import asyncio
import socket
import unittest
from itertools import pairwise
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from trackerdcs.adapters import inlet_mqtt5, inlet_wire
from trackerdcs.adapters.inlet_mqtt5 import Mqtt5Inlet
from trackerdcs.adapters.inlet_wire import GULP, HELD, Wire, _fitting
from trackerdcs.adapters.mqtt5_packets import HEAD, LARGEST, puback
from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.raw_broker import CONNACK, CONNECT, RawBroker, packet, polite, publish
from trackerdcs.tests.waiting import full_speed, until

NO_TEXT = publish(2, b"bad topic", b"dcs/\xff/\xed\xa0\x80")
NO_PROPERTY = publish(3, b"bad property", properties=b"\x7f\x01")
NO_USER_PROPERTY = publish(4, b"", properties=b"\x26\0\x02\xff\xfe\0\x01a")
ENDLESS_PROPERTIES = packet(0x32, b"\0\x01t\0\x05" + b"\x7f" + b"too short")
ALIAS_OF_NOTHING = publish(6, b"no topic", b"")


def inlet_of(broker: RawBroker, keepalive: int = 10) -> Mqtt5Inlet:
    return Mqtt5Inlet(BusConfig(port=broker.port), "loader", ["t"], keepalive=keepalive)


async def taken(inlet: Mqtt5Inlet, number: int, acknowledge: bool = True) -> list[Arrival]:
    arrivals: list[Arrival] = []
    async with asyncio.timeout(30):
        while len(arrivals) < number:
            gulp = await inlet.gulp(0.0)
            arrivals += gulp.arrivals
            if acknowledge:
                gulp.acknowledge()
    return arrivals


class TestRawBytes(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        full_speed()
        patch = mock.patch.object(inlet_mqtt5, "RETRY_LIMIT_S", 0.2)
        patch.start()
        self.addCleanup(patch.stop)

    async def test_what_cannot_be_read_is_one_refused_message_and_the_rest_comes(self) -> None:
        bad = [NO_TEXT, NO_PROPERTY, NO_USER_PROPERTY, ENDLESS_PROPERTIES, ALIAS_OF_NOTHING]
        said = publish(1, b"before") + b"".join(bad) + publish(7, b"after")
        for chunk in (1 << 20, 1, 7):
            async with RawBroker(said, chunk=chunk) as broker, inlet_of(broker) as inlet:
                arrivals = await taken(inlet, 7)
                await until(lambda: len(broker.acknowledged()) == 7)
                self.assertEqual(broker.acknowledged(), [1, 2, 3, 4, 5, 6, 7])
                self.assertEqual(broker.connections, 1)
            self.assertEqual([bool(a.refused) for a in arrivals], [False, *[True] * 5, False])
            self.assertEqual((arrivals[0], arrivals[-1]), (Arrival("t", b"before"), Arrival("t", b"after")))
            self.assertEqual(arrivals[1].topic, r"dcs/\xff/\xed\xa0\x80")
            self.assertIn("UTF-8", arrivals[1].refused)
            self.assertIn("not MQTT 5: ", arrivals[2].refused)
            self.assertEqual(arrivals[2].payload, b"\x02\x7f\x01bad property")  # as it came, without the packet id

    async def test_a_refused_message_of_qos_0_is_acknowledged_to_nobody(self) -> None:
        said = packet(0x30, b"\0\x01t\x7f\x01x") + publish(5, b"after")
        async with RawBroker(said) as broker, inlet_of(broker) as inlet:
            refused, _ = await taken(inlet, 2)
            self.assertEqual((refused.topic, refused.payload), ("t", b"\x7f\x01x"))
            await until(broker.acknowledged)
            self.assertEqual(broker.acknowledged(), [5])

    async def test_a_refused_message_holds_nothing_of_the_next_one(self) -> None:
        async with RawBroker(NO_TEXT + publish(9, b"x" * 5000)) as broker, inlet_of(broker) as inlet:
            refused, whole = await taken(inlet, 2)
            self.assertEqual(refused.payload, b"\0bad topic")
            self.assertEqual(len(whole.payload), 5000)

    async def test_a_message_whose_number_is_beyond_its_end_ends_the_connection(self) -> None:
        for body in (b"\0\x09short", b"\0\x01t", b"\0\x01t\0", b""):
            async with RawBroker(packet(0x32, body) + publish(1, b"x" * 99)) as broker:
                async with inlet_of(broker) as inlet:
                    await until(lambda: broker.connections > 2)
                    self.assertIn("not MQTT 5", inlet.fault or "")
                self.assertEqual(broker.acknowledged(), [])

    async def test_a_message_that_is_too_large_is_passed_over_and_never_held(self) -> None:
        large = publish(2, b"x" * (10 * LARGEST), b"dcs/v1/large")
        most = publish(3, b"y" * (LARGEST - 6))
        above = publish(4, b"z" * (LARGEST - 5))
        said = publish(1, b"before") + large + most + above + publish(5, b"after")
        held = 0
        read = Wire._read

        def watched(wire: Wire, data: bytes) -> int:
            nonlocal held
            held = max(held, len(data))
            return read(wire, data)

        with mock.patch.object(Wire, "_read", watched):
            async with RawBroker(said) as broker, inlet_of(broker) as inlet:
                arrivals = await taken(inlet, 5)
                await until(lambda: len(broker.acknowledged()) == 5)
        self.assertEqual([len(a.payload) for a in arrivals], [6, HEAD, LARGEST - 6, HEAD, 5])
        self.assertEqual([a.topic for a in arrivals], ["t", "dcs/v1/large", "t", "t", "t"])
        self.assertEqual(arrivals[1].refused, f"{10 * LARGEST + 17} bytes: a loader takes {LARGEST} at most")
        self.assertFalse(arrivals[2].refused)
        self.assertIn(f"{LARGEST + 1} bytes", arrivals[3].refused)
        self.assertLess(held, 2 * LARGEST)

    async def test_a_broker_of_mqtt_3_is_a_fault_that_says_so(self) -> None:
        for refusal, why in ((b"\x20\x02\x00\x01", "which a loader needs"), (b"\x20\x03\x00\x84\x00", "since 1.6")):

            def answer(kind: int, body: bytes, refusal: bytes = refusal) -> bytes:
                return refusal if kind == CONNECT else b""

            async with RawBroker(answer=answer) as broker:
                with self.assertLogs("trackerdcs", "WARNING") as logs:
                    async with inlet_of(broker) as inlet:
                        self.assertIn("MQTT 5", inlet.fault or "")
                        await until(lambda: broker.connections > 2)
                        self.assertIn(why, inlet.fault or "")
                self.assertEqual(len(logs.output), 1, logs.output)

    async def test_garbage_is_a_fault_or_an_end_and_never_the_end_of_trying(self) -> None:
        for garbage in (
            b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9,
            b"\0" * 100,
            b"\xff" * 100,
            CONNACK + b"\x32\xff\xff\xff\xff",
        ):

            def answer(kind: int, body: bytes, garbage: bytes = garbage) -> bytes:
                return garbage if kind == CONNECT else b""

            with self.subTest(garbage[:10]), self.assertLogs("trackerdcs", "WARNING"):
                async with RawBroker(answer=answer) as broker, inlet_of(broker) as inlet:
                    await until(lambda: broker.connections > 2)
                    await until(lambda: "not MQTT 5" in (inlet.fault or ""))

    async def test_a_refused_subscription_names_its_filter(self) -> None:
        def answer(kind: int, body: bytes) -> bytes:
            return packet(0x90, body[:2] + b"\0\x87") if kind == 8 else polite(kind, body)

        async with RawBroker(answer=answer) as broker, inlet_of(broker) as inlet:
            await until(lambda: inlet.fault)
            self.assertIn("subscription refused by the broker: t", inlet.fault or "")

    async def test_an_answer_to_nobody_and_a_second_connack_do_no_harm(self) -> None:
        said = packet(0x90, b"\x7f\xff\0\x01") + CONNACK + b"\xd0\0" + publish(1, b"x")
        async with RawBroker(said) as broker, inlet_of(broker) as inlet:
            self.assertEqual(await taken(inlet, 1), [Arrival("t", b"x")])
            self.assertEqual(broker.connections, 1)

    async def test_a_host_that_is_no_name_is_a_fault(self) -> None:
        async with Mqtt5Inlet(BusConfig(host="broker..lab"), "loader", ["t"]) as inlet:
            self.assertIn("broker..lab", inlet.fault or "")

    async def test_a_broker_that_answers_others_and_not_us_is_a_fault_in_the_end(self) -> None:
        with (
            mock.patch.multiple(inlet_mqtt5, ANSWER_S=0.05, UNANSWERED_S=0.3),
            socket.create_server(("127.0.0.1", 0)) as mute,
        ):
            async with Mqtt5Inlet(BusConfig(port=mute.getsockname()[1]), "loader", ["t"]) as inlet:
                self.assertIsNone(inlet.fault)
                await until(lambda: inlet.fault)
                self.assertIn("CONNECT not answered", inlet.fault or "")

    async def test_a_connection_that_had_settled_is_sought_again_at_once(self) -> None:
        with mock.patch.multiple(inlet_mqtt5, SETTLED_S=0.02, RETRY_LIMIT_S=600.0):
            async with RawBroker() as broker, inlet_of(broker) as inlet:
                for number in range(1, 13):  # twelve doublings would be minutes
                    await until(lambda number=number: broker.connections == number and inlet._up)  # type: ignore[misc]
                    await asyncio.sleep(0.05)
                    assert inlet._wire is not None
                    inlet._wire.abort()
                    await until(lambda: inlet._wire is None)
                self.assertIsNone(inlet.fault)

    async def test_nobody_gulps_and_no_more_than_some_are_held(self) -> None:
        said = b"".join(publish(i + 1, b"") for i in range(2 * HELD))
        async with RawBroker(said) as broker, inlet_of(broker, keepalive=2) as inlet:
            wire = inlet._wire
            assert wire is not None
            await until(lambda: wire._stopped)
            beats = len(broker.heard)
            await until(lambda: len(broker.heard) > beats + 3)  # pings go on
            self.assertFalse(wire.ended.done())
            # One read is up to 256 KiB, and is taken whole.
            self.assertLess(len(wire._arrivals), HELD + (1 << 18) // 7 + 1)
            self.assertEqual(len(await taken(inlet, 2 * HELD)), 2 * HELD)
            await until(lambda: len(broker.acknowledged()) == 2 * HELD)
            self.assertEqual(broker.acknowledged(), list(range(1, 2 * HELD + 1)))


class TestPortions(unittest.IsolatedAsyncioTestCase):
    async def test_packets_split_at_every_byte(self) -> None:
        said = CONNACK + publish(1, b"one") + NO_PROPERTY + publish(3, b"three" * 30) + b"\xd0\0" + publish(4, b"")
        whole = self.fed([said])
        self.assertEqual([a.payload for a in whole], [b"one", b"\x02\x7f\x01bad property", b"three" * 30, b""])
        for at in range(1, len(said)):
            self.assertEqual(self.fed([said[:at], said[at:]]), whole)

    async def test_any_portions(self) -> None:
        large = publish(2, b"x" * 500_000)  # of which the end is passed over
        said = (
            CONNACK + b"".join(publish(i + 1, b"%d" % i) for i in range(50)) + large + NO_PROPERTY + publish(9, b"end")
        )
        with mock.patch.object(inlet_wire, "LARGEST", 1 << 16):
            whole = self.fed([said])
            self.assertEqual(len(whole), 53)

            @given(st.lists(st.integers(0, len(said)), max_size=12))
            @settings(deadline=None)
            def check(cuts: list[int]) -> None:
                ends = [0, *sorted(cuts), len(said)]
                portions = [said[a:b] for a, b in pairwise(ends)]
                self.assertEqual([a[:1] + a[2:3] for a in self.fed(portions)], [a[:1] + a[2:3] for a in whole])

            check()

    @staticmethod
    def fed(portions: list[bytes]) -> list[Arrival]:
        wire = Wire("loader", None, None, 10)
        for portion in portions:
            if portion:
                wire.data_received(portion)
        assert wire.opened.done() and not wire.ended.done()
        assert wire._rest == b"" and wire._skip == 0
        return wire._arrivals


class TestGulps(unittest.TestCase):
    def test_a_gulp_is_bounded_in_messages_and_bytes_and_never_empty(self) -> None:
        self.assertEqual(_fitting([Arrival("t", b"")] * (GULP + 1)), GULP)
        self.assertEqual(_fitting([Arrival("t", b"x" * (LARGEST - 1))] * 5), 2)
        self.assertEqual(_fitting([Arrival("t", b"x" * (5 * LARGEST))] * 5), 1)
        self.assertEqual(_fitting([Arrival("t" * 60_000, b"")] * 5000), (2 * LARGEST) // 60_000)

    def test_acknowledgements_in_one_block(self) -> None:
        self.assertEqual(puback([1, 65535]), b"\x40\x02\x00\x01\x40\x02\xff\xff")
