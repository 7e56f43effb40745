"""For tests: the demonstrator as a process, and the command line against it."""

import asyncio
import atexit
import functools
import os
import socket
import subprocess
import time
import unittest
from pathlib import Path

from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.series import Sample, Selection
from trackerdcs.services.stores import open_series
from trackerdcs.settings import load_stand
from trackerdcs.tests import forked
from trackerdcs.tests.servers import HOST, free_port
from trackerdcs.tests.service import Forked

LIMIT_S = 60.0
READY = "Try, in another terminal"
ALWAYS_READ = {"hv1": ("ch0", "v_mon"), "hv2": ("ch0", "v_set"), "lv1": ("ch1", "v_mon"), "env1": ("-", "t_air")}
"""Of each device a quantity that every frame has."""


class Demo(Forked):
    """The demonstrator at ports and in a folder of its own, kept over `restart`; `port` is the broker's."""

    def __init__(self) -> None:
        self.sim_port, self.web_port = free_ports(4), free_ports(1)
        super().__init__([], READY)

    def _command(self) -> list[str]:
        ports = ["--broker-port", str(self.port), "--sim-port", str(self.sim_port), "--web-port", str(self.web_port)]
        self.command = ["demo", *ports, "--data", str(self.data)]
        return super()._command()

    @property
    def data(self) -> Path:
        return self.directory / "var"

    @property
    def stand_file(self) -> Path:
        return self.data / "stand.json"

    def said(self) -> str:
        """All that it said, in its terminal and in its log."""
        return self.log() + (self.data / "demo.log").read_text()

    async def samples(self, device: str, channel: str, quantity: str, since: int = 0) -> list[Sample]:
        """What is stored of a quantity since a time in ns UTC; nothing while there is no database yet."""
        stand = load_stand(self.stand_file)
        series = open_series(stand.store, self.data, read_only=True)
        try:
            return await series.samples(Selection(stand.stand, device, channel, quantity, since, time.time_ns()))
        except StoreDown:
            return []
        finally:
            await series.close()

    async def stored(self, device: str, channel: str, quantity: str, since: int = 0) -> Sample:
        """The newest sample since a time, waited for."""
        async with asyncio.timeout(LIMIT_S):
            while not (found := await self.samples(device, channel, quantity, since)):
                await asyncio.sleep(0.1)
        return found[-1]

    async def all_stored(self, since: int = 0) -> None:
        """Wait until a frame of each device since a time is in the database."""
        for device, (channel, quantity) in ALWAYS_READ.items():
            await self.stored(device, channel, quantity, since)


def free_ports(number: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        first = free_port()
        try:
            for port in range(first, first + number):
                socket.create_server((HOST, port)).close()
        except OSError:
            continue
        return first


@functools.cache
def _shared() -> tuple[Demo, str]:
    """Started once, and what is wrong with it, if it does not become well."""
    demo = Demo()
    atexit.register(demo.stop)
    command = ("doctor", "--listen", "1", "--file", str(demo.stand_file))
    deadline = time.monotonic() + LIMIT_S
    while (found := forked.trackerdcs(command, os.environ)).returncode or "WARN" in found.stdout:
        if time.monotonic() > deadline:
            return demo, f"the demonstrator is not well:\n{found.stdout}{found.stderr}{demo.log()}"
    return demo, ""


class AgainstTheDemo(unittest.IsolatedAsyncioTestCase):
    """All such tests of a run share one demonstrator; its broker is in `demo.port`."""

    demo: Demo

    @classmethod
    def setUpClass(cls) -> None:
        cls.demo, wrong = _shared()
        if wrong:
            raise TimeoutError(wrong)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"TRACKERDCS_STAND_FILE": str(self.demo.stand_file)}

    async def run_cli(self, *args: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(forked.trackerdcs, args, self.environment)

    async def send(self, *args: str) -> tuple[int, str, str]:
        done = await self.run_cli("send", *args)
        return done.returncode, done.stdout, done.stderr
