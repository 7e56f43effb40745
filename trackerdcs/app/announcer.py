"""What a device says of itself: meta and status at each connect, a heartbeat, and its acks and events."""

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from trackerdcs.domain import topics
from trackerdcs.domain.codec import encode, plain
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.freshness import HEARTBEAT
from trackerdcs.domain.messages import Ack, Event, Meta, Status
from trackerdcs.ports import Bus, Clock, Will

POSTS = 10_000
"""Acks, and as many events, that may wait for the broker."""
IN_FLIGHT = 100
"""Acks or events that are sent before the broker has acknowledged the first of them."""

Posts = deque[tuple[str, bytes]]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Who:
    """Names of a device service: stand, device, this start of it (boot) and its software version."""

    stand: str
    device: str
    boot: str
    sw: str

    def topic(self, leaf: str) -> str:
        return topics.of_device(self.stand, self.device, leaf)


def will_of(who: Who, clock: Clock) -> Will:
    """The retained status that remains when the device is gone."""

    def payload(why: str) -> bytes:
        now = clock.now()
        return encode(Status(state="offline", ts=now, since=now, boot=who.boot, sw=who.sw, error=why))

    return Will(who.topic("status"), payload)


class Announcer:
    """Speaks for one device; `fault()` returns what is wrong now, or None, and `remark()` what people should look at
    although the device does its work."""

    def __init__(
        self,
        who: Who,
        bus: Bus,
        clock: Clock,
        fault: Callable[[], str | None],
        heartbeat: float = HEARTBEAT,
        remark: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._who, self._bus, self._clock = who, bus, clock
        self._fault, self._remark, self._heartbeat = fault, remark, heartbeat
        self._meta: Meta | None = None
        self._since = clock.now()
        self._said: str | None = None
        self._remarked: str | None = None
        self._acks: Posts = deque()
        self._events: Posts = deque()
        self._dropped = 0
        self._due: set[str] = set()
        self._wake = asyncio.Event()

    def introduce(self, meta: Meta) -> None:
        """Say who the device is, now and at each connect."""
        self._meta = meta
        self._due.add("meta")
        self._wake.set()

    def answer(self, ack: Ack) -> None:
        """Send an ack; it waits for the broker."""
        self._post(self._acks, "ack", encode(replace(ack, why=plain(ack.why) if ack.why else None)))

    def report(
        self, event: str, why: str | None = None, data: dict[str, Any] | None = None, ch: str | None = None
    ) -> None:
        """Send an event; it waits for the broker."""
        why = plain(why) if why else None
        message = Event(event, self._clock.now(), self._who.boot, ch=ch, why=why, data=data or {})
        self._post(self._events, "event", encode(message))

    def refresh(self) -> None:
        """Say the status at once if what is wrong has changed."""
        if (self._fault(), self._remark()) != (self._said, self._remarked):
            self._due.add("status")
            self._wake.set()

    async def births(self) -> None:
        """Introduce the device at each connect, for ever."""
        async for up in self._bus.connection():
            if up:
                self._due |= {"meta", "status"}
                self._wake.set()

    async def run(self) -> None:
        """Say what changed, the heartbeat, and what waits to be sent, for ever."""
        beat = self._clock.monotonic()
        while True:
            self._wake.clear()
            if self._clock.monotonic() >= beat:
                self._due.add("status")
                beat = self._clock.monotonic() + self._heartbeat
            if self._bus.connected:
                try:
                    await self._say_state()
                    await self._send_posts(beat)
                except BusDown as e:
                    log.debug("%s/%s waits for the bus: %s", self._who.stand, self._who.device, e)
            try:
                # Not wait_for: the one of Python 3.11 may swallow a cancellation.
                async with asyncio.timeout(max(0.0, beat - self._clock.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def say_last(self, patience: float) -> None:
        """Send for at most `patience` s what waits when `run` has ended: the last acks of a service that stops."""
        try:
            async with asyncio.timeout(patience):
                await self._send_posts(float("inf"))
        except (BusDown, TimeoutError) as e:
            log.warning("%s: stopped with %d acks unsaid: %s", self._who.device, len(self._acks), str(e) or "no answer")

    def _post(self, posts: Posts, leaf: str, payload: bytes) -> None:
        if len(posts) >= POSTS:
            posts.popleft()
            self._dropped += 1
        posts.append((self._who.topic(leaf), payload))
        self._wake.set()

    async def _say_state(self) -> None:
        due, self._due = self._due, set()
        try:
            if "meta" in due and self._meta is not None:
                await self._bus.publish(self._who.topic("meta"), encode(self._meta), retain=True)
            if "status" in due:
                await self._bus.publish(self._who.topic("status"), encode(self._status()), retain=True)
        except BusDown:
            self._due |= due
            raise

    def _status(self) -> Status:
        fault, now = self._fault(), self._clock.now()
        if (fault is None) != (self._said is None):
            self._since = now
        self._said, self._remarked = fault, self._remark()
        said = "; ".join(filter(None, (fault, self._remarked)))
        error = plain(said) if said else None
        state: Literal["online", "fault"] = "online" if fault is None else "fault"
        return Status(state=state, ts=now, since=self._since, boot=self._who.boot, sw=self._who.sw, error=error)

    async def _send_posts(self, until: float) -> None:
        """Acks go first: a flood of events neither drops nor delays one. Returns for the heartbeat at `until`."""
        while (posts := self._acks or self._events) and self._clock.monotonic() < until:
            batch = list(itertools.islice(posts, IN_FLIGHT))
            ends = await asyncio.gather(*(self._bus.publish(*post) for post in batch), return_exceptions=True)
            left = {id(post) for post, end in zip(batch, ends, strict=True) if end is not None}
            tried = {id(post) for post in batch}  # some may have been dropped meanwhile
            remaining = [post for post in posts if id(post) not in tried or id(post) in left]
            posts.clear()
            posts.extend(remaining)
            for end in ends:
                if end is not None:
                    raise end
        if self._dropped:
            log.error(
                "%s: %d acks or events dropped: the broker takes them too slowly", self._who.device, self._dropped
            )
            self._dropped = 0
