"""A device's way out: each frame is journaled, then published; what is late leaves as replay."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain.errors import BusDown, StoreFault
from trackerdcs.domain.ranges import Ranges
from trackerdcs.ports import Bus, Entry, Journal

BUFFER = 3600
"""Frames kept in memory while the journal cannot be written; what does not fit is declared lost."""
LIVE = 10
"""Journaled frames that may wait for the broker; what does not fit leaves through replay."""
PATIENCE = 2.0
"""Seconds that a write to the journal may take before frames go out without it."""

log = logging.getLogger(__name__)


class Outbox:
    """Journal before bus."""

    def __init__(self, topic: str, bus: Bus, journal: Journal) -> None:
        self._topic, self._bus, self._journal = topic, bus, journal
        self._fresh: asyncio.Queue[Entry] = asyncio.Queue()
        self._buffer: deque[Entry] = deque()
        self._write: asyncio.Future[None] | None = None
        self._written: list[Entry] = []
        self._live: deque[Entry] = deque(maxlen=LIVE)
        self._has_live = asyncio.Event()
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}
        self._lost = Ranges()
        self._edge = EdgeLog(log)
        self.fault: str | None = None
        """Why frames are in memory only, for the device's status."""

    def put(self, entry: Entry, waiting: Sequence[asyncio.Future[None]] = ()) -> None:
        """Take a frame; never blocks, whatever disk and broker do. `waiting` are told when it is out."""
        if waiting:
            self._waiting[entry.seq] = list(waiting)
        self._fresh.put_nowait(entry)

    def take_lost(self) -> list[tuple[int, int]]:
        """Sequence ranges that were given up since the last call."""
        lost, self._lost = list(self._lost), Ranges()
        return lost

    def give_up(self) -> None:
        """The service ends: what is in memory only is lost."""
        if self.fault:
            self._give_up(0)

    def forget(self, stored: Ranges) -> None:
        """Drop from memory what is stored although the journal never had it."""
        self._buffer = deque(e for e in self._buffer if e.seq not in stored)

    async def keep(self) -> None:
        """Journal what comes, then hand it to `send`, for ever."""
        while True:
            entries = [await self._fresh.get()]
            while not self._fresh.empty():
                entries.append(self._fresh.get_nowait())
            self._buffer.extend(entries)
            await self._journal_buffer()
            self._live.extend(entries)
            self._has_live.set()

    async def send(self) -> None:
        """Publish what is journaled, for ever."""
        while True:
            await self._has_live.wait()
            self._has_live.clear()
            while self._live:
                entry = self._live.popleft()
                try:
                    await self._bus.publish(self._topic, entry.payload, retain=True)
                except BusDown as e:
                    self._edge.fail("bus", f"{self._topic}: frames stay in the journal: {e}")
                else:
                    self._edge.ok("bus", f"{self._topic}: frames go out again")
                self._is_out(entry.seq)

    def _is_out(self, seq: int) -> None:
        for earlier in [s for s in self._waiting if s <= seq]:
            for waiting in self._waiting.pop(earlier):
                if not waiting.done():
                    waiting.set_result(None)

    async def _journal_buffer(self) -> None:
        if self._write is None:
            self._written = list(self._buffer)
            self._write = asyncio.ensure_future(asyncio.to_thread(self._journal.append, self._written))
        done, _ = await asyncio.wait({self._write}, timeout=PATIENCE)
        if not done:
            self._failed(f"no answer within {PATIENCE:g} s")
            return
        write, self._write = self._write, None
        try:
            write.result()
        except StoreFault as e:
            self._failed(str(e))
            return
        written = {e.seq for e in self._written}
        self._buffer = deque(e for e in self._buffer if e.seq not in written)
        self.fault = None
        self._edge.ok("journal", "frames are journaled again")

    def _failed(self, why: str) -> None:
        self.fault = f"frames are in memory only: journal: {why}"
        self._edge.fail("journal", self.fault)
        self._give_up(BUFFER)

    def _give_up(self, keep: int) -> None:
        while len(self._buffer) > keep:
            gone = self._buffer.popleft()
            self._lost.add(gone.seq, gone.seq)
