"""Derived quantities of a stand: a device that hears the others live, computes, and says what comes out of it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, replace

from trackerdcs.app.announcer import Announcer, Who
from trackerdcs.app.counting import Counting
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.frames import Frames
from trackerdcs.app.live import live
from trackerdcs.app.outbox import Outbox
from trackerdcs.app.replay import UNCONFIRMED, Replay
from trackerdcs.app.sole_owner import SoleOwner
from trackerdcs.domain import topics
from trackerdcs.domain.derived import DerivedConfig, channels_of, sources
from trackerdcs.domain.deriving import Deriver
from trackerdcs.domain.freshness import PERIODS
from trackerdcs.domain.instrument import Snapshot
from trackerdcs.domain.messages import Frame, Message, Meta
from trackerdcs.domain.topics import Topic
from trackerdcs.domain.wiring import Devices
from trackerdcs.ports import Bus, Clock, Journal
from trackerdcs.ports_derived import Counts

LAST_WORDS = 0.5
SILENT = 2.0
"""Periods after which a frame of any device is news, while the one that gives the beat says nothing."""
KIND = "derived"

log = logging.getLogger(__name__)


class Derived:
    """The derived quantities of one stand. `devices` are its devices as their drivers describe them; `sim`: some of
    what goes in is simulated."""

    def __init__(
        self,
        who: Who,
        derived: Mapping[str, DerivedConfig],
        devices: Devices,
        sim: bool,
        bus: Bus,
        journal: Journal,
        counts: Counts,
        clock: Clock,
        unconfirmed: float = UNCONFIRMED,
    ) -> None:
        self._who, self._sim, self._bus, self._clock = who, sim, bus, clock
        self._periods = {name: devices[name].period for config in derived.values() for name in sorted(sources(config))}
        self._fastest, self._slowest = min(self._periods.values()), max(self._periods.values())
        self._channels = channels_of(derived)
        self._counting = Counting(counts)
        self._deriver = Deriver(derived, self._periods, self._counting.at_bias)
        self._outbox = Outbox(who.topic("frame"), bus, journal)
        self._replay = Replay(who.stand, who.device, who.boot, bus, journal, self._outbox, clock, unconfirmed)
        self._announcer = Announcer(who, bus, clock, self._faults, remark=lambda: self._counting.remark)
        self._frames = Frames(who, KIND, sim, self._outbox, self._replay, self._announcer, clock)
        self._sole = SoleOwner(who, bus, clock)
        self._pace = next(name for name, period in self._periods.items() if period == self._fastest)
        """The device whose frames give the beat: each of them is followed by one of ours, with what others said."""
        self._pace_at = float("-inf")
        self._news = asyncio.Event()
        self._bad: set[tuple[str, str]] = set()
        self._said_at = float("-inf")
        self._last_ts = 0

    async def run(self) -> None:
        """Compute until cancelled; InUse if another one speaks for the stand."""
        await self._sole.alone()
        await self._counting.save()
        filters = (topics.of_device(self._who.stand, device, "frame") for device in self._periods)
        frames = live(self._bus, EdgeLog(log), *filters)
        self._introduce()
        origins = {name: asdict(channel.origin) for name, channel in self._channels.items() if channel.origin}
        self._announcer.report("origin", self._origins(), origins)
        try:
            async with asyncio.TaskGroup() as tasks:
                for job in (
                    self._replay.confirm(),
                    self._replay.watch_loaders(),
                    self._replay.run(),
                    self._listen(frames),
                    self._speak(),
                    self._outbox.keep(),
                    self._outbox.send(),
                    self._sole.watch(self._announcer.report),
                    self._announcer.births(),
                    self._announcer.run(),
                ):
                    tasks.create_task(job)
        finally:
            self._outbox.give_up()
            self._frames.declare_lost()
            await asyncio.gather(self._announcer.say_last(LAST_WORDS), self._counting.close(LAST_WORDS))

    async def _listen(self, frames: AsyncIterator[tuple[Topic, Message]]) -> None:
        async for where, frame in frames:
            if not isinstance(frame, Frame):
                continue
            monotonic = self._clock.monotonic()
            missed = self._deriver.hear(where.device or "", frame, monotonic)
            if missed is None:
                continue
            beat = where.device == self._pace
            if beat or monotonic - self._pace_at > SILENT * self._fastest:
                self._news.set()
            if beat:
                self._pace_at = monotonic
            for channel, module, seconds in missed:
                why = f"{module}: {seconds:.1f} s are not counted: no readings that are fresh and close enough"
                self._announcer.report("missed", why, {"module": module, "seconds": seconds}, channel)

    async def _speak(self) -> None:
        """A frame after each news, but none before half a period of the fastest has passed."""
        while True:
            try:
                async with asyncio.timeout(self._fastest):
                    await self._news.wait()
            except TimeoutError:
                await self._say(news=False)  # silence makes values bad
            else:
                self._news.clear()
                await self._say(news=True)
                await asyncio.sleep(self._fastest / 2)

    async def _say(self, news: bool) -> None:
        """Without news only that more is bad than before and, as long as nothing is good, a sign of life."""
        now = self._clock.monotonic()
        self._deriver.not_counting = self._counting.unknown
        ch, bad = self._deriver.find(now)
        failed = {(channel, quantity) for channel, reasons in bad.items() for quantity in reasons}
        if not news and failed == self._bad and (ch or now - self._said_at < self._slowest):
            return
        modules, runs, ts = self._deriver.modules(), self._deriver.runs(), self._time(bool(ch))
        self._bad, self._said_at = failed, now
        await self._counting.save()
        self._bind(modules)
        self._frames.send(Snapshot(ch, bad), self._channels, ts, runs)
        if self._bus.connected:
            self._frames.declare_lost()
        self._announcer.refresh()

    def _time(self, good: bool) -> int:
        """That of the newest input; where nothing is good, that of finding so. It never steps back, and two clocks that
        differ by less than what counts as fresh are no reason to say that one was set."""
        newest = self._deriver.newest
        ts = newest if good and newest is not None else self._clock.now()
        if 0 <= self._last_ts - ts <= PERIODS * self._slowest * 1e9:
            ts = self._last_ts + 1
        self._last_ts = max(ts, self._last_ts + 1)
        return ts

    def _bind(self, modules: dict[str, str]) -> None:
        bound = {name: replace(c, module=modules.get(name)) for name, c in self._channels.items()}
        if bound != self._channels:
            self._channels = bound
            self._introduce()

    def _faults(self) -> str | None:
        own = (self._sole.fault, self._outbox.fault, self._replay.fault, self._counting.fault)
        return "; ".join(f for f in own if f) or None

    def _origins(self) -> str:
        origins = (f"{name}: {c.origin.formula} {c.origin.version}" for name, c in self._channels.items() if c.origin)
        return ", ".join(origins)

    def _introduce(self) -> None:
        sw, boot = self._who.sw, self._who.boot
        self._announcer.introduce(
            Meta(KIND, "trackerdcs", "", KIND, sw, self._sim, boot, self._slowest, self._channels)
        )
