"""What the doctor's probe sees of real brokers, and that nothing of it stays there."""

import asyncio
import hashlib
import os
import tempfile
import time
import unittest
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from unittest import mock

from trackerdcs.adapters.broker_amqtt import EmbeddedBroker
from trackerdcs.adapters.broker_probe import LIMIT_S, MESSAGES, BrokerProbe
from trackerdcs.adapters.broker_probe_wire import Connection
from trackerdcs.domain import topics
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.probing import SESSION_S, BrokerLimits
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.servers import HOST, Mosquitto, free_port, shipped_lines

CLIENT = "doctor-test"
TOPIC = topics.probe("test")


class Brokers(unittest.TestCase):
    def server(self, *lines: str) -> Mosquitto:
        server = Mosquitto(lines)
        self.addCleanup(server.stop)
        return server

    def probe(self, server: Mosquitto) -> BrokerLimits:
        limits = BrokerProbe(BusConfig(port=server.port), CLIENT, TOPIC).run()
        self.assert_nothing_stays(server)
        return limits

    def assert_nothing_stays(self, server: Mosquitto) -> None:
        with Connection(CLIENT, 1, time.monotonic() + LIMIT_S) as again:
            again.open(HOST, server.port, clean=False, properties={})
            self.assertFalse(again.resumed, "the session of the probe is still there")

    def test_a_default_mosquitto(self) -> None:
        limits = self.probe(self.server())
        expected = BrokerLimits(
            SESSION_S, resumed=True, sent=MESSAGES, kept=1000, window=20, loader_window=1000
        )  # Mosquitto 2: max_queued_messages 1000, max_inflight_messages 20
        self.assertEqual(limits, expected)

    def test_the_shipped_configuration(self) -> None:
        limits = self.probe(self.server(*shipped_lines()))
        expected = BrokerLimits(
            SESSION_S, resumed=True, sent=MESSAGES, kept=MESSAGES, window=1000, loader_window=MESSAGES
        )
        self.assertEqual(limits, expected)

    def test_what_a_broker_says_at_the_login(self) -> None:
        limits = self.probe(self.server("retain_available false", "max_packet_size 4000"))
        self.assertEqual((limits.retains, limits.largest), (False, 4000))
        self.assertEqual(self.probe(self.server("max_qos 0")), BrokerLimits(0, qos=0))

    def test_a_limit_by_bytes_is_seen_by_messages_as_large_as_frames(self) -> None:
        limits = self.probe(self.server("max_queued_messages 0", "max_queued_bytes 100000"))
        self.assertLess(limits.kept, 600)
        self.assertGreater(limits.kept, 400)

    def test_access_lists(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            for rule, why in (
                (f"topic readwrite {topics.ROOT}/#", "messages on dcs/probe/test, .*allowed.*: Not authorized"),
                ("topic write #", "none of its messages came back: may this user read dcs/probe/test"),
            ):
                path = Path(folder, "acl")
                path.write_text(f"{rule}\n")
                path.chmod(0o644)
                server = self.server(f"acl_file {path}")
                with self.assertRaisesRegex(BusDown, why):
                    self.probe(server)
                self.assert_nothing_stays(server)

    def test_a_login(self) -> None:
        salt = b"twelve bytes"
        key = hashlib.pbkdf2_hmac("sha512", b"secret", salt, 101)
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            Path(folder, "cli").write_text("secret\n")
            path = Path(folder, "passwords")
            path.write_text(f"cli:$7$101${b64encode(salt).decode()}${b64encode(key).decode()}\n")
            path.chmod(0o644)
            config = BusConfig(port=self.server("allow_anonymous false", f"password_file {path}").port)
            with self.assertRaisesRegex(BusDown, "login with MQTT 5: refused by the broker: Not authorized"):
                BrokerProbe(config, CLIENT, TOPIC).run()
            config = replace(config, passwords=folder)
            self.assertEqual(BrokerProbe(config, CLIENT, TOPIC, messages=100, login="cli").run().kept, 100)

    def test_a_frozen_broker_and_none(self) -> None:
        server = self.server()
        server.freeze()
        with (
            mock.patch("trackerdcs.adapters.broker_probe.LIMIT_S", 0.3),
            self.assertRaisesRegex(BusDown, "not answered in time"),
        ):
            self.probe(server)
        server.kill()
        with self.assertRaisesRegex(BusDown, "cannot connect"):
            self.probe(server)

    def test_a_broker_that_goes_while_it_is_tried(self) -> None:
        server = self.server()
        with (
            mock.patch.object(Connection, "publish", lambda *_: server.kill()),
            self.assertRaisesRegex(BusDown, "connection lost|cannot connect"),
        ):
            self.probe(server)

    def test_the_embedded_broker_says_that_it_does_not_speak_mqtt_5(self) -> None:
        async def tried() -> None:
            async with EmbeddedBroker(port=free_port()) as broker:
                config = BusConfig(port=broker.port)
                began = time.monotonic()
                with self.assertRaisesRegex(BusDown, "Unsupported protocol version"):
                    await asyncio.to_thread(BrokerProbe(config, CLIENT, TOPIC).run)
                self.assertLess(time.monotonic() - began, 2.0)

        asyncio.run(tried())


if __name__ == "__main__":
    unittest.main()
