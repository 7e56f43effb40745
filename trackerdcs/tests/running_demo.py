"""For tests: the demonstrator as a process, and the command line against it."""

import asyncio
import atexit
import functools
import os
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

from trackerdcs.tests.servers import HOST, Server, free_port

TRACKERDCS = str(Path(sys.executable).with_name("trackerdcs"))
LIMIT_S = 60.0


class Demo(Server):
    """The demonstrator at ports and in a folder of its own; `port` is the broker's."""

    def _command(self) -> list[str]:
        ports = ["--broker-port", str(self.port), "--sim-port", str(_five_free_ports())]
        return [TRACKERDCS, "demo", *ports, "--data", str(self.directory / "var")]

    def _answers(self) -> bool:
        return "Try, in another terminal" in self.log()

    @property
    def stand_file(self) -> Path:
        return self.directory / "var" / "stand.json"


def _five_free_ports() -> int:
    """The first of a control port and those after it that the instruments take."""
    while True:
        first = free_port()
        try:
            for port in range(first, first + 5):
                socket.create_server((HOST, port)).close()
        except OSError:
            continue
        return first


@functools.cache
def _shared() -> Demo:
    """Started once, and well."""
    demo = Demo()
    atexit.register(demo.stop)
    command = [TRACKERDCS, "doctor", "--listen", "1", "--file", str(demo.stand_file)]
    deadline = time.monotonic() + LIMIT_S
    while (found := subprocess.run(command, capture_output=True, text=True)).returncode or "WARN" in found.stdout:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the demonstrator is not well:\n{found.stdout}{found.stderr}{demo.log()}")
    return demo


class AgainstTheDemo(unittest.IsolatedAsyncioTestCase):
    """All such tests of a run share one demonstrator; its broker is in `demo.port`."""

    demo: Demo

    @classmethod
    def setUpClass(cls) -> None:
        cls.demo = _shared()

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"TRACKERDCS_STAND_FILE": str(self.demo.stand_file)}

    async def run_cli(self, *args: str) -> subprocess.CompletedProcess[str]:
        def run() -> subprocess.CompletedProcess[str]:
            command = [TRACKERDCS, *args]
            return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, env=self.environment)

        return await asyncio.to_thread(run)

    async def send(self, *args: str) -> tuple[int, str, str]:
        done = await self.run_cli("send", *args)
        return done.returncode, done.stdout, done.stderr
