"""Random commands, faults, interlocks and restarts on one channel, and what the truth must have been meanwhile."""

import asyncio
import itertools
import time
from bisect import bisect
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

from trackerdcs.domain import topics
from trackerdcs.domain.codec import encode
from trackerdcs.domain.messages import FINAL, Ack, Command
from trackerdcs.tests.device_bench import DeviceBench
from trackerdcs.tests.sim_stand import RunningSim
from trackerdcs.tests.stand_bench import StandBench
from trackerdcs.tests.waiting import until
from trackerdcs.tests.whole_trace import WholeTrace

RATE = 400.0
"""V/s, of ramps and of a kill."""
WINDOW = 0.15
SLACK = 0.3
"""Seconds that an old target still counts after a lower one is reached: what is told takes a moment to be told."""
WIRE = ("late", "drop", "partial", "late_tail", "garbage", "double", "close", "reset")
BOX = "box"


@dataclass(frozen=True)
class Act:
    """One thing that happens, and the pause (s) after it."""

    what: str
    v: int = 0
    pause: float = 0.1


_pauses = st.floats(0.02, 0.5).map(lambda s: round(s, 2))
ACTS = st.one_of(
    st.builds(Act, st.sampled_from(("go", "set_voltage")), st.integers(20, 150), _pauses),
    st.builds(Act, st.sampled_from(("on", "off", "hold", "clear_trip")), st.just(0), _pauses),
    st.builds(Act, st.sampled_from(WIRE), st.integers(1, 3), _pauses),
    st.builds(Act, st.sampled_from(("open", "ok", "unknown", "silent", "hang", "knob")), st.integers(5, 100), _pauses),
    st.builds(Act, st.sampled_from(("restart", "kill", "emergency_off")), st.just(0), _pauses),
)


@dataclass(frozen=True)
class Moment:
    """Something that changes what the truth may be, at a time on the monotonic clock."""

    at: float
    what: Literal["sent", "final", "knob", "restart"]
    id: str = ""
    cmd: str = ""
    v: float | None = None


class Play:
    """Carries acts out on the device `hv` of a stand."""

    def __init__(self, stand: StandBench, sim: RunningSim) -> None:
        self._stand, self._sim = stand, sim
        self.seen = DeviceBench(stand.me, "hv")
        self.moments: list[Moment] = []
        self.acts: Counter[str] = Counter()
        self._numbers, self._boots = itertools.count(), itertools.count()
        self._device = AsyncExitStack()

    async def perform(self, acts: list[Act]) -> None:
        """All of it, then the end: no fault any more, an open interlock, and off."""
        listening = asyncio.create_task(self.seen.listen())
        await self._start()
        try:
            await self._up()
            for act in acts:
                self.acts[act.what] += 1
                await self._do(act)
                await asyncio.sleep(act.pause)
            await self._end()
        finally:
            await self._device.aclose()
            listening.cancel()

    async def _up(self) -> None:
        """To 150 V; what it depends on may have to be heard first."""
        async with asyncio.timeout(20):
            while abs(float(self._sim.truth()["ch0"]["v"])) < 149.0:
                await self._ended(await self._send("set_voltage", -150.0))
                await self._ended(await self._send("on"))

    async def _end(self) -> None:
        self._sim.faults.clear()
        self._stand.guard.silent = False
        await self._stand.guard.say(BOX, "open")
        await until(lambda: not self._sim.truth()["ch0"]["on"])
        await self._ended(await self._send("off"))
        for taken in {ack.id for ack in self.seen.acks}:
            await self._ended(taken)
        await asyncio.sleep(0.3)

    async def _ended(self, id: str, limit: float = 30.0) -> None:
        await until(lambda: any(a.id == id and a.state in FINAL for a in self.seen.acks), limit)

    async def _start(self) -> None:
        bench = self._stand.device("hv", f"boot{next(self._boots)}")
        await self._device.enter_async_context(bench)

    async def _do(self, act: Act) -> None:
        match act.what:
            case "go" | "set_voltage":
                id = await self._send("set_voltage", -float(act.v))
                if act.what == "go":
                    with suppress(TimeoutError):
                        await self._ended(id, 1.0)
                    await self._send("on")
            case "open" | "ok" | "unknown":
                self._stand.guard.silent = False
                await self._stand.guard.say(BOX, act.what)
            case "silent":
                self._stand.guard.silent = True
            case "hang":
                self._sim.faults.set("hang", None)
                await asyncio.sleep(0.5)
                self._sim.faults.clear("hang")
            case "knob":
                self._note("knob", v=float(act.v))
                self._sim.faults.set("front_panel", channel="ch0", v_set=-float(act.v))
            case "restart":
                await self._device.aclose()
                self._note("restart")
                self._device = AsyncExitStack()
                await self._start()
            case "kill":
                await self._stand.me.publish(topics.kill("s", "cli"), b"")
            case fault if fault in WIRE:
                args = {"delay": 0.4} if fault in ("late", "late_tail") else {}
                self._sim.faults.set(fault, act.v, **args)
            case cmd:
                await self._send(cmd)

    async def _send(self, cmd: str, v: float | None = None) -> str:
        id, now = f"play-{next(self._numbers)}", time.time_ns()
        self._note("sent", id, cmd, v)
        command = Command(id, cmd, now, now + 5 * 10**9, "ch0", {} if v is None else {"v": v}, reason="test")
        await self._stand.me.publish(topics.command("s", "hv", "cli"), encode(command))
        return id

    def _note(self, what: Any, id: str = "", cmd: str = "", v: float | None = None) -> None:
        self.moments.append(Moment(time.monotonic(), what, id, cmd, v))


