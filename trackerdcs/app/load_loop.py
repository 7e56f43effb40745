"""The loader: from the bus into the spool, from the spool into the time series, and what it says of itself."""

import asyncio
from collections.abc import Iterable, Iterator

from trackerdcs.app.announcer import Announcer, Who
from trackerdcs.app.backlog import LIMIT, Backlog
from trackerdcs.app.backoff import Backoff
from trackerdcs.app.gap_keeper import GapKeeper
from trackerdcs.app.parking import Parking
from trackerdcs.app.receiver import LINGER_S, Receiver
from trackerdcs.app.storer import RETRY_S, Storer
from trackerdcs.app.tally import Tally
from trackerdcs.domain import topics
from trackerdcs.domain.freshness import HEARTBEAT
from trackerdcs.domain.reception import Reception
from trackerdcs.ports import Bus, Clock, DeadLetters, GapRecord, Inlet, Spool, TimeSeries

LEAVES = ("frame", "replay", "event")
QUIET_S = 2.0
"""A loader that leaves has what the broker held for it when nothing has come for so long."""


def filters_of(stands: Iterable[str]) -> list[str]:
    """What a loader subscribes to: frames, replays and events of its stands, and of the services' stand `site`."""
    return [topics.any_device(stand, leaf) for stand in sorted({*stands, topics.SITE}) for leaf in LEAVES]


class LoadLoop:
    """One loader.

    What is not in its spool is with the broker, what is not confirmed is with the journals: it may be killed any time.
    """

    def __init__(
        self,
        inlet: Inlet,
        bus: Bus,
        spool: Spool,
        series: TimeSeries,
        deadletters: DeadLetters,
        gaps: GapRecord,
        clock: Clock,
        reception: Reception,
        who: Who,
        *,
        linger: float = LINGER_S,
        retry: tuple[float, float] = RETRY_S,
        heartbeat: float = HEARTBEAT,
        limit: int = LIMIT,
    ) -> None:
        self._inlet, self._spool, self._deadletters = inlet, spool, deadletters
        self._gaps = GapKeeper(gaps)
        self.backlog = Backlog(spool, clock, limit)
        self.tally = Tally(who, bus, clock, self.backlog, heartbeat)
        self._announcer = Announcer(who, bus, clock, self._fault, heartbeat, self._remark)
        self._parking = Parking(deadletters, self._announcer, clock, retry)
        self._receiver = Receiver(inlet, self.backlog, self.tally, Backoff(*retry), linger)
        self._storer = Storer(
            self.backlog,
            reception,
            series,
            self._parking,
            self._gaps,
            self.tally,
            self._announcer,
            bus,
            clock,
            retry,
        )

    async def run(self, leave: bool = False) -> None:
        """Load until cancelled; with `leave` until the broker and the spool hold nothing more for this loader."""
        self._announcer.introduce(self.tally.meta())
        async with asyncio.TaskGroup() as tasks:
            jobs = [
                tasks.create_task(job)
                for job in (
                    self._announcer.births(),
                    self._announcer.run(),
                    self.tally.publish(self._announcer.introduce),
                    self._take(),
                    self._storer.run(),
                )
            ]
            if leave:
                await self._drained()
                for job in jobs:
                    job.cancel()
        await self.backlog.tidy()

    async def _take(self) -> None:
        await self._receiver.recall()  # the oldest first
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receiver.run())
            tasks.create_task(self._receiver.tidy())
            tasks.create_task(self._look())

    async def _look(self) -> None:
        """Say at once what keeps the receiver, which is busy waiting."""
        while True:
            await asyncio.sleep(0.2)
            self._announcer.refresh()

    async def _drained(self) -> None:
        """A broker that is away or frozen is as quiet as one that has nothing more: it has to answer each time."""
        while True:
            idle, gulps = self._receiver.idle, self._receiver.gulps
            await self._inlet.leave()
            await asyncio.sleep(QUIET_S)
            # Idle all the while: else it may have begun a moment ago to take what has been waiting for long.
            if idle and self._receiver.idle and gulps == self._receiver.gulps and self.backlog.waiting == 0:
                return

    def _fault(self) -> str | None:
        return "; ".join(filter(None, (self._storer.fault, self._receiver.fault, self._parking.fault))) or None

    def _remark(self) -> str | None:
        """What the devices need not know: a loader in `fault` is one that does not store."""
        return "; ".join(self._remarks()) or None

    def _remarks(self) -> Iterator[str]:
        if (record := self._gaps.remark()) is not None:
            yield record
        for what, part in (("dead letters", self._deadletters), ("spool", self._spool)):
            if part.aside is not None:
                yield f"{what}: a damaged file was set aside as {part.aside}"
