"""A loader's own figures: what became of the messages it received, as a frame of the device that it is."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from trackerdcs.app.announcer import Who
from trackerdcs.app.backlog import Backlog
from trackerdcs.app.sources import Sources
from trackerdcs.domain.codec import encode
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.freshness import HEARTBEAT
from trackerdcs.domain.gaps import Piece
from trackerdcs.domain.instrument import UNITS, Channel, Quantity, Snapshot
from trackerdcs.domain.messages import NO_CHANNEL, Frame, Meta
from trackerdcs.domain.recent import Recent
from trackerdcs.domain.reception import Taken
from trackerdcs.ports import Bus, Clock

KIND = "loader"
COUNTERS = ("received", "stored", "parked", "duplicates")
RATES = ("received", "stored")
QUANTITIES = (*COUNTERS, *(f"{name}_rate" for name in RATES), "waiting", "spool_size", "spool_age", "lag")


class Tally:
    """Counters since the start; what waits in the spool may be older than that."""

    def __init__(self, who: Who, bus: Bus, clock: Clock, backlog: Backlog, period: float = HEARTBEAT) -> None:
        self._who, self._bus, self._clock, self._period = who, bus, clock, period
        self._backlog = backlog
        self._recent = Recent()
        self._newest: int | None = None
        self._rates = dict.fromkeys(RATES, (0, clock.monotonic()))
        """By counter: its value at the last frame, and when that was (monotonic s)."""
        self.sources = Sources(clock)
        self.received = self.stored = self.parked = self.duplicates = 0

    def note_stored(self, taken: Taken, pieces: Sequence[Piece]) -> None:
        """Count a batch that is in the database; `pieces` are its frames as ranges. Each frame counts once."""
        frames = sum(intake.source is not None and place not in taken.causes for place, intake in taken.ours.items())
        new = sum(self._recent.add(p.stand, p.device, p.boot, p.first, p.last) for p in pieces if p.fate == "stored")
        self.duplicates += frames - new
        self.stored += len(taken.last) - sum(place in taken.last for place in taken.causes) + new
        sources = list(taken.sources())
        if not sources:
            return
        # A clock that is ahead must not hide that nothing comes.
        newest = min(max(ts for _, _, ts in sources), self._clock.now())
        self._newest = newest if self._newest is None else max(newest, self._newest)
        self.sources.note(sources)

    def figures(self) -> Snapshot:
        """Counters, their rates since the last call, what waits, and the age in s of the newest stored value."""
        values: dict[str, float | bool | str] = {name: float(getattr(self, name)) for name in COUNTERS}
        for name in RATES:
            (count, at), now = self._rates[name], self._clock.monotonic()
            values[f"{name}_rate"] = (getattr(self, name) - count) / (now - at) if now > at else 0.0
            self._rates[name] = getattr(self, name), now
        values["waiting"] = float(self._backlog.waiting)
        values["spool_size"], values["spool_age"] = float(self._backlog.size), self._backlog.age()
        channels = {NO_CHANNEL: values, **self.sources.figures()}
        if self._newest is None:
            return Snapshot(channels, bad={NO_CHANNEL: {"lag": "nothing stored yet"}})
        utc = self._clock.now()
        self._newest = min(self._newest, utc)  # a clock that is set back must not do so either
        values["lag"] = (utc - self._newest) / 1e9
        return Snapshot(channels, unc=self.sources.doubts())

    def meta(self) -> Meta:
        """Who the loader is, as a device; a channel for each source that it has heard."""
        return Meta(
            kind=KIND,
            model="trackerdcs",
            serial="",
            driver=KIND,
            sw=self._who.sw,
            sim=False,
            boot=self._who.boot,
            period=self._period,
            channels={NO_CHANNEL: Channel({name: Quantity(UNITS[name]) for name in QUANTITIES})}
            | self.sources.channels(),
        )

    async def publish(self, introduce: Callable[[Meta], None]) -> None:
        """A frame each period, for ever, and `introduce(meta)` when there are new sources. Frames have no journal: a
        lost one is followed by the next."""
        seq, ts, known = 0, 0, 0
        while True:
            await asyncio.sleep(self._period)
            figures = self.figures()
            if len(self.sources) != known:
                known = len(self.sources)
                introduce(self.meta())
            ts = max(self._clock.now(), ts + 1)
            frame = Frame(ts, seq, self._who.boot, self._who.sw, KIND, figures.ch, bad=figures.bad, unc=figures.unc)
            seq += 1
            with contextlib.suppress(BusDown):
                await self._bus.publish(self._who.topic("frame"), encode(frame), retain=True)