@dataclass(frozen=True)
class Bound:
    """From a moment on: the highest voltage that may be, what it was before, whether the output must be off."""

    since: float
    allowed: float = 0.0
    before: float = 0.0
    off: bool = False


def bounds(play: Play) -> list[Bound]:
    """What the commands that were sent and their ends allow, oldest first."""
    shift = time.time() - time.monotonic()
    sent = {m.id: m for m in play.moments if m.what == "sent"}
    ends = [_final(ack, sent[ack.id], shift) for ack in play.seen.acks if ack.state in FINAL and ack.id in sent]
    under_way: set[str] = set()
    found = [Bound(0.0)]
    for m in sorted((*play.moments, *ends), key=lambda m: m.at):
        last = found[-1]
        match m.what:
            case "sent":
                under_way.add(m.id)
                off = last.off and m.cmd not in ("on", "set_voltage")
                found.append(Bound(m.at, max(last.allowed, abs(m.v or 0.0)), last.before, off))
            case "knob":
                found.append(Bound(m.at, max(last.allowed, abs(m.v or 0.0)), last.before))
            case "restart":
                under_way.clear()
            case "final":
                under_way.discard(m.id)
                if not under_way and m.v is not None:
                    found.append(Bound(m.at, abs(m.v), last.allowed, m.cmd == "off"))
    return found


def _final(ack: Ack, sent: Moment, shift: float) -> Moment:
    """The end of a command; with the voltage if it says that the channel is there."""
    there = ack.state == "done" and sent.cmd in ("set_voltage", "off") and "v_set" in ack.readback
    return Moment(ack.ts / 1e9 - shift, "final", ack.id, sent.cmd, float(ack.readback["v_set"]) if there else None)


def wrong(play: Play, trace: WholeTrace) -> list[str]:
    """What was not as it must be, by the truth."""
    found, said = list(trace.lies(play.seen.frames)), bounds(play)
    for began, _, v, on in trace.points:
        bound = said[bisect(said, began, key=lambda b: b.since) - 1]
        allowed = max(bound.allowed, bound.before) if began < bound.since + SLACK else bound.allowed
        if v > allowed + 1.0:
            found.append(f"{v:.0f} V, {allowed:.0f} V were asked for")
        if on and bound.off:
            found.append("on after off was done")
    finals = Counter(a.id for a in play.seen.acks if a.state in FINAL)
    found += [f"{id} has {n} final acks" for id, n in finals.items() if n > 1]
    if trace.others:
        found.append(f"another channel has changed: {trace.others}")
    if trace.points[-1][3]:
        found.append("on in the end")
    if not play.acts["knob"]:
        if (up := trace.fastest(1, WINDOW)) > 1.1 * RATE:
            found.append(f"{up:.0f} V/s upwards")
        down = trace.fastest(-1, WINDOW)
        at_once = play.acts["emergency_off"] or play.acts["kill"] > 1
        if not at_once and down > 1.1 * RATE:
            found.append(f"{down:.0f} V/s downwards")
    return sorted(set(found))
