"""A loader's own figures: what became of the messages it received, as a frame of the device that it is."""

import asyncio
import contextlib

from trackerdcs.app.announcer import Who
from trackerdcs.domain.codec import encode
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.freshness import HEARTBEAT
from trackerdcs.domain.instrument import UNITS, Channel, Quantity, Snapshot
from trackerdcs.domain.intake import Intake
from trackerdcs.domain.messages import NO_CHANNEL, Frame, Meta
from trackerdcs.domain.recent import Recent
from trackerdcs.ports import Bus, Clock

KIND = "loader"
COUNTERS = ("received", "stored", "parked", "duplicates")
QUANTITIES = (*COUNTERS, "waiting", "lag")


class Tally:
    """Counters since the start; what is received and neither stored, parked nor a duplicate is waiting.

    `left` messages did not fit while the dead letters were out of order: the broker and the journals still have them.
    """

    def __init__(self, who: Who, bus: Bus, clock: Clock, period: float = HEARTBEAT) -> None:
        self._who, self._bus, self._clock, self._period = who, bus, clock, period
        self._recent = Recent()
        self._newest: int | None = None
        self.received = self.stored = self.parked = self.duplicates = self.left = 0

    def note_stored(self, intake: Intake) -> None:
        """Count a frame that is in the database, once."""
        if intake.id is not None and not self._recent.add(intake.id):
            self.duplicates += 1
            return
        self.stored += 1
        ts = min(intake.ts, self._clock.now())  # a clock that is ahead must not hide that nothing comes
        self._newest = ts if self._newest is None else max(ts, self._newest)

    def figures(self) -> Snapshot:
        """The counters, and the age in s of the newest stored value."""
        values: dict[str, float | bool | str] = {name: float(getattr(self, name)) for name in COUNTERS}
        settled = self.stored + self.parked + self.duplicates + self.left
        values["waiting"] = float(self.received - settled)
        if self._newest is None:
            return Snapshot({NO_CHANNEL: values}, bad={NO_CHANNEL: {"lag": "nothing stored yet"}})
        values["lag"] = (self._clock.now() - self._newest) / 1e9
        return Snapshot({NO_CHANNEL: values})

    def meta(self) -> Meta:
        """Who the loader is, as a device."""
        return Meta(
            kind=KIND,
            model="trackerdcs",
            serial="",
            driver=KIND,
            sw=self._who.sw,
            sim=False,
            boot=self._who.boot,
            period=self._period,
            channels={NO_CHANNEL: Channel({name: Quantity(UNITS[name]) for name in QUANTITIES})},
        )

    async def publish(self) -> None:
        """A frame each period, for ever. They have no journal: a lost one is followed by the next."""
        seq, ts = 0, 0
        while True:
            await asyncio.sleep(self._period)
            figures = self.figures()
            ts = max(self._clock.now(), ts + 1)
            frame = Frame(ts, seq, self._who.boot, self._who.sw, KIND, figures.ch, bad=figures.bad)
            seq += 1
            with contextlib.suppress(BusDown):
                await self._bus.publish(self._who.topic("frame"), encode(frame), retain=True)
