"""For tests: a stand of several device loops on one broker in memory, with instruments on real sockets and a guard."""

import asyncio
import contextlib
import itertools
import re
import tempfile
import unittest
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from unittest import mock

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.domain import topics
from trackerdcs.domain.channel import Intent
from trackerdcs.domain.codec import encode
from trackerdcs.domain.dependence import Surroundings, surroundings
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.interlock import ConditionConfig, InterlockConfig
from trackerdcs.domain.messages import Bypass, Interlock
from trackerdcs.domain.stand import BusConfig, ChannelConfig, DeviceConfig, LinkConfig, Stand
from trackerdcs.drivers.registry import wired
from trackerdcs.ports import Bus, Will
from trackerdcs.sim.hmp4040 import Hmp4040
from trackerdcs.sim.instrument import Instrument
from trackerdcs.sim.iseg_shr import IsegShr
from trackerdcs.sim.world import World
from trackerdcs.tests.device_bench import DeviceBench, device_on
from trackerdcs.tests.sim_stand import RunningSim, running

PERIOD = 0.1
T_UNKNOWN = 0.3
PATIENT = 2.0
"""Seconds until an answer counts as lost: a slow machine is no fault of a link."""
UNHEARD = re.compile("no fresh reading|not heard|, is off$|but still at")
Join = Callable[[str, Will | None], Bus]
BOX = InterlockConfig({"humidity": ConditionConfig("env1.rh", "never", max=40.0)})


class Guard:
    """Says what it is told to say of its interlocks, each period, like a guard."""

    def __init__(self, bus: Bus, interlocks: dict[str, InterlockConfig]) -> None:
        self._bus, self._clock, self._number = bus, SystemClock(), itertools.count()
        now = self._clock.now()
        self.said = {n: Interlock("ok", i.action, now, now, 0, "g1") for n, i in interlocks.items()}
        self.silent = False

    async def say(self, name: str, state: Literal["ok", "open", "unknown"], **more: Any) -> None:
        """Change one interlock, and say so at once."""
        self.said[name] = replace(self.said[name], state=state, **more)
        await self.tell(name)

    async def tell(self, name: str) -> None:
        said = self.said[name] = replace(self.said[name], ts=self._clock.now(), seq=next(self._number))
        await self._bus.publish(topics.interlock("s", name), encode(said), retain=True)

    async def speak(self) -> None:
        while True:
            if not self.silent:
                with contextlib.suppress(BusDown):
                    for name in self.said:
                        await self.tell(name)
            await asyncio.sleep(PERIOD)

    def bypassed(self) -> Bypass:
        return Bypass("a person", "test", self._clock.now() + 10**12)


class StandBench:
    """`hv` has the modules m-0 to m-3 on its channels, `lv` m-0 on ch1 and m-1 on ch2."""

    def __init__(self, join: Join, me: Bus, stand: Stand, folder: Path, guard: Guard) -> None:
        self._join, self.me, self.stand, self.guard, self._folder = join, me, stand, guard, folder

    def around(self, device: str) -> Surroundings:
        return replace(surroundings(self.stand, device, wired(self.stand)), guard_period=PERIOD)

    @contextlib.asynccontextmanager
    async def device(self, name: str, boot: str = "boot1") -> AsyncIterator[DeviceBench]:
        """Run one of the devices."""
        config, around = self.stand.devices[name], self.around(name)
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        async with device_on(self._join, self.me, config, folder, name, boot, around=around) as bench:
            await bench.until(lambda: bench.metas and bench.frames, "first frame")
            yield bench

    def intend(self, device: str, ch: str, intent: Intent) -> None:
        """Let the last run of a device have begun something."""
        with contextlib.closing(SqliteCommandLog(self._folder / device / "c.sqlite")) as log:
            log.intend(ch, intent, None)


