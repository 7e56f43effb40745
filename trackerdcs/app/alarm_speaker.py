"""Says how alarms are: what has changed first, all of them again as a slow heartbeat, spread over its time."""

import asyncio
import itertools
from collections.abc import Callable, Iterable

from trackerdcs.domain import topics
from trackerdcs.domain.codec import encode
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.messages import Alarm
from trackerdcs.ports import Bus

IN_FLIGHT = 200
"""Alarms that are said before the broker has acknowledged the first of them."""


class AlarmSpeaker:
    """`message(name)` is what there is to say of an alarm now; None clears what the broker keeps of it."""

    def __init__(
        self, stand: str, bus: Bus, message: Callable[[str], Alarm | None], cleared: Callable[[str], None]
    ) -> None:
        self._stand, self._bus, self._message, self._cleared = stand, bus, message, cleared
        self._due: dict[str, None] = {}
        self._again: dict[str, None] = {}
        self._wake = asyncio.Event()

    def say(self, names: Iterable[str]) -> None:
        """Soon, before what is only repeated."""
        self._due |= dict.fromkeys(names)
        self._wake.set()

    def repeat(self, names: Iterable[str]) -> None:
        self._again |= dict.fromkeys(names)
        self._wake.set()

    async def run(self) -> None:
        """For ever. What cannot be sent now is said when the broker is there again."""
        while True:
            await self._wake.wait()
            if not self._bus.connected:
                self._wake.clear()
                continue
            waiting = self._due or self._again
            if not waiting:
                self._wake.clear()
                continue
            batch = list(itertools.islice(waiting, IN_FLIGHT))
            for name in batch:
                del waiting[name]
            ends = await asyncio.gather(*map(self._publish, batch), return_exceptions=True)
            for name, end in zip(batch, ends, strict=True):
                if isinstance(end, BusDown):
                    self._due[name] = None
                elif end is not None:
                    raise end

    async def _publish(self, name: str) -> None:
        message = self._message(name)
        payload = b"" if message is None else encode(message)
        await self._bus.publish(topics.alarm(self._stand, name), payload, retain=True)
        if message is None:
            self._cleared(name)
