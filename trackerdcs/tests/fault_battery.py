"""Every fault at every step of a channel's way up and down, judged by the truth; test_fault_battery.py generates it."""

import asyncio
import itertools
import unittest
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

from trackerdcs.domain.messages import FINAL, Ack
from trackerdcs.domain.stand import DeviceConfig, LinkConfig
from trackerdcs.sim.serve import TcpServer
from trackerdcs.sim.stand import SIMULATORS
from trackerdcs.sim.world import World
from trackerdcs.tests.device_bench import DeviceBench, config_for, device_bench
from trackerdcs.tests.driver_cases import Kind, orders
from trackerdcs.tests.driver_faults import FAULTS as WIRE_FAULTS
from trackerdcs.tests.long import long
from trackerdcs.tests.sim_stand import RunningSim, running
from trackerdcs.tests.waiting import until
from trackerdcs.tests.whole_trace import WholeTrace

TIMEOUT, LATE = 0.25, 0.35
LASTS, PASSES = 0.7, 0.3
"""Seconds of a fault that lasts, and until one that happens to a single reply has passed."""
PATIENCE = 60.0
WINDOW = 0.12
"""Seconds over which a ramp is judged: a part of the way, else a jump looks like a ramp."""
RATE = 400.0
"""V/s, of the ramps that `config_for` gives."""


@dataclass(frozen=True)
class Fault:
    """One class of faults: its name in the simulator and its arguments, of which a number is a part of the target."""

    name: str
    args: dict[str, Any] = field(default_factory=dict)
    times: int | None = None
    on_the_wire: bool = False
    """The instrument itself does nothing of its own: no ramp is steeper, no voltage moves that was not told to."""
    raises: float = 1.0
    """The highest target that it leads to, in targets."""

    @property
    def hides(self) -> bool:
        """An order may have arrived though nobody says so."""
        return self.times is not None or self.name in ("hang", "refuse")

    def arguments(self, ch: str, target: float) -> dict[str, Any]:
        where = {"channel": ch} if self.name in ("trip", "front_panel") else {}
        return where | {key: value * target if key == "v_set" else value for key, value in self.args.items()}


BATTERY: dict[str, Fault] = {
    **{
        name: Fault(name, args | ({"delay": LATE} if "delay" in args else {}), 1, on_the_wire=True)
        for name, args in WIRE_FAULTS.items()
    },
    "hang": Fault("hang", on_the_wire=True),
    "refuse": Fault("refuse", on_the_wire=True),
    "stuck": Fault("stuck", on_the_wire=True),
    "ignore_set": Fault("ignore_set", on_the_wire=True),
    "interlock": Fault("interlock"),
    "trip": Fault("trip"),
    "brown_out": Fault("brown_out"),
    "knob_down": Fault("front_panel", {"v_set": 0.5}),
    "knob_up": Fault("front_panel", {"v_set": 1.2}, raises=1.2),
    "switched_off_by_hand": Fault("front_panel", {"on": False}),
}
STEPS = ("on", "switched_on", "ramp_up", "at_target", "ramp_down", "switched_off", "off")
"""At the beginning of `on`; at the very order that switches on; and so forth; when all is off."""
SLICE = (("drop", "switched_on"), ("late_tail", "ramp_up"), ("reset", "ramp_down"))
"""For every run of the tests, on TCP: one to each supply in turn."""


