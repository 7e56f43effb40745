"""MqttBus against a broker that misbehaves byte by byte, and its configuration errors."""

import asyncio
import logging
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.bus_queues import Connection, Subscriptions
from trackerdcs.domain.errors import BusDown, ConfigError
from trackerdcs.domain.stand import BusConfig
from trackerdcs.ports import Will

CONNACK, PUBACK, SUBACK = bytes.fromhex("20020000"), 0x40, 0x90
CONNECT_TYPE, PUBLISH_TYPE, SUBSCRIBE_TYPE = 1, 3, 8
PATIENCE_S = 10.0


class OddBroker:
    """Speaks just enough MQTT to answer wrongly: `suback` is the code of each SUBACK, `greeting` follows CONNACK."""

    def __init__(self, suback: int = 1, greeting: bytes = b"", silent: bool = False) -> None:
        self.suback, self.greeting, self.silent = suback, greeting, silent
        self.connections = 0

    async def __aenter__(self) -> BusConfig:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        return BusConfig(port=self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not self.silent:
                kind = (await reader.readexactly(1))[0]
                body = await reader.readexactly((await reader.readexactly(1))[0])
                if kind >> 4 == CONNECT_TYPE:
                    writer.write(CONNACK + self.greeting)
                elif kind >> 4 == SUBSCRIBE_TYPE:
                    writer.write(bytes((SUBACK, 3)) + body[:2] + bytes((self.suback,)))
                elif kind >> 4 == PUBLISH_TYPE:
                    topic = int.from_bytes(body[:2], "big")
                    writer.write(bytes((PUBACK, 2)) + body[2 + topic : 4 + topic])
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError) as e:
            logging.getLogger(__name__).debug("client is gone: %s", e)
        finally:
            writer.close()


class OddBrokerTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_refused_subscription_is_no_connection_and_is_named(self) -> None:
        broker = OddBroker(suback=0x80)
        async with broker as config:
            bus = MqttBus(config, "a")
            _inbox = bus.subscribe("dcs/v1/lab/secret/event")
            with self.assertLogs("trackerdcs", logging.ERROR) as logs:
                async with bus:
                    self.assertFalse(bus.connected)
                    async with asyncio.timeout(PATIENCE_S):
                        while broker.connections < 3:
                            await asyncio.sleep(0.01)
            self.assertEqual(len(logs.output), 1)
            self.assertIn("subscription refused by the broker: dcs/v1/lab/secret/event", logs.output[0])

    async def test_a_subscription_refused_later_ends_the_connection(self) -> None:
        async with OddBroker(suback=0x80) as config, MqttBus(config, "a") as bus:
            self.assertTrue(bus.connected)
            edges = bus.connection()
            await anext(edges)
            with self.assertLogs("trackerdcs", logging.WARNING) as logs:
                _inbox = bus.subscribe("dcs/v1/lab/secret/event")
                self.assertFalse(await asyncio.wait_for(anext(edges), PATIENCE_S))
            self.assertIn("dcs/v1/lab/secret/event", logs.output[0])
            with self.assertRaises(BusDown):
                await bus.publish("dcs/v1/lab/hv1/event", b"")

    async def test_a_message_that_cannot_be_taken_is_logged_and_the_connection_lives(self) -> None:
        bad_topic = bytes((0x32, 7, 0, 2, 0xFF, 0xFE, 0, 9)) + b"x"
        async with OddBroker(greeting=bad_topic) as config:
            with self.assertLogs("trackerdcs", logging.ERROR) as logs:
                async with MqttBus(config, "a") as bus:
                    await asyncio.wait_for(bus.publish("dcs/v1/lab/hv1/event", b"x"), PATIENCE_S)
                    self.assertTrue(bus.connected)
                    self.assertEqual(bus.dropped, 1)
        self.assertIn(repr(b"\xff\xfe"), logs.output[0])

    async def test_a_broker_that_says_nothing_delays_entering_and_leaving_only_a_little(self) -> None:
        async with OddBroker(silent=True) as config:
            began = time.monotonic()
            async with MqttBus(config, "a", Will("dcs/v1/lab/hv1/status", str.encode)) as bus:
                with self.assertRaises(BusDown):
                    await bus.publish("dcs/v1/lab/hv1/event", b"x")
            self.assertLess(time.monotonic() - began, 5)

    async def test_a_will_that_breaks_is_logged_and_leaving_goes_on(self) -> None:
        def broken(why: str) -> bytes:
            raise ValueError(why)

        async with OddBroker() as config:
            with self.assertLogs("trackerdcs", logging.ERROR) as logs:
                async with MqttBus(config, "a", Will("dcs/v1/lab/hv1/status", broken)) as bus:
                    self.assertFalse(bus.connected)
        self.assertIn("ValueError: last will", logs.output[0])

    async def test_a_will_that_breaks_at_the_end_does_not_keep_the_connection(self) -> None:
        def broken(why: str) -> bytes:
            if why == "stopped":
                raise ValueError(why)
            return b"offline"

        async with OddBroker() as config:
            bus = MqttBus(config, "a", Will("dcs/v1/lab/hv1/status", broken))
            with self.assertRaises(ValueError):
                async with bus:
                    self.assertTrue(bus.connected)
            self.assertFalse(bus.connected)


