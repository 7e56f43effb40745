"""What the stands say now, for any number of watchers: each message is encoded once, whoever reads it."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.messages import MESSAGES, Meta
from trackerdcs.ports import Bus, Clock, Delivery

TICK_S = 0.1
"""What comes within this time leaves together."""
BEAT_S = 1.0
"""Somebody who hears nothing for longer has lost the connection."""
BEHIND = 20
"""Batches that a watcher may be behind before it is let go: it comes back and begins with the present."""
AGAIN_S = 5.0
"""Within this time after a reconnection the broker has sent all that it keeps."""
STATES = frozenset({"meta", "status", "frame", "interlock", "alarm", "run"})
ENDING = frozenset({"alarm", "run"})
"""States that are cleared when they are over, also while nobody listens."""
PASSING = frozenset({"ack", "event"})
RECENT = 50

log = logging.getLogger(__name__)


@dataclass
class _Said:
    """A message as it came, when (monotonic s), and whether the broker had only kept it."""

    payload: bytes
    heard: float
    kept: bool


@dataclass
class _Stand:
    bus: Bus
    states: dict[str, _Said] = field(default_factory=dict)
    passing: deque[tuple[str, _Said]] = field(default_factory=lambda: deque(maxlen=RECENT))
    fresh: dict[str, _Said] = field(default_factory=dict)
    happened: list[tuple[str, _Said]] = field(default_factory=list)
    lost: float | None = None
    """When the broker was lost last (monotonic s); None once all that is from before has been said again, or ended."""
    swept: float | None = None
    """When what has not been said again by then has ended."""

    def news(self) -> list[tuple[str, _Said]]:
        """What has come since the last call: of each state the newest, after what has happened."""
        news = [*self.happened, *self.fresh.items()]
        self.fresh, self.happened = {}, []
        return news


class Watcher:
    """One who looks at some stands; iterate for batches as JSON texts, the first of which is all that is known.

    The iteration ends when it is too far behind.
    """

    def __init__(self, stands: frozenset[str]) -> None:
        self.stands = stands
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(self, batch: bytes) -> bool:
        """False for one who does not take what it gets."""
        if self._queue.qsize() >= BEHIND:
            self._queue.put_nowait(None)
            return False
        self._queue.put_nowait(batch)
        return True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        batch = await self._queue.get()
        if batch is None:
            raise StopAsyncIteration
        return batch


class LiveHub:
    """`buses` by stand. A batch is `{"now": ns, "whole": bool, "stands": {stand: broker is reached}, "said": [...]}`,
    each of `said` `[topic below the contract's root, age in s, kept, message]`; `kept` messages may be of any age.
    `also` is told of each delivery: a second subscription to the same would make the broker send it twice."""

    def __init__(
        self, buses: Mapping[str, Bus], clock: Clock, also: Callable[[Delivery], None] = lambda _: None
    ) -> None:
        self._clock, self._also = clock, also
        self._stands = {stand: _Stand(bus) for stand, bus in buses.items()}
        self._watchers: set[Watcher] = set()
        self._beat = clock.monotonic()
        self.bad = 0
        """Messages outside the contract, which nobody is shown."""

    @property
    def stands(self) -> frozenset[str]:
        return frozenset(self._stands)

    def watch(self, stands: Collection[str]) -> Watcher:
        """Begin to look at these stands; end it with `leave`."""
        self._flush()  # what is only now on its way is in the whole, and must not come twice
        watcher = Watcher(frozenset(stands))
        now = self._clock.monotonic()
        said = []
        for name in sorted(watcher.stands & self.stands):
            stand = self._stands[name]
            said += [_entry(topic, each, now) for topic, each in (*stand.states.items(), *stand.passing)]
        watcher.put(self._batch(watcher.stands, said, whole=True))
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def meta(self, stand: str, device: str) -> Meta | None:
        """What a device says of itself; None where it has not been heard."""
        known = self._stands[stand].states.get(f"{stand}/{device}/meta") if stand in self._stands else None
        return decode(Meta, known.payload) if known else None

    async def run(self) -> None:
        """Listen and tell, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for name, stand in self._stands.items():
                tasks.create_task(self._listen(name, stand))
                tasks.create_task(self._renew(stand))
            tasks.create_task(self._tell())

    async def _listen(self, name: str, stand: _Stand) -> None:
        edge = EdgeLog(log)
        async for delivery in stand.bus.subscribe(topics.all_of(name)):
            delivery.acknowledge()
            self._also(delivery)
            try:
                self._take(stand, delivery)
            except ContractError as e:
                self.bad += 1
                edge.fail(delivery.topic, f"{delivery.topic}: not shown: {e}")
            else:
                edge.ok(delivery.topic, f"{delivery.topic}: shown again")

    async def _renew(self, stand: _Stand) -> None:
        """What was said before the connection was lost is old; what has ended meanwhile is not said again. Nothing is
        waited for in between: it may be lost again."""
        async for up in stand.bus.connection():
            now = self._clock.monotonic()
            if not up:
                stand.lost, stand.swept = now, None
                stand.states = {topic: replace(said, kept=True) for topic, said in stand.states.items()}
                stand.fresh |= stand.states
            elif stand.lost is not None:
                stand.swept = now + AGAIN_S

    def _sweep(self, stand: _Stand, now: float) -> None:
        if stand.lost is None or stand.swept is None or now < stand.swept:
            return
        for topic, said in list(stand.states.items()):
            if topics.parse(f"{topics.ROOT}/{topic}").kind in ENDING and said.heard < stand.lost:
                self._clear(stand, topic)
        stand.lost = stand.swept = None

    def _clear(self, stand: _Stand, topic: str) -> None:
        stand.states.pop(topic, None)
        stand.fresh[topic] = _Said(b"null", self._clock.monotonic(), False)

    def _take(self, stand: _Stand, delivery: Delivery) -> None:
        kind = topics.parse(delivery.topic).kind
        if kind not in STATES | PASSING:
            return
        topic = delivery.topic.removeprefix(f"{topics.ROOT}/")
        if not delivery.payload:  # a retained topic that is cleared
            self._clear(stand, topic)
            return
        decode(MESSAGES[kind], delivery.payload)
        said = _Said(delivery.payload, self._clock.monotonic(), delivery.retained)
        if kind in STATES:
            stand.states[topic] = stand.fresh[topic] = said
        else:
            stand.passing.append((topic, said))
            stand.happened.append((topic, said))

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._flush()

    def _flush(self) -> None:
        now = self._clock.monotonic()
        for stand in self._stands.values():
            self._sweep(stand, now)
        news = {name: said for name, stand in self._stands.items() if (said := stand.news())}
        if news or now >= self._beat:
            self._beat = now + BEAT_S
            self._broadcast(news, now)

    def _broadcast(self, news: Mapping[str, list[tuple[str, _Said]]], now: float) -> None:
        lines = {name: [_entry(topic, each, now) for topic, each in said] for name, said in news.items()}
        batches: dict[frozenset[str], bytes] = {}
        for watcher in list(self._watchers):
            batch = batches.get(watcher.stands)
            if batch is None:
                said = [line for name in sorted(watcher.stands & lines.keys()) for line in lines[name]]
                batch = batches[watcher.stands] = self._batch(watcher.stands, said)
            if not watcher.put(batch):
                self._watchers.discard(watcher)

    def _batch(self, stands: frozenset[str], said: list[bytes], whole: bool = False) -> bytes:
        reached = {name: self._stands[name].bus.connected for name in sorted(stands & self.stands)}
        head = json.dumps({"now": self._clock.now(), "whole": whole, "stands": reached})
        return head[:-1].encode() + b', "said": [' + b",".join(said) + b"]}"


def _entry(topic: str, said: _Said, now: float) -> bytes:
    head = json.dumps([topic, round(now - said.heard, 3), said.kept])
    return head[:-1].encode() + b", " + said.payload + b"]"
