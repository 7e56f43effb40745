"""For tests: a power channel on a bench, and the truth of its simulated instrument, looked at all the time."""

import asyncio
import contextlib
import threading
import time
import unittest
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Self
from unittest import mock

from trackerdcs.app.backoff import Backoff
from trackerdcs.domain.messages import Ack
from trackerdcs.domain.stand import ChannelConfig, DeviceConfig
from trackerdcs.sim.instrument import Instrument
from trackerdcs.sim.stand import SIMULATORS
from trackerdcs.sim.world import World
from trackerdcs.tests.device_bench import DeviceBench, config_for, device_bench
from trackerdcs.tests.sim_stand import RunningSim, running

UP, DOWN = 250.0, 400.0
STEP = 5.0
"""V; the largest step of a ramp: no way is steeper than the ramp by more than one of them."""


class Trace:
    """The true voltage and switch of ch0, looked at every few milliseconds."""

    def __init__(self, sim: RunningSim) -> None:
        self._sim = sim
        self.points: list[tuple[float, float, float, bool]] = []
        """When a look began and ended (s), the voltage between the two, the switch."""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._end.wait(0.005):
            began, truth = time.monotonic(), self._sim.truth()["ch0"]
            self.points.append((began, time.monotonic(), abs(float(truth["v"])), bool(truth["on"])))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def fastest(self, sign: int, window: float = 0.5) -> float:
        """The steepest way up (1) or down (-1) over `window` s, V/s."""
        steepest, first = 0.0, 0
        for began, t, v, _ in self.points:
            while self.points[first + 1][1] <= began - window:
                first += 1
            t0, ended, v0, _ = self.points[first]
            if began - ended >= window:
                steepest = max(steepest, (sign * (v - v0) - STEP) / (t - t0))
        return steepest

    def largest_step(self) -> float:
        """The largest change at once (V): what lies between two looks beyond the fastest ramp; switching off aside."""
        pairs = zip(self.points, self.points[1:], strict=False)
        return max(abs(v - v0) - 1.1 * DOWN * (t - t0) for (t0, _, v0, _), (_, t, v, on) in pairs if on or v > 0)

    def highest(self) -> float:
        return max(v for _, _, v, _ in self.points)

    def switched_off_at(self) -> float:
        """The voltage just before the output went off the last time."""
        for (_, _, v, on), (*_, later) in reversed(list(zip(self.points, self.points[1:], strict=False))):
            if on and not later:
                return v
        raise AssertionError("never switched off")


class ChannelCase(unittest.IsolatedAsyncioTestCase):
    """Each test runs on each high-voltage supply."""

    name = ""

    def setUp(self) -> None:
        self.enterContext(mock.patch("trackerdcs.app.mover.LOOK", 0.05))
        self.enterContext(mock.patch("trackerdcs.app.owner.Backoff", lambda *_: Backoff(0.1, 1.0)))
        self.sim = self.enterContext(running(self.simulator()))
        limits = ChannelConfig(-800.0, 0.0, 2e-5, ramp_up=UP, ramp_down=DOWN)
        self.config = config_for(self.name, self.sim.resource, channels={"ch0": limits})

    def simulator(self) -> Instrument:
        return SIMULATORS[self.name](World())

    def limited(self, **limits: float | str) -> DeviceConfig:
        channel: Any = self.config.channels["ch0"]
        return replace(self.config, channels={"ch0": replace(channel, **limits)})

    def leak(self, factor: float) -> None:
        """Let the sensor leak so many times its current."""
        name = f"{self.sim.instrument.name}.ch0.i0"
        self.sim.world.set(name, factor * self.sim.world.values()[name])

    @contextlib.asynccontextmanager
    async def at(self, config: DeviceConfig, v: float, **kwargs: Any) -> AsyncIterator[DeviceBench]:
        """A bench whose channel is on at `v`."""
        async with device_bench(config, **kwargs) as bench:
            self.assertEqual((await bench.command("set_voltage", v=v)).state, "done")
            ack = await bench.command("on", wait=20)
            self.assertEqual((ack.state, ack.why), ("done", None))
            yield bench

    async def on_its_way(self, bench: DeviceBench) -> asyncio.Task[Ack]:
        """The command that has the channel ramping up to -400 V, when it has passed -60 V."""
        await bench.command("set_voltage", v=-400.0)
        rising = asyncio.create_task(bench.command("on", wait=20))
        await bench.next_frame(lambda f: float(f.ch["ch0"].get("v_mon", 0)) < -60, "on its way")
        return rising

    async def event(self, bench: DeviceBench, name: str) -> str:
        await bench.until(lambda: [e for e in bench.events if e.event == name], f"event {name}")
        return next(e for e in bench.events if e.event == name).why or ""
