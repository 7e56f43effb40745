"""For tests: a bridge with the real simulated programs, a real broker and SQLite stores, and the stand around it."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import tempfile
import unittest
from collections.abc import Coroutine
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.runs_sqlite import SqliteRuns
from trackerdcs.app.requester import Requester, Unknown
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode
from trackerdcs.domain.messages import Ack, Event, Frame, RunNote, Status
from trackerdcs.domain.ph2acf.setup import BridgeConfig, RecipeConfig
from trackerdcs.domain.run import Run, RunQuery
from trackerdcs.domain.stand import BusConfig, ChannelConfig, DeviceConfig, LinkConfig, SimConfig, Stand
from trackerdcs.services import bridge, device, loader, recorder
from trackerdcs.sim.stand import SimStand
from trackerdcs.tests.running_demo import free_ports
from trackerdcs.tests.servers import Mosquitto
from trackerdcs.tests.waiting import until

NAME = "ph2acf1"
FAST = {"TRACKERDCS_PH2ACF_SPEED": "100000", "TRACKERDCS_PH2ACF_SEED": "7"}
QUICK = {"calibration": "calibrationandpedenoise", "config": "PS_Module.xml"}
FREE = BridgeConfig(
    {name: RecipeConfig() for name in ("calibrationandpedenoise", "pedenoise", "alignment", "PSquickTest")},
    sim=True,
    period=0.2,
    stop_wait=1.0,
    environment=FAST,
)
"""A bridge that needs nothing of its stand."""


class BridgeCase(unittest.IsolatedAsyncioTestCase):
    """A broker for all tests of a class; a folder, a client that listens, and services as tasks for each test."""

    broker: Mosquitto

    @classmethod
    def setUpClass(cls) -> None:
        cls.broker = Mosquitto()
        cls.addClassCleanup(cls.broker.stop)

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)
        logging.disable(logging.WARNING)
        self.addCleanup(logging.disable, logging.NOTSET)
        self.data = Path(self.enterContext(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        self.addCleanup(self._end_programs)
        self.stack = contextlib.AsyncExitStack()
        self.addAsyncCleanup(self.stack.aclose)
        first = free_ports(4)
        self.name = f"s{os.getpid()}-{first}"
        instruments = {"hv1": "iseg_shr", "lv1": "hmp4040"}
        devices = {
            name: DeviceConfig(driver, LinkConfig(f"TCPIP::127.0.0.1::{first + 1 + i}::SOCKET"), sim=True, period=0.3)
            for i, (name, driver) in enumerate(instruments.items())
        }
        hv = ChannelConfig(-800.0, 0.0, 2e-5, ramp_up=400.0, ramp_down=400.0, step_max=50.0, module="m-1")
        lv = ChannelConfig(0.0, 12.5, 2.0, module="m-1")
        devices["hv1"] = replace(devices["hv1"], channels={"ch0": hv, "ch1": replace(hv, module="m-2")})
        devices["lv1"] = replace(devices["lv1"], channels={"ch1": lv, "ch2": replace(lv, module="m-2")})
        self.stand = Stand(
            self.name,
            devices,
            data=str(self.data),
            bus=BusConfig(host=self.broker.host, port=self.broker.port),
            users={"cli": "expert", "web": "expert", NAME: "shifter"},
            calibrations={NAME: FREE},
            sim=SimConfig(control=first, speed=1.0),
        )
        bus = MqttBus(self.stand.bus, f"client-{self.name}")
        self.bus = await self.stack.enter_async_context(bus)
        self.frames: list[tuple[str, Frame]] = []
        self.notes: list[tuple[str, RunNote | None]] = []
        self.statuses: list[tuple[str, Status]] = []
        self.events: list[Event] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        listening = asyncio.create_task(self._listen())
        self.addAsyncCleanup(self._cancelled, listening)
        await asyncio.sleep(0.05)

    async def _listen(self) -> None:
        async for delivery in self.bus.subscribe(topics.all_of(self.name)):
            delivery.acknowledge()
            where = topics.parse(delivery.topic)
            if where.kind == "frame":
                self.frames.append((where.device or "", decode(Frame, delivery.payload)))
            elif where.kind == "run":
                note = decode(RunNote, delivery.payload) if delivery.payload else None
                self.notes.append((where.item or "", note))
            elif where.kind == "status" and not delivery.retained:
                self.statuses.append((where.device or "", decode(Status, delivery.payload)))
            elif where.kind == "event":
                self.events.append(decode(Event, delivery.payload))

    def _end_programs(self) -> None:
        """A program outlives its bridge; no test leaves one behind."""
        for path in self.data.glob("*/open/*.json"):
            if born := json.loads(path.read_text())["born"]:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(born["pid"], signal.SIGKILL)

    async def _cancelled(self, task: "asyncio.Task[None]") -> None:
        task.cancel()
        await asyncio.wait({task})

    def begin(self, name: str, service: Coroutine[Any, Any, None]) -> None:
        """A service of the stand, until the end of the test or `end(name)`."""
        self.tasks[name] = asyncio.create_task(service)
        self.addAsyncCleanup(self.end, name)

    async def end(self, name: str) -> None:
        """Tell it to stop."""
        if (task := self.tasks.pop(name, None)) is not None:
            task.cancel()
            await asyncio.wait({task})

    def setup(self, config: BridgeConfig, name: str = NAME) -> None:
        """Another configuration, for the next start."""
        self.stand = replace(self.stand, calibrations=self.stand.calibrations | {name: config})

    async def pilot(self, name: str = NAME) -> None:
        """Start the bridge, and wait until it hears."""
        before, said = len(self.frames), len(self.statuses)
        self.begin(name, bridge.serve(self.stand, name))
        await self.heard(name, before)
        await until(lambda: any(who == name and s.state != "offline" for who, s in self.statuses[said:]))

    async def heard(self, name: str, before: int = 0) -> Frame:
        """The next frame of a device."""

        def found() -> Frame | None:
            if name in self.tasks and self.tasks[name].done():
                self.tasks[name].result()
            return next((frame for device, frame in self.frames[before:] if device == name), None)

        await until(found)
        frame = found()
        assert frame is not None
        return frame

    async def furnish(self) -> None:
        """The stand around the bridge: instruments, their services, loader and recorder."""
        await self.stack.enter_async_context(SimStand(self.stand))
        self.begin("loader", loader.serve([self.stand]))
        self.begin("recorder", recorder.serve([self.stand]))
        for name in self.stand.devices:
            self.begin(name, device.serve(self.stand, name))
        for name in self.stand.devices:
            await self.heard(name)

    def write_stand(self) -> Path:
        """The stand as a file, for a service in a process of its own."""
        path = self.data / "stand.json"
        path.write_text(json.dumps(asdict(self.stand)), encoding="utf-8")
        return path

    async def tell(self, device: str, cmd: str, ch: str = "-", /, **args: float | str) -> Ack:
        """The last answer to a command."""
        requester = Requester(self.bus, SystemClock(), "cli", 20.0)
        last: Ack | Unknown | None = None
        async for answer in requester.request(self.name, device, cmd, ch, args, "test", 60.0):
            last = answer
        assert isinstance(last, Ack), last
        return last

    async def start(self, name: str = NAME, /, **args: float | str) -> str:
        """Start a calibration, and the id of its run."""
        ack = await self.tell(name, "start_calibration", **(QUICK | args))
        self.assertEqual(ack.state, "done", ack.why)
        return str(ack.readback["run"])

    async def over(self, run: str, limit: float = 90.0) -> Run:
        """The record of a run in its final state, as it is in the store, and said on the bus."""
        await until(
            lambda: any(id == run and note and note.state in ("done", "failed", "aborted") for id, note in self.notes),
            limit,
        )
        found = self.runs().run(run)
        assert found is not None
        self.assertTrue(found.final, found.state)
        return found

    def runs(self) -> SqliteRuns:
        """The store of runs, as a guest."""
        store = SqliteRuns(self.data / "runs.sqlite", guest=True)
        self.addCleanup(store.close)
        return store

    async def stored(self, number: int = 1) -> list[Run]:
        """So many records at least."""
        found: list[Run] = []
        async with asyncio.timeout(30):
            while len(found) < number:
                await asyncio.sleep(0.1)
                if (self.data / "runs.sqlite").exists():
                    found = self.runs().runs(RunQuery())
        return found
