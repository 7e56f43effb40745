"""The cable is pulled: two private network namespaces joined by a wire that the test takes down and up again."""

import contextlib
import ctypes
import os
import socket
import subprocess
import threading
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path

from trackerdcs.domain.errors import ReplyTimeout
from trackerdcs.domain.resource import Backend, Wire
from trackerdcs.domain.stand import LinkConfig
from trackerdcs.services.links import open_link
from trackerdcs.tests.fault_server import TcpFaultServer
from trackerdcs.tests.programs import require

CLONE_NEWNET = 0x40000000


class Cable:
    """Client and instrument, each in a namespace of its own; nothing of it is visible to the rest of the machine."""

    address = "10.99.0.2"

    def __init__(self, ip: Path) -> None:
        self._ip = str(ip)
        self.client, self.instrument = (f"trackerdcs-{os.getpid()}-{side}" for side in ("client", "instrument"))

    def __enter__(self) -> "Cable":
        try:
            self._run("netns", "add", self.client)
            self._run("netns", "add", self.instrument)
            self._run(
                "-n", self.client, "link", "add", "wire", "type", "veth", "peer", "wire", "netns", self.instrument
            )
        except subprocess.CalledProcessError as e:
            self.__exit__()
            raise unittest.SkipTest(f"no private network namespace here: {e.stderr.strip()}") from e
        for side, address in ((self.client, "10.99.0.1"), (self.instrument, self.address)):
            self._run("-n", side, "addr", "add", f"{address}/24", "dev", "wire")
            self._run("-n", side, "link", "set", "wire", "up")
        return self

    def __exit__(self, *_: object) -> None:
        for side in (self.client, self.instrument):
            if Path("/var/run/netns", side).exists():
                self._run("netns", "del", side)

    def pull(self) -> None:
        self._run("-n", self.instrument, "link", "set", "wire", "down")

    def plug(self) -> None:
        self._run("-n", self.instrument, "link", "set", "wire", "up")

    def _run(self, *arguments: str) -> None:
        subprocess.run([self._ip, *arguments], check=True, capture_output=True, text=True)


def inside(namespace: str, work: Callable[[], None]) -> None:
    """Do `work` on a thread of its own in the namespace; sockets made there stay there."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with open(f"/var/run/netns/{namespace}") as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            work()
        except BaseException as e:  # noqa: BLE001 the test's thread raises it
            failed.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    if failed:
        raise failed[0]


@contextlib.contextmanager
def instrument(cable: Cable) -> Iterator[TcpFaultServer]:
    server = TcpFaultServer(cable.address)
    inside(cable.instrument, server.plug)
    try:
        yield server
    finally:
        server.unplug()


class TestCable(unittest.TestCase):
    def setUp(self) -> None:
        self.cable = self.enterContext(Cable(require("ip")))
        self.server = self.enterContext(instrument(self.cable))

    def order_in_vain(self, backend: Backend) -> None:
        port = int(self.server.resource.split("::")[2])
        # A new cable may lose its first packets; the kernel sends again after a second, the link's own limit.
        socket.create_connection((self.cable.address, port), 20).close()
        link = open_link(LinkConfig(resource=self.server.resource, backend=backend), Wire(timeout=1.0))
        link.connect()
        self.assertEqual(link.query("ECHO 111"), "111")
        self.cable.pull()
        with self.assertRaises(ReplyTimeout) as caught:
            link.query("OUTP ON;*OPC?", 0.05)
        self.assertEqual(caught.exception.delivered, "unknown")
        self.cable.plug()
        # The same with a socket that is simply closed shows that the cable does carry late bytes.
        with socket.create_connection((self.cable.address, port), 20) as plain:
            plain.sendall(b"ECHO 222\n")
            plain.recv(10)
            self.cable.pull()
            plain.sendall(b"LATE\n")
        self.cable.plug()
        self.assertTrue(self.server.wait_for(self.server.received, "LATE"), "the kernel did not send again")
        link.connect()
        self.assertEqual(link.query("ECHO 333"), "333")
        link.drop()
        self.assertEqual(self.server.received, ["ECHO 111", "ECHO 222", "LATE", "ECHO 333"])

    def test_a_timed_out_order_is_never_delivered_when_the_cable_is_back(self):
        inside(self.cable.client, lambda: self.order_in_vain("native"))

    def test_nor_through_pyvisa_py(self):
        inside(self.cable.client, lambda: self.order_in_vain("visa"))
