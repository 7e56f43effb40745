"""What every bus shares on the side of its users: bounded queues of deliveries, and the edges of the connection."""

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Self

from trackerdcs.domain.topics import matches

QUEUE = 10_000
"""Deliveries that may wait in one subscription; more are not acknowledged and counted."""

log = logging.getLogger(__name__)


class Received:
    """One message for one subscription."""

    def __init__(self, topic: str, payload: bytes, retained: bool, acknowledge: Callable[[], None]) -> None:
        self.topic, self.payload, self.retained = topic, payload, retained
        self._acknowledge: Callable[[], None] | None = acknowledge

    def acknowledge(self) -> None:
        """Let the broker forget this message; a second call, or one after the connection has changed, does nothing."""
        once, self._acknowledge = self._acknowledge, None
        if once:
            once()


class Subscription(AsyncIterator[Received]):
    """The deliveries of one subscription, in order. Whoever lets go of it ends it."""

    def __init__(self, filters: tuple[str, ...], size: int, caught_up: Callable[[], None]) -> None:
        self.filters = filters
        self._patterns = [f.split("/", 2)[2] if f.startswith("$share/") else f for f in filters]
        self._size, self._caught_up = size, caught_up
        self._waiting: asyncio.Queue[Received | None] = asyncio.Queue()
        self._overflowed = False

    def selects(self, topic: str) -> bool:
        """True if one of the filters matches."""
        return any(matches(p, topic) for p in self._patterns)

    def offer(self, item: Received) -> bool:
        """Queue a delivery; False if there is no room."""
        room = self._waiting.qsize() < self._size
        if room:
            self._waiting.put_nowait(item)
        elif not self._overflowed:
            log.error("queue of %s is full: %d wait, further messages are dropped", ", ".join(self.filters), self._size)
        self._overflowed |= not room
        return room

    def end(self) -> None:
        """Let the iteration stop after what is waiting."""
        self._waiting.put_nowait(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Received:
        if self._overflowed and self._waiting.empty():
            self._overflowed = False
            log.warning("queue of %s is empty again", ", ".join(self.filters))
            self._caught_up()
        item = await self._waiting.get()
        if item is None:
            self.end()
            raise StopAsyncIteration
        return item


class Subscriptions:
    """All subscriptions of one bus.

    With a persistent session a message is acknowledged when each subscription that it was for has done so; what comes
    before somebody has subscribed waits for him. With a clean session nothing would come again, and a message that is
    not acknowledged would only block the broker's window of messages in flight: it is acknowledged when it arrives.
    """

    def __init__(self, persistent: bool, size: int, renew: Callable[[], None]) -> None:
        """`renew` makes the connection anew: only then the broker sends again what did not fit into a full queue."""
        self._persistent, self._size = persistent, size
        self._caught_up = renew if persistent else lambda: None
        self._all: weakref.WeakSet[Subscription] = weakref.WeakSet()
        self._unclaimed: deque[tuple[str, bytes, bool, Callable[[], None]]] = deque()
        self._ended = False
        self.dropped = 0

    def add(self, filters: tuple[str, ...]) -> Subscription:
        """A new subscription; it gets what has waited for it."""
        subscription = Subscription(filters, self._size, self._caught_up)
        self._all.add(subscription)
        waiting, self._unclaimed = self._unclaimed, deque()
        for message in waiting:
            self.dispatch(*message)
        if self._ended:
            subscription.end()
        return subscription

    def filters(self) -> list[str]:
        """Every filter once, in a fixed order."""
        return sorted({f for s in self._all for f in s.filters})

    def dispatch(self, topic: str, payload: bytes, retained: bool, acknowledge: Callable[[], None]) -> None:
        """Give a message to all whom it concerns."""
        takers = [s for s in self._all if s.selects(topic)]
        pending = len(takers)

        def one() -> None:
            nonlocal pending
            pending -= 1
            if pending == 0 and self._persistent:
                acknowledge()

        if not self._persistent:
            acknowledge()
        elif not takers and len(self._unclaimed) < self._size:
            self._unclaimed.append((topic, payload, retained, acknowledge))
        elif not takers:
            self.dropped += 1
        for taker in takers:
            if not taker.offer(Received(topic, payload, retained, one)):
                self.dropped += 1

    def renew(self) -> None:
        """A new connection: what nobody has claimed comes again by itself."""
        self._unclaimed.clear()

    def end(self) -> None:
        """The bus is left: all iterations stop."""
        self._ended = True
        for subscription in self._all:
            subscription.end()


class Edges(AsyncIterator[bool]):
    """One watcher's view of a connection: the present state, then each change."""

    def __init__(self, state: bool) -> None:
        self._pending = deque([state])
        self._news = asyncio.Event()
        self._news.set()
        self._ended = False

    def add(self, state: bool) -> None:
        """A change; a watcher that does not read keeps the last two, which say all."""
        self._pending.append(state)
        if len(self._pending) > 2:
            self._pending.popleft()
            self._pending.popleft()
        self._news.set()

    def end(self) -> None:
        """Let the iteration stop after what is pending."""
        self._ended = True
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bool:
        await self._news.wait()
        if not self._pending:
            raise StopAsyncIteration
        state = self._pending.popleft()
        if not self._pending and not self._ended:
            self._news.clear()
        return state


class Connection:
    """Whether a bus is connected, for many watchers; the edges are logged."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._watchers: weakref.WeakSet[Edges] = weakref.WeakSet()
        self._ended = False
        self.up = False

    def watch(self) -> Edges:
        """A new watcher."""
        edges = Edges(self.up)
        self._watchers.add(edges)
        if self._ended:
            edges.end()
        return edges

    def set(self, up: bool, why: str = "", level: int = logging.WARNING) -> None:
        """The state now; nothing happens unless it changes."""
        if up == self.up:
            return
        self.up = up
        log.log(logging.INFO if up else level, "%s: %s", self._name, "connected" if up else f"disconnected: {why}")
        for watcher in self._watchers:
            watcher.add(up)

    def end(self) -> None:
        """The bus is left: all watchers stop."""
        self.set(False, "left", logging.INFO)
        self._ended = True
        for watcher in self._watchers:
            watcher.end()
