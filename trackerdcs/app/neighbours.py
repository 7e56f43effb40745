"""What the rest of the stand says, live: frames and events of the devices that this one depends on, and interlocks.

Only what arrives now counts, never what the broker has kept nor what is replayed, and only while it is fresh by our own
monotonic clock: whatever becomes of the broker, what is not heard any more is not known (SAFETY 9, 18).
"""

import asyncio
import logging
from collections.abc import Callable

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.live import live
from trackerdcs.domain import topics
from trackerdcs.domain.dependence import Surroundings
from trackerdcs.domain.freshness import Freshness, stamp
from trackerdcs.domain.messages import Event, Frame, Interlock, Message, Value
from trackerdcs.domain.topics import Topic
from trackerdcs.ports import Bus, Clock

log = logging.getLogger(__name__)

Heard = Callable[[str, Event], None]


class Neighbours:
    """`news` is set at each message that counts; `on_event(device, event)` is called with what a device reports."""

    def __init__(self, stand: str, around: Surroundings, clock: Clock, on_event: Heard) -> None:
        self._stand, self._clock, self._on_event = stand, clock, on_event
        self._frames: dict[str, Frame] = {}
        self._interlocks: dict[str, Interlock] = {}
        self._fresh = {name: Freshness(config.period) for name, config in around.devices.items()}
        self._guard = {name: Freshness(around.guard_period) for names in around.interlocks.values() for name in names}
        self._modules = {
            name: {ch: c.module for ch, c in config.channels.items() if c.module}
            for name, config in around.devices.items()
        }
        self.news = asyncio.Event()

    async def listen(self, bus: Bus) -> None:
        """Hear, for ever."""
        filters = [topics.of_device(self._stand, name, leaf) for name in self._fresh for leaf in ("frame", "event")]
        filters += [topics.interlock(self._stand, name) for name in self._guard]
        if not filters:
            return
        async for where, message in live(bus, EdgeLog(log), *filters):
            self._hear(where, message)

    def reading(self, device: str, ch: str) -> dict[str, Value] | None:
        """What was read of a channel; None if the newest frame is not fresh or has nothing good of it."""
        frame = self._frames.get(device)
        if frame is None or not self._fresh[device].fresh(self._clock.monotonic()):
            return None
        return {q: v for q, v in frame.ch.get(ch, {}).items() if q not in frame.unc.get(ch, {})}

    def bound(self, module: str) -> list[tuple[str, str]]:
        """The channels (device, channel) with this module: as last said by each device, until then by the file."""
        return [(name, ch) for name, modules in self._modules.items() for ch, m in modules.items() if m == module]

    def interlock(self, name: str) -> Interlock | None:
        """What the guard says of an interlock; None if it is not heard."""
        return self._interlocks.get(name) if self._guard[name].fresh(self._clock.monotonic()) else None

    def _hear(self, where: Topic, message: Message) -> None:
        device, name, monotonic = where.device or "", where.item or "", self._clock.monotonic()
        match message:
            case Interlock():
                if self._guard[name].hear(message.boot, message.seq, message.ts, monotonic):
                    self._interlocks[name] = message
            case Frame():
                if self._fresh[device].hear(message.boot, message.seq, stamp(message), monotonic):
                    self._frames[device], self._modules[device] = message, dict(message.mod)
            case Event():
                self._on_event(device, message)
        self.news.set()