class ConfigurationTest(unittest.TestCase):
    def test_a_secret_that_is_missing_or_odd_is_named_and_never_shown(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        file = Path(folder, "lab.hv1")
        for content, why in (
            (None, "cannot be read: No such file"),
            (b"", "is empty"),
            (b"pw\nx", "is more than one line"),
        ):
            with self.subTest(why):
                if content is not None:
                    file.write_bytes(content)
                with self.assertRaisesRegex(ConfigError, f"bus.passwords: the secret {file} {why}"):
                    MqttBus(BusConfig(passwords=folder), "a", login="lab/hv1")
        file.write_bytes(b"secret \xff")
        with self.assertRaises(ConfigError) as raised:
            MqttBus(BusConfig(passwords=folder), "a", login="lab/hv1")
        self.assertNotIn("secret \\", str(raised.exception))
        file.write_text("pw\n")
        MqttBus(BusConfig(passwords=folder), "a", login="lab/hv1")

    def test_a_missing_ca_is_named(self) -> None:
        with self.assertRaisesRegex(ConfigError, "bus.ca: /nowhere/ca.crt: .*No such file"):
            MqttBus(BusConfig(ca="/nowhere/ca.crt"), "a")


class QueuesTest(unittest.IsolatedAsyncioTestCase):
    async def test_whoever_lets_go_of_a_subscription_ends_it(self) -> None:
        subscriptions = Subscriptions(False, 10, lambda: None)
        inbox = subscriptions.add(("a/#",))
        self.assertEqual(subscriptions.filters(), ["a/#"])
        del inbox
        self.assertEqual(subscriptions.filters(), [])

    async def test_a_message_for_two_is_acknowledged_when_both_have(self) -> None:
        subscriptions = Subscriptions(True, 10, lambda: None)
        inboxes = [subscriptions.add(("a",)) for _ in range(2)]
        acknowledge = mock.Mock()
        subscriptions.dispatch("a", b"", False, acknowledge)
        first, second = [await anext(inbox) for inbox in inboxes]
        first.acknowledge()
        first.acknowledge()
        acknowledge.assert_not_called()
        second.acknowledge()
        acknowledge.assert_called_once_with()

    async def test_a_watcher_that_does_not_read_sees_the_present_state_last(self) -> None:
        connection = Connection("a")
        edges = connection.watch()
        for up in (True, False, True, False, True):
            connection.set(up, "test")
        connection.end()
        seen = [up async for up in edges]
        self.assertEqual(seen[-1], False)
        self.assertLessEqual(len(seen), 3)