class Case:
    """One fault at one step: the commands, the fault, and what the truth must have been all the time."""

    def __init__(
        self, test: unittest.TestCase, fault: Fault, sim: RunningSim, bench: DeviceBench, trace: WholeTrace
    ) -> None:
        self.test, self.fault, self.sim, self.bench, self.trace = test, fault, sim, bench, trace
        self.ch = trace.ch
        described = bench.metas[-1].channels[self.ch].commands["set_voltage"].args["v"]
        low, high = described.low or 0.0, described.high or 0.0
        self.target = max(low, -160.0) if low < 0 else min(high, 1.5)
        self.hv = bench.metas[-1].kind == "hv"
        self.armed = False

    async def run(self, step: str) -> None:
        """From off, through the step with the fault, to off."""
        done = await self.bench.command("set_voltage", self.ch, v=self.target)
        self.test.assertEqual((done.state, done.why), ("done", None))
        told = len(orders(self.sim.transcript))
        match step:
            case "on":
                ack = await self.struck("on", lambda: True)
                if ack.state == "failed" and self.fault.hides:
                    await until(lambda: not self.trace.points[-1][3], PATIENCE)  # what came through late is undone
            case "switched_on":
                ack = await self.struck("on", self.arm_when_it_switches())
                if ack.state == "failed" and self.fault.times:
                    await until(lambda: not self.trace.points[-1][3], PATIENCE)  # and nobody has told it to
            case "ramp_up":
                await self.struck("on", lambda: self.at() > 0.3 * abs(self.target))
            case "at_target":
                await self.plainly("on")
                told = len(orders(self.sim.transcript))
                await self.strike()
            case "ramp_down":
                await self.plainly("on")
                ack = await self.struck("off", lambda: self.at() < 0.7 * abs(self.target))
                if self.fault.on_the_wire and self.fault.name != "ignore_set":
                    self.test.assertEqual((ack.state, ack.why), ("done", None), "off is never given up")
            case "switched_off":
                await self.plainly("on")
                await self.struck("off", self.arm_when_it_switches())
            case "off":
                await self.plainly("on")
                await self.plainly("off")
                told = len(orders(self.sim.transcript))
                await self.strike()
        if step in ("at_target", "off") and self.fault.on_the_wire:
            self.test.assertEqual(orders(self.sim.transcript)[told:], [], "connecting again tells it nothing")
            if step == "at_target":
                self.test.assertAlmostEqual(self.at(), abs(self.target), delta=self.close)
        await self.plainly("off")
        await asyncio.sleep(0.2)

    @property
    def close(self) -> float:
        return 1.0 if self.hv else 0.1

    def at(self) -> float:
        return self.trace.points[-1][2]

    async def plainly(self, cmd: str) -> None:
        """A command while nothing is wrong any more."""
        ack = await self.bench.command(cmd, self.ch, wait=PATIENCE)
        self.test.assertEqual((ack.state, ack.why), ("done", None), cmd)

    def arm_when_it_switches(self) -> Callable[[], bool]:
        """The fault hits the reply to the order that switches the output; whether it has."""
        instrument, faults = self.sim.instrument, self.sim.server.faults
        handle, before = instrument.handle, instrument.truth()[self.ch]["on"]

        def listening(line: str) -> str | None:
            reply = handle(line)
            if instrument.truth()[self.ch]["on"] != before:
                instrument.handle = handle  # type: ignore[method-assign]
                if self.fault.times:
                    faults.arm(self.fault.name, self.fault.times, self.fault.arguments(self.ch, self.target))
                self.armed = True
            return reply

        instrument.handle = listening  # type: ignore[method-assign]
        return lambda: self.armed

    async def struck(self, cmd: str, moment: Callable[[], bool]) -> Ack:
        """A command that the fault hits at a moment; its final ack."""
        command = asyncio.create_task(self.bench.command(cmd, self.ch, wait=PATIENCE))
        await until(lambda: moment() or command.done())
        await self.strike()
        return await command

    async def strike(self) -> None:
        """The fault, and its end; a device that polls well again."""
        if not (self.armed and self.fault.times):
            self.sim.faults.set(self.fault.name, self.fault.times, **self.fault.arguments(self.ch, self.target))
        if self.fault.times:
            await until(lambda: not self.sim.server.faults.active())
        await asyncio.sleep(PASSES if self.fault.times else LASTS)
        self.sim.faults.clear()
        await self.bench.next_frame(lambda f: "on" in f.ch.get(self.ch, {}), "well again", PATIENCE)

    def judge(self) -> None:
        """What must have been so all the time."""
        test, trace = self.test, self.trace
        truth = self.sim.truth()
        test.assertFalse(truth[self.ch]["on"], "the latest intent was off")
        test.assertLessEqual(trace.highest(), self.fault.raises * abs(self.target) + self.close, "above every target")
        if self.fault.on_the_wire and self.hv:
            test.assertLessEqual(trace.fastest(1, WINDOW), 1.1 * RATE)
            test.assertLessEqual(trace.fastest(-1, WINDOW), 1.1 * RATE)
        if self.fault.name != "brown_out":
            test.assertEqual(trace.others, set(), "another channel has changed")
        finals = Counter(ack.id for ack in self.bench.acks if ack.state in FINAL)
        asked = {ack.id for ack in self.bench.acks}
        test.assertEqual(finals, dict.fromkeys(asked, 1), "each command has exactly one final ack")
        test.assertEqual(list(trace.lies(self.bench.frames, stuck=self.fault.name == "stuck")), [])


class Battery(unittest.IsolatedAsyncioTestCase):
    """One supply on one wire; each fault is a test, each step a subtest."""

    name: str
    kind: Kind

    def setUp(self) -> None:
        self.enterContext(mock.patch("trackerdcs.app.mover.LOOK", 0.05))

    @asynccontextmanager
    async def case(self, fault: Fault) -> AsyncIterator[Case]:
        with running(SIMULATORS[self.name](World()), self.kind) as sim, WholeTrace(sim) as trace:
            async with device_bench(self.config(sim)) as bench:
                yield Case(self, fault, sim, bench, trace)

    def config(self, sim: RunningSim) -> DeviceConfig:
        config = config_for(self.name, sim.resource)
        return replace(config, link=LinkConfig(sim.resource, timeout=TIMEOUT, min_interval=0.0))

    async def strike(self, name: str, steps: tuple[str, ...]) -> None:
        fault, nobody = BATTERY[name], SIMULATORS[self.name](World())
        try:
            await TcpServer(nobody).fault(fault.name, fault.times, fault.arguments(next(iter(nobody.truth())), 0.0))
        except ValueError as e:
            self.skipTest(f"it has no such fault: {e}")
        for step in steps:
            with self.subTest(step):
                async with self.case(fault) as case:
                    await case.run(step)
                    case.judge()


def generate(names: list[str], kinds: tuple[Kind, ...]) -> dict[str, type[Battery]]:
    """A class for each supply on each wire, with a test for each fault; and one for a slice of it on TCP."""
    made = {}
    for name, (fault, step) in zip(names, itertools.cycle(SLICE), strict=False):
        sliced = {f"test_{fault}_{step}": _test(fault, (step,))}
        made[f"Slice_{name}"] = type(f"Slice_{name}", (Battery,), {"name": name, "kind": "tcp", **sliced})
        for kind in kinds:
            tests = {f"test_{fault}": _test(fault, STEPS) for fault in BATTERY}
            title = f"Battery_{name}_{kind}"
            made[title] = long(type(title, (Battery,), {"name": name, "kind": kind, **tests}))
    return made


def _test(fault: str, steps: tuple[str, ...]) -> Callable[[Battery], Awaitable[None]]:
    async def test(self: Battery) -> None:
        await self.strike(fault, steps)

    return test
