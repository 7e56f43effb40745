"""Makes frames of what a device's polls read, and sends them out: numbered, with a time that never steps back."""

import asyncio
import contextlib

from trackerdcs.app.announcer import Announcer, Who
from trackerdcs.app.outbox import Outbox
from trackerdcs.app.replay import Replay
from trackerdcs.app.run_marks import RunMarks
from trackerdcs.domain.codec import encode
from trackerdcs.domain.instrument import Channel, Snapshot
from trackerdcs.domain.messages import NO_CHANNEL, Frame
from trackerdcs.ports import Clock, Entry

SHOWN_S = 1.0
"""Seconds that somebody waits at most for a frame: a broker that is gone, or a full disk, holds up no answer."""


class Frames:
    """The frames of one start of a device's service."""

    def __init__(
        self, who: Who, kind: str, sim: bool, outbox: Outbox, replay: Replay, announcer: Announcer, clock: Clock
    ) -> None:
        self._who, self._kind, self._sim = who, kind, sim
        self._outbox, self._replay, self._announcer, self._clock = outbox, replay, announcer, clock
        self.marks = RunMarks(who.stand, who.device, clock)
        self._seq = 0
        self._last_ts = 0
        self._next: list[asyncio.Future[None]] = []
        """Who waits for a poll that has not begun yet."""
        self._this: list[asyncio.Future[None]] = []

    def poll_begins(self) -> None:
        """To be called before each poll."""
        self._this, self._next = [*self._this, *self._next], []

    async def shown(self) -> None:
        """Return when what is true now has been said in a frame, for others may depend on it; at the latest soon."""
        said: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._next.append(said)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(said, SHOWN_S)

    def send(
        self,
        snapshot: Snapshot,
        channels: dict[str, Channel],
        ts: int | None = None,
        runs: dict[str, list[str]] | None = None,
    ) -> None:
        """Number a snapshot and put it into the outbox; `ts` (ns UTC, now unless said) and `runs` of its source."""
        ts, unc = self._clock.now() if ts is None else ts, dict(snapshot.unc)
        if ts <= self._last_ts:
            behind = (self._last_ts - ts) / 1e9
            unc[NO_CHANNEL] = unc.get(NO_CHANNEL, {}) | {"ts": f"the clock stepped back by {behind:.3f} s"}
            ts = self._last_ts + 1
        frame = Frame(
            ts=ts,
            seq=self._seq,
            boot=self._who.boot,
            sw=self._who.sw,
            kind=self._kind,
            ch=snapshot.ch,
            sim=True if self._sim else None,
            bad=snapshot.bad,
            unc=unc,
            mod={ch: c.module for ch, c in channels.items() if c.module},
            runs=self.marks.of(channels) if runs is None else runs,
        )
        self._replay.ages.went_out(self._seq, self._clock.monotonic())
        self._outbox.put(Entry(self._who.boot, self._seq, encode(frame)), self._this)
        self._this = []
        self._last_ts = ts
        self._seq += 1

    def declare_lost(self) -> None:
        """Say which frames no journal has taken."""
        for first, last in self._outbox.take_lost():
            lost = {"boot": self._who.boot, "from": first, "to": last, "cause": self._outbox.fault}
            self._announcer.report("lost", data=lost)