class StandCase(unittest.IsolatedAsyncioTestCase):
    """A high-voltage and a low-voltage supply that share modules."""

    def setUp(self) -> None:
        self.enterContext(mock.patch("trackerdcs.app.mover.LOOK", 0.05))
        self.hv_sim: RunningSim = self.enterContext(running(self.high_voltage()))
        self.lv_sim: RunningSim = self.enterContext(running(Hmp4040(World())))

    def high_voltage(self) -> Instrument:
        return IsegShr(World())

    def hv_config(self, **changes: Any) -> DeviceConfig:
        limits = ChannelConfig(-800.0, 0.0, 2e-5, ramp_up=400, ramp_down=400, kill_rate=400)
        channels = {f"ch{i}": replace(limits, **{"module": f"m-{i}"} | changes) for i in range(2)}
        link = LinkConfig(self.hv_sim.resource, timeout=PATIENT)
        sim = "SIM" in type(self.hv_sim.instrument).identity
        return DeviceConfig("iseg_shr", link, sim=sim, period=PERIOD, channels=channels)

    def lv_config(self) -> DeviceConfig:
        limits = ChannelConfig(0.0, 12.5, 2.0)
        channels = {f"ch{i + 1}": replace(limits, module=f"m-{i}") for i in range(2)}
        link = LinkConfig(self.lv_sim.resource, timeout=PATIENT, min_interval=0.001)
        return DeviceConfig("hmp4040", link, sim=True, period=PERIOD, channels=channels)

    @contextlib.asynccontextmanager
    async def stand(
        self, interlocks: dict[str, InterlockConfig] | None = None, join: Join | None = None, **hv: Any
    ) -> AsyncIterator[StandBench]:
        """A stand whose guard speaks; `hv` changes the channels of its high voltage, `join` is another broker's."""
        devices = {"hv": self.hv_config(**hv), "lv": self.lv_config()}
        stand = Stand("s", devices, bus=BusConfig("embedded"), interlocks=interlocks or {})
        self.broker = MemoryBroker()
        join = join or (lambda client, will: MemoryBus(self.broker, client, will))
        with tempfile.TemporaryDirectory() as folder:
            async with join("me", None) as me, join("guard", None) as bus:
                guard = Guard(bus, stand.interlocks)
                speaking = asyncio.create_task(guard.speak())
                try:
                    yield StandBench(join, me, stand, Path(folder), guard)
                finally:
                    speaking.cancel()

    async def done(self, bench: DeviceBench, cmd: str, ch: str = "ch0", **args: Any) -> None:
        """Send a command that is to be done; what it depends on may have to be heard first."""
        async with asyncio.timeout(20):
            while UNHEARD.search((ack := await bench.command(cmd, ch, wait=20, **args)).why or ""):
                await asyncio.sleep(PERIOD)
        self.assertEqual((ack.state, ack.why), ("done", None), cmd)

    async def refused(self, bench: DeviceBench, why: str, cmd: str, ch: str = "ch0", **args: Any) -> None:
        """Send a command that is to be refused, and in the end for this reason."""
        async with asyncio.timeout(20):
            while not re.search(why, (ack := await bench.command(cmd, ch, **args)).why or ""):
                self.assertEqual(ack.state, "refused", ack)
                await asyncio.sleep(PERIOD)
        self.assertEqual(ack.state, "refused", ack)

    async def up(self, hv: DeviceBench, v: float = -60.0, ch: str = "ch0") -> None:
        """High voltage on; a way up that a slow machine has ended goes on."""
        await self.done(hv, "set_voltage", ch, v=v)
        await self.done(hv, "on", ch)
        await self.done(hv, "set_voltage", ch, v=v)

    async def event(self, bench: DeviceBench, name: str, ch: str | None = "ch0") -> str:
        """What the device says of an event of a channel."""
        found = await bench.until(
            lambda: [e for e in bench.events if e.event == name and e.ch == ch], f"event {name}", wait=10
        )
        return found[-1].why or ""

    async def down(self, bench: DeviceBench, sim: RunningSim, ch: str = "ch0") -> None:
        """Wait until an output is truly off."""
        await bench.until(lambda: not sim.truth()[ch]["on"], f"{ch} off", wait=10)
