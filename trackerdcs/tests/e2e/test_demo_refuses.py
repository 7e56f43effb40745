"""What is in the demonstrator's way is an error that names it and the option that helps, with exit status 78."""

import ctypes
import os
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from trackerdcs.tests import forked
from trackerdcs.tests.running_demo import LIMIT_S, READY, Demo, free_ports
from trackerdcs.tests.servers import HOST
from trackerdcs.tests.service import TRACKERDCS

_LIBC = ctypes.CDLL(None)


def _may_not_write_everywhere() -> None:
    """Take from root, who may run the tests, what others do not have: CAP_DAC_OVERRIDE, also after exec."""
    if os.geteuid() == 0 and _LIBC.prctl(24, 1, 0, 0, 0):
        raise OSError("PR_CAPBSET_DROP failed")


def _as_somebody(command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """A start of one who may not write everywhere."""
    whole, weaken = [TRACKERDCS, *command], _may_not_write_everywhere
    return subprocess.run(whole, capture_output=True, text=True, timeout=LIMIT_S, preexec_fn=weaken)


class TestInTheWay(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def refused(self, *words: str, started: bool = False, weak: bool = False, **options: object) -> None:
        given: dict[str, object] = {"broker-port": free_ports(1), "sim-port": free_ports(4), "web-port": free_ports(1)}
        given["data"] = self.folder / "data"
        given |= {name.replace("_", "-"): value for name, value in options.items()}
        command = ("demo", *(f"--{name}={value}" for name, value in given.items()))
        done = _as_somebody(command) if weak else forked.trackerdcs(command, os.environ)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertEqual(READY in done.stdout, started)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def take(self, port: int) -> None:
        self.addCleanup(socket.create_server((HOST, port)).close)

    def test_the_port_of_the_broker(self) -> None:
        port = free_ports(1)
        self.take(port)
        self.refused(f"{HOST}:{port}", "in use", "--broker-port", broker_port=port)

    def test_the_port_of_the_web_service(self) -> None:
        port = free_ports(1)
        self.take(port)
        self.refused(f"--port {port}", "in use", "--web-port", web_port=port)

    def test_the_ports_of_the_simulators(self) -> None:
        for offset, name in enumerate(("sim.control", "devices.hv1", "devices.hv2", "devices.lv1")):
            with self.subTest(name):
                first = free_ports(4)
                self.take(first + offset)
                self.refused(name, str(first + offset), "in use", "--sim-port", sim_port=first)

    def test_a_folder_that_cannot_be(self) -> None:
        (self.folder / "file").touch()
        for data in (self.folder / "file", self.folder / "file" / "below"):
            self.refused(f"--data {data}", data=data)

    def test_a_folder_that_may_not_be_written(self) -> None:
        folder = self.folder / "data"
        folder.mkdir()
        folder.chmod(0o500)
        self.refused(f"--data {folder}: Permission denied", weak=True)

    def test_a_file_of_another_kind(self) -> None:
        (self.folder / "data").mkdir()
        (self.folder / "data" / "series.sqlite").write_text("this is no database, and has more bytes than a header" * 9)
        self.refused("series.sqlite", "--data", started=True)

    def test_another_demonstrator_in_the_same_folder(self) -> None:
        with Demo() as demo:
            self.refused("another demonstrator", str(demo.data), "--data", data=demo.data)
