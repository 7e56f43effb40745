"""What a loader has taken from the broker and not stored yet: all of it in the spool, the newest in memory as well."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from trackerdcs.domain.batch import Arrival
from trackerdcs.ports import Clock, Spool, Spooled

HOT = 2
"""Batches that are kept in memory: those that wait longer are read from the spool again."""
LIMIT = 4 << 30
"""Bytes in the spool before nothing more is taken: then the broker and the journals keep the rest."""
TIDY_S = 1.0
"""Batches that are done leave the spool with the next one that comes, or after this time."""


@dataclass(eq=False)
class Batch:
    """Messages that are stored together; `again` if some of them have been before."""

    spooled: Spooled
    arrivals: Sequence[Arrival]
    again: bool = False


class Backlog:
    """Batches in the order in which they came. Methods that touch the spool raise StoreFault."""

    def __init__(self, spool: Spool, clock: Clock, limit: int = LIMIT) -> None:
        self._spool, self._clock, self._limit = spool, clock, limit
        self._open: dict[int, Spooled] = {}
        """Batches that are not done."""
        self._pending: deque[int] = deque()
        self._hot: dict[int, Sequence[Arrival]] = {}
        self._later: deque[int] = deque()
        self._done: list[int] = []
        self._news, self._later_news = asyncio.Event(), asyncio.Event()
        self.waiting = self.size = 0
        """Messages and bytes in batches that are not done."""

    @property
    def full(self) -> bool:
        return self.size >= self._limit

    def age(self) -> float:
        """Seconds since the oldest batch that is not done came."""
        oldest = next(iter(self._open.values()), None)
        return 0.0 if oldest is None else max(0.0, (self._clock.now() - oldest.arrived) / 1e9)

    async def recall(self) -> None:
        """Go on with what the last start has left; call once, before `add`."""
        for spooled in await asyncio.to_thread(self._spool.waiting):
            self._enter(spooled)

    async def add(self, arrivals: Sequence[Arrival]) -> None:
        """Return when they are durable."""
        done, self._done = self._done, []
        try:
            spooled = await asyncio.to_thread(self._spool.append, arrivals, self._clock.now(), done)
        except BaseException:
            self._done += done
            raise
        if len(self._hot) < HOT:
            self._hot[spooled.number] = arrivals
        self._enter(spooled)

    async def take(self) -> Batch:
        """The oldest batch that nobody has taken; it stays in the spool until it is finished."""
        return await self._take(self._pending, self._news, again=False)

    async def take_again(self) -> Batch:
        """The oldest batch that was put back."""
        return await self._take(self._later, self._later_news, again=True)

    def finish(self, batch: Batch) -> None:
        """All of it is safe elsewhere."""
        number = batch.spooled.number
        del self._open[number]
        self._done.append(number)
        self.waiting -= batch.spooled.messages
        self.size -= batch.spooled.size

    def put_back(self, batch: Batch) -> None:
        """Some of it is not safe yet: it is to be taken again later, as a whole."""
        self._later.append(batch.spooled.number)
        self._later_news.set()

    async def tidy(self) -> None:
        """Let what is done leave the spool."""
        done, self._done = self._done, []
        if done:
            try:
                await asyncio.to_thread(self._spool.remove, done)
            except BaseException:
                self._done += done
                raise

    async def _take(self, numbers: deque[int], news: asyncio.Event, again: bool) -> Batch:
        while not numbers:
            news.clear()
            await news.wait()
        number = numbers.popleft()
        arrivals = self._hot.pop(number, None)
        if arrivals is None:
            try:
                arrivals = await asyncio.to_thread(self._spool.read, number)
            except BaseException:
                numbers.appendleft(number)
                raise
        return Batch(self._open[number], arrivals, again)

    def _enter(self, spooled: Spooled) -> None:
        self._open[spooled.number] = spooled
        self._pending.append(spooled.number)
        self.waiting += spooled.messages
        self.size += spooled.size
        self._news.set()
