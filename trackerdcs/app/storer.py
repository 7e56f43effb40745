"""From the spool into the time series: write, park, record, tell the journals. In this order, always."""

import asyncio
import logging
import traceback
from collections.abc import Callable, Coroutine, Iterable, Sequence

from trackerdcs.app.announcer import Announcer
from trackerdcs.app.backlog import Backlog, Batch
from trackerdcs.app.backoff import Backoff
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.gap_keeper import GapKeeper
from trackerdcs.app.parking import Parking
from trackerdcs.app.store_writer import StoreWriter
from trackerdcs.app.tally import Tally
from trackerdcs.domain import topics
from trackerdcs.domain.codec import encode_stored
from trackerdcs.domain.errors import BusDown, StoreDown, StoreFault
from trackerdcs.domain.gaps import Piece
from trackerdcs.domain.intake import pieces_of
from trackerdcs.domain.messages import Stored
from trackerdcs.domain.reception import Reception, Taken
from trackerdcs.domain.series import Point
from trackerdcs.ports import Bus, Clock, TimeSeries

WRITERS = 2
"""Batches that are written at once: while the database makes one durable, the next one is on its way."""
RETRY_S = (0.5, 30.0)

log = logging.getLogger(__name__)


class Storer:
    """Empties the backlog of one loader."""

    def __init__(
        self,
        backlog: Backlog,
        reception: Reception,
        series: TimeSeries,
        parking: Parking,
        gaps: GapKeeper,
        tally: Tally,
        announcer: Announcer,
        bus: Bus,
        clock: Clock,
        retry: tuple[float, float] = RETRY_S,
    ) -> None:
        self._backlog, self._reception, self._writer = backlog, reception, StoreWriter(series)
        self._parking, self._gaps, self._tally, self._announcer = parking, gaps, tally, announcer
        self._bus, self._clock = bus, clock
        self._backoff = Backoff(*retry)
        self._edge = EdgeLog(log)
        self.fault: str | None = None
        """Why nothing is stored, or None."""

    async def run(self) -> None:
        """Store what comes, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WRITERS):
                tasks.create_task(self._work(self._backlog.take))
            tasks.create_task(self._work(self._backlog.take_again))

    async def _work(self, take: Callable[[], Coroutine[None, None, Batch]]) -> None:
        while True:
            try:
                batch = await take()
            except StoreFault as e:
                await self._wait("spool", f"what waits in the spool cannot be read: {e}", f"spool: {e}")
                continue
            if batch.again:
                await self._parking.wait()
            taken = self._reception(batch.arrivals, batch.spooled.arrived)
            await self._written(batch, taken)
            await self._settle(batch, taken)

    async def _written(self, batch: Batch, taken: Taken) -> None:
        while True:
            try:
                taken.causes |= await self._writer.write(taken.points, lambda: self._each(batch))
            except StoreDown as e:
                text = f"the store is down, {batch.spooled.messages} messages wait: {e}"
                await self._wait("store", text, f"store: {e}")
            except Exception as e:  # noqa: BLE001 whatever it is: shown, logged with its place, and tried again
                text = f"unexpected, the messages wait: {traceback.format_exc()}"
                await self._wait("loop", text, f"unexpected: {type(e).__name__}: {e}")
            else:
                self._edge.ok("store", "the store takes messages again")
                self._edge.ok("loop", "loading goes on")
                self._edge.ok("spool", "the spool can be read again")
                if self.fault is not None:
                    self.fault = None
                    self._backoff.reset()
                    self._announcer.refresh()
                return

    def _each(self, batch: Batch) -> dict[int, Sequence[Point]]:
        """Whose points they are, which is asked for only when something is wrong with one."""
        read, arrived = self._reception, batch.spooled.arrived  # one by one, but not with all care: six times as fast
        found = {place: read((arrival,), arrived + place).points for place, arrival in enumerate(batch.arrivals)}
        return {place: points for place, points in found.items() if points}

    async def _wait(self, edge: str, text: str, fault: str) -> None:
        self._edge.fail(edge, text)
        self.fault = fault
        self._announcer.refresh()
        await asyncio.sleep(self._backoff.next())

    async def _settle(self, batch: Batch, taken: Taken) -> None:
        """What is in the database or parked is recorded and confirmed; with the rest the batch comes once more."""
        causes, came = taken.causes, batch.spooled.arrived
        unsafe = await self._parking.park([(batch.arrivals[i], came + i, why) for i, why in causes.items()])
        now = self._clock.now()
        stored = pieces_of((intake for place, intake in taken.ours.items() if place not in causes), "stored", now)
        bad = () if unsafe else (intake for place, intake in taken.ours.items() if place in causes)
        pieces = [*stored, *pieces_of(bad, "parked", now)]
        await self._gaps.note(pieces)
        if not batch.again:
            self._tally.note_stored(taken, stored)
        await self._confirm(pieces)
        if unsafe:
            self._backlog.put_back(batch)
        else:
            self._tally.parked += len(causes)
            self._backlog.finish(batch)

    async def _confirm(self, pieces: Iterable[Piece]) -> None:
        """Tell the journals; one that misses it sends the frame again."""
        increments: dict[str, Stored] = {}
        for p in pieces:
            if p.fate in ("stored", "parked"):
                boots = increments.setdefault(p.stand, {}).setdefault(p.device, {})
                boots.setdefault(p.boot, []).append((p.first, p.last))
        for stand, increment in increments.items():
            try:
                await self._bus.publish(topics.stored(stand), encode_stored(increment))
            except BusDown as e:
                log.debug("%s: an increment was not published: %s", stand, e)
