"""A loader's way in over any Bus: for brokers that know no MQTT 5."""

import asyncio
import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from trackerdcs.domain.batch import Arrival
from trackerdcs.ports import Bus, Delivery

GULP = 1000
"""The most of one gulp, and twice as many wait before the bus has to hold them."""
GULP_BYTES = 2 << 20
"""The most of one gulp of several: a spool takes no batch of 1 GB, and would be asked for ever."""


class BusGulp:
    """ports.Gulp."""

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self._deliveries = deliveries
        self.arrivals = [Arrival(d.topic, d.payload, d.retained) for d in deliveries]

    def acknowledge(self) -> None:
        for delivery in self._deliveries:
            delivery.acknowledge()


class BusInlet:
    """ports.Inlet; the bus is entered by whoever gives it, and stays when this is left."""

    fault = None

    def __init__(self, bus: Bus, filters: Sequence[str]) -> None:
        self._bus, self._filters = bus, filters
        self._waiting: list[Delivery] = []
        self._news, self._whole, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def gulp(self, linger: float) -> BusGulp:
        while not self._waiting:
            if self._task is not None and self._task.done():
                self._task.result()  # a bug, which must not look like silence
            self._news.clear()
            await self._news.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(linger):
                await self._whole.wait()
        number = self._fitting()
        gulp, self._waiting = BusGulp(self._waiting[:number]), self._waiting[number:]
        if len(self._waiting) < GULP:
            self._whole.clear()
        self._room.set()
        return gulp

    async def leave(self) -> None:
        """Such a broker has no session to leave, or it is the bus's own."""

    def _fitting(self) -> int:
        """How many of the first make a gulp."""
        size = 0
        for number, delivery in enumerate(self._waiting[:GULP]):
            size += len(delivery.payload)
            if size > GULP_BYTES:
                return max(1, number)
        return min(len(self._waiting), GULP)

    async def _listen(self) -> None:
        async for delivery in self._bus.subscribe(*self._filters):
            self._waiting.append(delivery)
            self._news.set()
            if len(self._waiting) >= GULP:
                self._whole.set()
            while len(self._waiting) >= 2 * GULP:
                self._room.clear()
                await self._room.wait()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen())
        self._task.add_done_callback(lambda _: self._news.set())
        await asyncio.sleep(0)  # it has subscribed when this returns
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
