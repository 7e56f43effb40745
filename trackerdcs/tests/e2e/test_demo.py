"""The demonstrator as a person meets it: started, commanded, broken, ended and started again, in real processes."""

import asyncio
import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import termios
import time
import unittest
import uuid
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.long import long
from trackerdcs.tests.running_demo import LIMIT_S, READY, AgainstTheDemo, Demo, free_ports
from trackerdcs.tests.servers import HOST
from trackerdcs.tests.service import TRACKERDCS
from trackerdcs.tests.waiting import full_speed
from trackerdcs.tests.witness import Witness


def witness(demo: Demo, *bad: str) -> Witness:
    bus = MqttBus(BusConfig(host=demo.host, port=demo.port), f"witness-{uuid.uuid4().hex[:8]}")
    return Witness(bus, bad)


class AnyClient:
    """An MQTT client that knows the documents only: topics and payloads, none of our code."""

    def __init__(self, port: int) -> None:
        self.acks: list[dict[str, Any]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._hear
        self._client.connect(HOST, port)
        self._client.subscribe("dcs/v1/demo/+/ack", qos=1)
        self._client.loop_start()

    def _hear(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        with contextlib.suppress(ValueError, RecursionError):  # somebody else's nonsense
            if isinstance(ack := json.loads(message.payload), dict):
                self.acks.append(ack)

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(LIMIT_S)

    def request(
        self, cmd: str, args: dict[str, Any], ch: str, id: str | None = None, device: str = "hv1"
    ) -> dict[str, Any]:
        """Send a command and wait for its final ack."""
        now, id, before = time.time_ns(), id or str(uuid.uuid4()), len(self.acks)
        body = {"v": 1, "id": id, "cmd": cmd, "ch": ch, "args": args, "ts": now, "expires": now + 5_000_000_000}
        self.publish(f"dcs/v1/demo/{device}/cmd/anybody", json.dumps(body).encode())
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            for ack in self.acks[before:]:
                if ack["id"] == id and ack["state"] != "accepted":
                    return ack
            time.sleep(0.01)
        raise TimeoutError(f"no final ack of {cmd}: {self.acks}")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class TestAnyClient(AgainstTheDemo):
    async def asyncSetUp(self) -> None:
        await self.demo.all_stored()

    async def test_the_same_through_any_mqtt_client(self) -> None:
        client = self.enterContext(contextlib.closing(AnyClient(self.demo.port)))
        async with witness(self.demo):
            ack = await asyncio.to_thread(client.request, "on", {}, "ch2", device="lv1")
            self.assertEqual(ack["state"], "done", ack)
            ack = await asyncio.to_thread(client.request, "set_voltage", {"v": -5}, "ch1")
            self.assertEqual((ack["state"], ack["user"], ack["readback"]["v_set"]), ("done", "anybody", -5.0))
            ack = await asyncio.to_thread(client.request, "on", {}, "ch1")
            self.assertEqual(ack["state"], "done", ack)
            since = time.time_ns()
            self.assertAlmostEqual(float((await self.demo.stored("hv1", "ch1", "v_mon", since)).value), -5.0, delta=1)
            ack = await asyncio.to_thread(client.request, "off", {}, "ch1")
            self.assertEqual(ack["state"], "done", ack)

    async def test_what_is_out_of_range_is_refused_and_changes_nothing(self) -> None:
        client = self.enterContext(contextlib.closing(AnyClient(self.demo.port)))
        for args in ({"v": -900}, {"v": True}, {"v": "-50"}, {}):
            ack = await asyncio.to_thread(client.request, "set_voltage", args, "ch2")
            self.assertEqual(ack["state"], "refused", ack)
        self.assertEqual((await self.demo.stored("hv1", "ch2", "v_set", time.time_ns())).value, 0.0)


NONSENSE = (
    b"not JSON",
    b"\xff\xfe",
    b"[]",
    b'{"v": 1, "ts": NaN}',
    b'{"v": 2, "id": "x", "ts": 1}',
    b'{"v": 1, "id": 5, "ts": "now", "seq": -1, "state": [], "cmd": {}, "ch": {"ch0": 3}}',
    b"[" * 100_000,
    b'{"hv1": {"x": [[3, 1]]}}',
)


@long
class TestNonsense(unittest.IsolatedAsyncioTestCase):
    async def test_nonsense_stops_nothing_and_is_counted(self) -> None:
        demo = self.enterContext(Demo())
        client = self.enterContext(contextlib.closing(AnyClient(demo.port)))
        await demo.all_stored()
        leaves = ("frame", "replay", "status", "meta", "ack", "event", "cmd/anybody")
        topics = [f"dcs/v1/demo/hv1/{leaf}" for leaf in leaves]
        topics += [
            "dcs/v1/demo/stored",
            "dcs/v1/site/loader/status",
            "dcs/v1/demo/ghost/frame",
            "dcs/v1/demo/hv1/nonsense",
        ]
        watch = await asyncio.create_subprocess_exec(
            TRACKERDCS, "watch", "--file", str(demo.stand_file), stdout=asyncio.subprocess.PIPE
        )
        assert watch.stdout is not None
        try:
            async with asyncio.timeout(LIMIT_S):
                while b"hv1 ch0" not in await watch.stdout.readline():
                    pass
            async with witness(demo, *topics):
                for topic in topics:
                    for payload in NONSENSE:
                        await asyncio.to_thread(client.publish, topic, payload)
                await demo.all_stored(since=time.time_ns())
                ack = await asyncio.to_thread(client.request, "set_voltage", {"v": -1}, "ch3")
                self.assertEqual(ack["state"], "done", ack)
            missing = {"not JSON", "newer version", "not the schema", "NaN or infinity", "unknown topic"}
            async with asyncio.timeout(LIMIT_S):
                while missing:
                    line = (await watch.stdout.readline()).decode()
                    missing -= set(re.findall(r"outside the contract, ([\w ]+):", line))
        finally:
            watch.terminate()
            await watch.wait()
        doctor = await asyncio.create_subprocess_exec(
            *(TRACKERDCS, "doctor", "--listen", "1", "--file", str(demo.stand_file)), stdout=asyncio.subprocess.PIPE
        )
        said = (await doctor.communicate())[0].decode()
        self.assertRegex(said, r"WARN dead letters in \S+: [1-9]")
        self.assertNotIn("Traceback", demo.said())


class TestAgain(unittest.IsolatedAsyncioTestCase):
    def ended_well(self, demo: Demo) -> None:
        status, seconds = demo.end(signal.SIGINT)
        self.assertEqual(status, 0, demo.said())
        self.assertLess(seconds, 4.0)  # 2 s on a machine that does nothing else
        self.assertNotIn("Traceback", demo.said())
        self.assertFalse((demo.data / "env1.tty").is_symlink())

    async def test_it_goes_on_with_its_data(self) -> None:
        full_speed()
        demo, id = await asyncio.to_thread(Demo), str(uuid.uuid4())
        self.addCleanup(demo.stop)
        await demo.stored("hv1", "ch0", "v_mon")
        with contextlib.closing(AnyClient(demo.port)) as client:
            first = await asyncio.to_thread(client.request, "set_voltage", {"v": -30}, "ch0", id)
        self.assertEqual(first["state"], "done", first)
        await asyncio.to_thread(self.ended_well, demo)
        before = await demo.samples("hv1", "ch0", "v_mon")
        since = time.time_ns()
        await asyncio.to_thread(demo.restart)
        async with witness(demo):
            await demo.stored("hv1", "ch0", "v_mon", since)
            with contextlib.closing(AnyClient(demo.port)) as client:
                again = await asyncio.to_thread(client.request, "set_voltage", {"v": -30}, "ch0", id)
            self.assertEqual(again, first, "a known id is answered as it was")
            # The simulated supply was built anew: had the command been executed again, this would be -30 V.
            self.assertEqual((await demo.stored("hv1", "ch0", "v_set", time.time_ns())).value, 0.0)
        after = await demo.samples("hv1", "ch0", "v_mon")
        self.assertEqual(after[: len(before)], before)
        demo.kill()
        self.assertTrue((demo.data / "env1.tty").is_symlink(), "killed, it can leave nothing in order")
        await asyncio.to_thread(demo.restart)
        await demo.all_stored(since=time.time_ns())
        await asyncio.to_thread(self.ended_well, demo)


class TestTerminal(unittest.TestCase):
    def test_a_terminal_shows_the_live_table_until_ctrl_c(self) -> None:
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        termios.tcsetwinsize(slave, (50, 140))
        options = ["--broker-port", str(free_ports(1)), "--sim-port", str(free_ports(4))]
        options += ["--web-port", str(free_ports(1))]
        with tempfile.TemporaryDirectory() as folder:
            process = subprocess.Popen(
                [TRACKERDCS, "demo", *options, "--data", folder],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=os.environ | {"TERM": "xterm-256color"},
                preexec_fn=lambda: os.login_tty(slave),
            )
            self.addCleanup(process.kill)
            os.close(slave)
            shown = ""
            deadline = time.monotonic() + LIMIT_S
            rows = {"hv1 SIM": "ch0", "hv2 SIM": "ch0", "lv1 SIM": "ch1"}
            while not all(re.search(rf"{name}\s.*{text}", shown) for name, text in rows.items()):
                self.assertLess(time.monotonic(), deadline, shown)
                self.assertTrue(select.select([master], [], [], LIMIT_S)[0], shown)
                shown += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", os.read(master, 65536).decode(errors="replace"))
            self.assertIn(READY, shown)
            os.write(master, b"\x03")
            with contextlib.suppress(OSError):  # EIO: the last one has closed the terminal
                while os.read(master, 65536):
                    pass
            self.assertEqual(process.wait(10), 0, shown)
