"""The client commands as processes, against a running demonstrator: real broker, device services, loader, database."""

import asyncio
import csv
import io
import json
import os
import pty
import select
import signal
import subprocess
import tempfile
import time
import unittest
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from trackerdcs.domain.messages import Status
from trackerdcs.domain.stand import BusConfig
from trackerdcs.services.client import connect
from trackerdcs.tests import forked
from trackerdcs.tests.fake_device import FakeDevice
from trackerdcs.tests.running_demo import LIMIT_S, AgainstTheDemo
from trackerdcs.tests.servers import HOST, Mosquitto, free_port
from trackerdcs.tests.service import TRACKERDCS
from trackerdcs.tests.witness import Witness


def _hear_ctrl_c() -> None:
    """A test that runs in the background was started without it, and so would its children be."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Sent(AgainstTheDemo):
    @asynccontextmanager
    async def fake(self, *script: Any, bad: tuple[str, ...] = ()) -> AsyncIterator[FakeDevice]:
        config = BusConfig(port=self.demo.port)
        async with Witness(connect(config), bad), connect(config) as bus, FakeDevice(bus, script) as device:
            yield device
            for leaf in ("status", "meta"):
                await device.say(leaf, b"")

    async def test_first_light_from_command_to_database_and_back(self) -> None:
        async with Witness(connect(BusConfig(port=self.demo.port))):
            code, out, err = await self.send("demo", "hv2", "set_voltage", "ch0", "--arg", "v=-5", "--reason", "first")
            self.assertEqual((code, err), (0, ""))
            self.assertRegex(out, r"^accepted\ndone, .*v_set -5\.000 V")
            code, out, err = await self.send("demo", "hv2", "on", "ch0", "--reason", "first")
            self.assertEqual((code, err), (0, ""))
            self.assertRegex(out, r"^accepted\ndone, .*on yes")
            for quantity in ("v_set", "v_mon"):
                await self._stored(quantity, -5.0)

    async def _stored(self, quantity: str, value: float) -> None:
        """Wait until the newest stored value is `value` within a volt."""
        args = ("--device", "hv2", "--channel", "ch0", "--quantity", quantity, "--last", "60s", "--format", "csv")
        deadline = time.monotonic() + LIMIT_S
        while True:
            done = await self.run_cli("history", *args)
            rows = list(csv.reader(io.StringIO(done.stdout)))
            if len(rows) > 1 and abs(float(rows[-1][2]) - value) < 1.0:
                return
            self.assertLess(time.monotonic(), deadline, done.stdout + done.stderr)

    async def test_refused_by_the_device(self) -> None:
        for arg, why in [("v=-900", "outside 0 to 12.5 V"), ("v=true", "expected a number"), ("x=1", "'x' is unknown")]:
            code, out, err = await self.send("demo", "lv1", "set_voltage", "ch1", "--arg", arg)
            self.assertEqual((code, out), (1, ""))
            self.assertRegex(err, f"^refused: .*{why}")

    async def test_failed_and_expired(self) -> None:
        for script, shown in [(("accepted", "failed"), "failed"), (("expired",), "expired")]:
            async with self.fake(*script) as device:
                await device.is_there()
                code, _, err = await self.send("s", "d", "off", "ch0")
                self.assertEqual((code, err.splitlines()[0]), (1, shown))
                self.assertEqual("d ch0 MAY STILL BE ON: look at it" in err, shown == "failed")
        async with self.fake("accepted", "failed") as device:
            await device.is_there()
            code, _, err = await self.send("s", "d", "on", "ch0")
            self.assertRegex(err, "^failed\nit may have been carried out in part: look what d ch0 does now")

    async def test_not_sent(self) -> None:
        async with self.fake("done") as device:
            for there, why in [(False, "nothing was sent"), (True, "offline (gone for tea): nothing was sent")]:
                if there:
                    await device.is_there("offline")
                code, out, err = await self.send("s", "d", "off", "ch0")
                self.assertEqual((code, out), (1, ""))
                self.assertIn(why, err)
            await device.is_there(age=40)
            code, _, err = await self.send("s", "d", "set_voltage", "ch0", "--arg", "v=-5")
            self.assertEqual(code, 1)
            self.assertRegex(err, "status of s/d is 4[0-9] s old.*nothing was sent")
            self.assertEqual(device.commands, [])

    async def test_unknown_is_said_and_never_sent_again(self) -> None:
        async with self.fake() as device:
            await device.is_there()
            code, out, err = await self.send("s", "d", "off", "ch0")
            self.assertEqual((code, out), (3, ""))
            self.assertRegex(err, "^unknown: no answer in 1 s; it is not sent again by itself")
            self.assertEqual(len(device.commands), 1)
            device.script = ["accepted"]
            code, out, err = await self.send("s", "d", "off", "ch0", "--wait", "1.5")
            self.assertEqual((code, out), (3, "accepted\n"))
            self.assertIn("no final answer in 1.5 s", err)

    async def test_ctrl_c_leaves_it_unknown(self) -> None:
        async with self.fake("accepted") as device:
            await device.is_there()
            process = await asyncio.create_subprocess_exec(
                *(TRACKERDCS, "send", "s", "d", "off", "ch0"),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self.environment,
                preexec_fn=_hear_ctrl_c,
            )
            assert process.stdout is not None
            async with asyncio.timeout(LIMIT_S):
                self.assertEqual(await process.stdout.readline(), b"accepted\n")
                process.send_signal(signal.SIGINT)
                _, err = await process.communicate()
            self.assertEqual((process.returncode, err), (3, err))
            self.assertRegex(err, rb"^interrupted: what became of the command is unknown, the device does not stop")

    async def test_read_back_in_the_units_of_the_device(self) -> None:
        async with self.fake("done") as device:
            await device.is_there()
            self.assertEqual(
                await self.send("s", "d", "off", "ch0"), (0, "done, v_set -50.000 V, i_mon -120.0 nA\n", "")
            )

    async def test_wrong_usage(self) -> None:
        for args in [
            ("demo", "hv1", "set_voltage", "ch0", "--arg", "v=nan"),
            ("demo", "hv1", "set_voltage", "ch0", "--arg", "v=1e999"),
            ("demo", "hv1", "set_voltage", "ch0", "--arg", "v"),
            ("demo", "Hv1", "off"),
            ("demo", "hv1"),
            ("demo", "hv1", "off", "--broker", "here"),
        ]:
            with self.subTest(args):
                code, out, err = await self.send(*args)
                self.assertEqual((code, out), (2, ""), err)

    async def test_no_broker_and_a_bad_stand_file(self) -> None:
        code, _, err = await self.send("demo", "hv1", "off", "ch0", "--broker", f"{HOST}:{free_port()}")
        self.assertEqual(code, 1)
        self.assertRegex(err, "^no broker answers at .*nothing was sent\n$")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("stand: demo\ndevicse: {}\n")
            file.flush()
            code, _, err = await self.send("demo", "hv1", "off", "ch0", "--file", file.name)
            self.assertEqual(code, 78)
            self.assertIn(f"{file.name}:2: devicse: unknown key; did you mean devices?", err)


class OnMosquitto(unittest.IsolatedAsyncioTestCase):
    async def test_sent_done_and_refused_when_the_device_is_gone(self) -> None:
        with Mosquitto() as broker:
            config = BusConfig(port=broker.port)
            command = ("send", "s", "d", "off", "ch0", "--broker", f"{HOST}:{broker.port}")
            async with (
                Witness(connect(config)),
                connect(config) as bus,
                FakeDevice(bus, ("accepted", "done")) as device,
            ):
                for state, code, shown in [("online", 0, "accepted\ndone, v_set"), ("offline", 1, "d is offline")]:
                    await device.is_there(state)  # type: ignore[arg-type]
                    done = await asyncio.to_thread(forked.trackerdcs, command, os.environ)
                    self.assertEqual(done.returncode, code, done.stderr)
                    self.assertIn(shown, done.stdout + done.stderr)
                self.assertEqual(len(device.commands), 1)


class Watched(AgainstTheDemo):
    def setUp(self) -> None:
        self.began = time.monotonic()

    def in_time(self) -> None:
        self.assertLess(time.monotonic() - self.began, LIMIT_S)

    def test_lines_into_a_pipe_until_ctrl_c(self) -> None:
        process = subprocess.Popen(
            [TRACKERDCS, "watch"],
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment,
            preexec_fn=_hear_ctrl_c,
        )
        self.addCleanup(process.kill)
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        for line in process.stdout:
            if "demo/hv1 ch1 SIM fresh: HV off" in line:
                break
            self.in_time()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(LIMIT_S), 0)

    def test_a_reader_who_leaves_ends_it_without_a_traceback(self) -> None:
        process = subprocess.Popen(
            [TRACKERDCS, "watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment
        )
        self.addCleanup(process.kill)
        assert process.stdout is not None and process.stderr is not None
        self.addCleanup(process.stderr.close)
        process.stdout.readline()
        process.stdout.close()
        self.assertEqual(process.wait(LIMIT_S), 1)
        self.assertEqual(process.stderr.read(), "")

    def test_a_table_in_a_terminal_until_ctrl_c(self) -> None:
        ours, its = pty.openpty()
        environment = self.environment | {"TERM": "xterm", "COLUMNS": "120", "LINES": "50"}
        process = subprocess.Popen(
            [TRACKERDCS, "watch"], stdin=its, stdout=its, stderr=its, env=environment, preexec_fn=_hear_ctrl_c
        )
        os.close(its)
        self.addCleanup(os.close, ours)
        self.addCleanup(process.kill)
        shown = b""
        while not (b"label, module, more" in shown and b"demo-module-2" in shown and b"loader: " in shown):
            if select.select([ours], [], [], 1.0)[0]:
                shown += os.read(ours, 65536)
            self.in_time()
        process.send_signal(signal.SIGINT)
        while process.poll() is None:  # it has to be read to be able to end
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown += os.read(ours, 65536)
                except OSError:
                    break
            self.in_time()
        self.assertEqual(process.wait(LIMIT_S), 0)
        with suppress(OSError):  # what it said last, until there is nobody at the other end
            while select.select([ours], [], [], 0)[0]:
                shown += os.read(ours, 65536)
        self.assertRegex(shown, rb"ended at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: the table above is not live any more")
        self.assertNotIn(b"Traceback", shown)
        self.assertIn(b"\x1b[?25h", shown)  # the cursor is there again


class Examined(AgainstTheDemo):
    async def doctor(self, *args: str) -> tuple[int, str]:
        done = await self.run_cli("doctor", "--listen", "1", *args)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    async def test_a_healthy_stand(self) -> None:
        code, out = await self.doctor()
        self.assertEqual(code, 0, out)
        for pattern in (
            rf"OK   broker {HOST}:{self.demo.port} answers \(from .*stand.json\)",
            "OK   device demo/hv1 is online, said .* frames come",
            "OK   device demo/env1 is online",
            "OK   clock of demo/lv1 agrees with this one within",
            "OK   loader is online",
            r"OK   journal of hv1: \d+ frames not yet stored",
            "OK   store sqlite .*series.sqlite answers",
            "OK   stored of hv2: newest frame .* old",
            "OK   broker is the embedded one, which keeps nothing for a loader that is away",
            r"OK   disk of series.sqlite has \d+",
        ):
            self.assertRegex(out, pattern)

    async def test_nonsense_and_a_missing_device_are_seen(self) -> None:
        topic = "dcs/v1/demo/ghost/event"
        config = BusConfig(port=self.demo.port)
        async with Witness(connect(config), (topic,)), connect(config) as bus:
            now = time.time_ns()
            status = {"v": 1, "state": "offline", "ts": now, "since": now, "boot": "b", "sw": "0", "error": "stolen"}
            self.assertEqual(set(status) - {"v"}, {f for f in Status.__dataclass_fields__ if f not in ("v", "extra")})
            await bus.publish("dcs/v1/demo/ghost/status", json.dumps(status).encode(), retain=True)
            asking = asyncio.create_task(self.doctor())
            while not asking.done():
                await bus.publish(topic, b'{"v": NaN}')
                await asyncio.sleep(0.1)
            code, out = await asking
            await bus.publish("dcs/v1/demo/ghost/status", b"", retain=True)
        self.assertEqual(code, 1)
        self.assertRegex(out, "FAIL device demo/ghost is offline, said .* ago: stolen")
        self.assertRegex(out, rf"WARN \d+ messages outside the contract, NaN or infinity; last {topic}")

    async def test_without_a_broker_the_rest_is_looked_at_still(self) -> None:
        code, out = await self.doctor("--broker", f"{HOST}:{free_port()}")
        self.assertEqual(code, 1)
        self.assertRegex(out, "^FAIL no broker answers at")
        self.assertIn("OK   store sqlite", out)

    async def test_another_broker_alone_says_nothing_of_a_store(self) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "TRACKERDCS_STAND_FILE"}
        command = ("doctor", "--listen", "1", "--broker", f"{HOST}:{self.demo.port}")
        done = await asyncio.to_thread(forked.trackerdcs, command, environment)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("WARN journals and database were not looked at", done.stdout)
        self.assertRegex(done.stdout, "WARN what the broker keeps .* was not tried: .*version; loaders need MQTT 5")
        self.assertNotIn("store sqlite", done.stdout)
