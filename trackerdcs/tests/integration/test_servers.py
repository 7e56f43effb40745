"""The harness itself: real servers start, die, freeze and come back with their data, and never outlive the process."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.request
from collections.abc import Callable
from unittest import mock

from trackerdcs.tests.programs import require
from trackerdcs.tests.servers import Influxd, Mosquitto, Server

CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01t"  # MQTT 3.1.1, clean session, client id "t"
CONNACK = b"\x20\x02\x00\x00"
PUBLISH = b"\x33\x09\x00\x03a/b\x00\x01hi"  # QoS 1, retained, packet id 1, topic a/b
PUBACK = b"\x40\x02\x00\x01"
SUBSCRIBE = b"\x82\x08\x00\x02\x00\x03a/b\x00"
RETAINED = b"\x31\x07\x00\x03a/bhi"

HOLDER = """
import sys, time
from trackerdcs.tests.servers import Mosquitto
server = Mosquitto()
print(server.pid, server.directory, flush=True)
time.sleep(60)
"""


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen within 10 s")
        time.sleep(0.01)


class TestMosquitto(unittest.TestCase):
    def _session(self, server: Server, request: bytes, answer: bytes) -> None:
        with socket.create_connection((server.host, server.port), timeout=5) as client:
            client.sendall(CONNECT)
            self.assertEqual(client.recv(4, socket.MSG_WAITALL), CONNACK)
            client.sendall(request)
            received = b""
            while answer not in received:
                chunk = client.recv(100)
                self.assertTrue(chunk, f"closed after {received!r}")
                received += chunk

    def test_a_retained_message_survives_a_kill(self) -> None:
        with Mosquitto() as server:
            self._session(server, PUBLISH, PUBACK)
            store = server.directory / "mosquitto.db"
            _wait_until(lambda: store.exists() and b"a/b" in store.read_bytes())
            first = server.pid
            server.kill()
            with self.assertRaises(OSError):
                socket.create_connection((server.host, server.port), timeout=1)
            server.restart()
            self.assertNotEqual(server.pid, first)
            self._session(server, SUBSCRIBE, RETAINED)

    def test_a_frozen_broker_is_silent_until_thawed(self) -> None:
        with Mosquitto() as server, socket.create_connection((server.host, server.port), timeout=5) as client:
            server.freeze()
            client.sendall(CONNECT)
            client.settimeout(0.1)
            with self.assertRaises(TimeoutError):
                client.recv(4)
            server.thaw()
            client.settimeout(5)
            self.assertEqual(client.recv(4, socket.MSG_WAITALL), CONNACK)

    def test_a_frozen_broker_can_be_stopped(self) -> None:
        server = Mosquitto()
        pid = server.pid
        server.freeze()
        server.stop()
        self.assertFalse(_alive(pid))
        self.assertFalse(server.directory.exists())

    def test_a_failed_start_shows_what_the_broker_said(self) -> None:
        require("mosquitto")
        with self.assertRaisesRegex(RuntimeError, "no_such_option"):
            Mosquitto(["no_such_option 1"])

    @unittest.skipUnless(sys.platform == "linux", "the kernel's parent-death signal is Linux only")
    def test_a_server_does_not_outlive_a_killed_test_process(self) -> None:
        require("mosquitto")
        with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            number, directory = holder.stdout.readline().decode().split()
            self.addCleanup(shutil.rmtree, directory)  # the killed process cannot
            pid = int(number)
            self.assertTrue(_alive(pid))
            holder.send_signal(signal.SIGKILL)
        _wait_until(lambda: not _alive(pid))


class TestInfluxd(unittest.TestCase):
    def _ask(self, server: Influxd, path: str, body: bytes, kind: str) -> str:
        headers = {"Authorization": f"Token {server.token}", "Content-Type": kind, "Accept": "text/csv"}
        request = urllib.request.Request(f"{server.url}/api/v2/{path}", body, headers)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return str(reply.read(), "utf-8")

    def test_a_written_point_survives_a_kill(self) -> None:
        with Influxd() as server:
            self._ask(server, f"write?org={server.org}&bucket={server.bucket}", b"m,k=a v=4.25", "text/plain")
            server.kill()
            server.restart()
            query = f'from(bucket: "{server.bucket}") |> range(start: -1h)'.encode()
            answer = self._ask(server, f"query?org={server.org}", query, "application/vnd.flux")
            self.assertIn(",4.25,v,m,a", answer)


class TestRequire(unittest.TestCase):
    def setUp(self) -> None:
        self.env = {"TRACKERDCS_INFLUXD": "/does/not/exist"}

    def test_a_missing_server_skips_with_the_command_to_run(self) -> None:
        with (
            mock.patch.dict(os.environ, self.env | {"TRACKERDCS_REQUIRE_SERVERS": ""}),
            self.assertRaisesRegex(unittest.SkipTest, "influxd.*make servers"),
        ):
            require("influxd")

    def test_a_missing_server_fails_where_servers_are_required(self) -> None:
        with (
            mock.patch.dict(os.environ, self.env | {"TRACKERDCS_REQUIRE_SERVERS": "1"}),
            self.assertRaisesRegex(AssertionError, "influxd.*make servers"),
        ):
            require("influxd")
