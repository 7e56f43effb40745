"""What only a real broker in a process of its own can show."""

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from contextlib import ExitStack
from pathlib import Path

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.bus_mqtt_wire import SELECTABLE
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.stand import BusConfig
from trackerdcs.ports import Will
from trackerdcs.tests.contract.bus_case import PATIENCE_S, STATUS, TOPIC, connected, soon
from trackerdcs.tests.servers import Mosquitto, shipped_lines
from trackerdcs.tests.waiting import until


class MosquittoTest(unittest.IsolatedAsyncioTestCase):
    def server(self, *lines: str) -> tuple[Mosquitto, BusConfig]:
        server = Mosquitto(lines)
        self.addCleanup(server.stop)
        return server, BusConfig(port=server.port)

    async def test_a_frozen_broker_is_left_after_two_keepalives(self) -> None:
        server, config = self.server()
        async with MqttBus(config, "a", keepalive=1) as bus:
            inbox = bus.subscribe(TOPIC)
            await soon(bus.publish(TOPIC, b"before"))
            server.freeze()
            with self.assertRaises(BusDown):
                await soon(bus.publish(TOPIC, b"into the ice"))
            self.assertFalse(bus.connected)
            server.thaw()
            await connected(bus)
            await soon(bus.publish(TOPIC, b"after"))
            got = [(await soon(anext(inbox))).payload for _ in range(2)]
            self.assertEqual(got, [b"before", b"after"])

    async def test_too_many_open_files_are_named_and_it_goes_on_when_there_are_fewer(self) -> None:
        _, config = self.server()
        with ExitStack() as held:
            while held.enter_context(open(os.devnull)).fileno() < SELECTABLE:
                pass
            with self.assertLogs("trackerdcs.adapters.bus_mqtt", "ERROR") as said:
                bus = await self.enterAsyncContext(MqttBus(config, "a"))
            self.assertIn("1024 files open", said.output[0])
            self.assertFalse(bus.connected)
        await connected(bus)

    async def test_leaving_a_frozen_broker_is_bounded_and_the_last_will_speaks(self) -> None:
        server, config = self.server()
        async with MqttBus(config, "watcher") as watcher:
            inbox = watcher.subscribe(STATUS)
            await soon(watcher.publish(TOPIC, b""))
            began = time.monotonic()
            async with MqttBus(config, "mortal", Will(STATUS, str.encode)):
                server.freeze()
            self.assertLess(time.monotonic() - began, 5)
            server.thaw()
            said = {(await soon(anext(inbox))).payload}
            if said == {b"stopped"}:  # it was in the broker's buffer, and its acknowledgement was not waited for
                said.add((await soon(anext(inbox))).payload)
            self.assertIn(b"last will: connection lost", said)

    async def test_kill_and_restart_keep_a_persistent_session_and_what_is_retained(self) -> None:
        server, config = self.server("autosave_interval 0")
        loader = MqttBus(config, "loader", persistent=True)
        inbox = loader.subscribe("dcs/v1/#")
        async with loader, MqttBus(config, "device") as device:
            await soon(device.publish(STATUS, b"online", retain=True))
            await soon(device.publish(TOPIC, b"1"))
            for _ in range(2):
                await soon(anext(inbox))
            store = server.directory / "mosquitto.db"
            os.kill(server.pid, signal.SIGUSR1)  # save now: what came after the last save dies with the broker
            await until(lambda: store.exists() and b"online" in store.read_bytes())
            server.kill()
            await until(lambda: not (loader.connected or device.connected))
            await asyncio.to_thread(server.restart)
            await connected(loader)
            again = [await soon(anext(inbox)) for _ in range(3)]
            self.assertEqual(
                {(d.payload, d.retained) for d in again}, {(b"online", False), (b"1", False), (b"online", True)}
            )

    async def test_nothing_of_an_old_connection_comes_back(self) -> None:
        server, config = self.server()
        async with MqttBus(config, "a") as bus:
            server.kill()
            await until(lambda: not bus.connected)
            await asyncio.to_thread(server.restart)
            await connected(bus)
            edges = bus.connection()
            self.assertTrue(await soon(anext(edges)))
            with self.assertRaises(TimeoutError):
                await asyncio.wait_for(anext(edges), 1.5)  # paho's own reconnect would come after 1 s and take over
        self.assertEqual(server.log().count("New client connected"), 2)

    async def test_a_refused_login_is_said_once_and_tried_again(self) -> None:
        server, config = self.server("allow_anonymous false")
        with self.assertLogs("trackerdcs", logging.WARNING) as logs:
            async with MqttBus(config, "a") as bus:
                self.assertFalse(bus.connected)
                await until(lambda: server.log().count("not authorised") > 1)
        self.assertEqual([line for line in logs.output if "login refused" in line], logs.output)
        self.assertEqual(len(logs.output), 1)

    async def test_an_unreachable_broker_is_said_once_at_the_start(self) -> None:
        server, config = self.server()
        server.kill()
        with self.assertLogs("trackerdcs", logging.INFO) as logs:
            async with MqttBus(config, "a") as bus:
                await asyncio.sleep(0.5)
                self.assertFalse(bus.connected)
                await asyncio.to_thread(server.restart)
                await connected(bus)
        self.assertEqual([line.split(": ")[1] for line in logs.output], ["cannot connect", "connected", "disconnected"])

    async def test_the_shipped_configuration(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # 2200 messages: the default would drop after 2000
        lines = shipped_lines()
        self.assertIn("max_queued_messages 100000000", lines)
        server, config = self.server(*lines)
        loader = MqttBus(config, "loader", persistent=True)
        inbox = loader.subscribe(TOPIC)
        async with loader:
            pass
        async with MqttBus(config, "device") as device:
            await asyncio.wait_for(asyncio.gather(*(device.publish(TOPIC, b"%d" % i) for i in range(2200))), PATIENCE_S)
        loader = MqttBus(config, "loader", persistent=True)
        inbox = loader.subscribe(TOPIC)
        async with loader:
            for i in range(2200):
                delivery = await soon(anext(inbox))
                self.assertEqual(delivery.payload, b"%d" % i)
                delivery.acknowledge()
        self.assertNotIn("Error", server.log())

    async def test_tls_with_an_own_ca(self) -> None:
        if shutil.which("openssl") is None:
            self.skipTest("openssl is not on this machine")
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in ("own", "foreign"):
            order = (
                f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {name}.key -out {name}.crt -subj /CN={name}"
            )
            order += " -addext subjectAltName=IP:127.0.0.1"
            subprocess.run(order.split(), cwd=folder, check=True, capture_output=True)
        folder.chmod(0o755)
        server, config = self.server(f"certfile {folder}/own.crt", f"keyfile {folder}/own.key")
        async with MqttBus(BusConfig(port=server.port, ca=str(folder / "own.crt")), "a") as bus:
            await soon(bus.publish(TOPIC, b"x"))
        with self.assertLogs("trackerdcs", logging.WARNING) as logs:
            async with MqttBus(BusConfig(port=server.port, ca=str(folder / "foreign.crt")), "a") as bus:
                self.assertFalse(bus.connected)
        self.assertIn("CERTIFICATE_VERIFY_FAILED", logs.output[0])
        with self.assertLogs("trackerdcs", logging.WARNING):
            async with MqttBus(config, "plain") as bus:
                self.assertFalse(bus.connected)
