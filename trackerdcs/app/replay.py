"""What no loader has confirmed is published again; what a loader has confirmed leaves the journal."""

import asyncio
import logging
from bisect import bisect_right

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.outbox import Outbox
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, decode_stored
from trackerdcs.domain.errors import BusDown, ContractError, StoreFault
from trackerdcs.domain.messages import Status, Stored
from trackerdcs.domain.ranges import Ranges
from trackerdcs.ports import Bus, Clock, Delivery, Entry, Journal

WINDOW = 200
"""Replayed frames that may wait for their confirmation at a time."""
UNCONFIRMED = 30.0
"""Seconds after which an unconfirmed frame is replayed while a loader is there; also the first back-off."""
LONG_UNCONFIRMED = 300.0
BACKOFF_MAX = 600.0
MARKS = 1200

log = logging.getLogger(__name__)


class Ages:
    """When the frames of this boot went out, to within `step` seconds, for the last MARKS steps at least."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._seqs: list[int] = []
        self._times: list[float] = []

    def went_out(self, seq: int, now: float) -> None:
        if not self._times or now - self._times[-1] >= self._step:
            self._seqs.append(seq)
            self._times.append(now)
            if len(self._seqs) > 2 * MARKS:
                del self._seqs[:MARKS], self._times[:MARKS]

    def age(self, seq: int, now: float) -> float:
        """Seconds since the frame went out; infinite for one older than all marks."""
        i = bisect_right(self._seqs, seq) - 1
        return now - self._times[i] if i >= 0 else float("inf")


class Replay:
    """Confirmations into the journal, unconfirmed frames out of it."""

    def __init__(
        self,
        stand: str,
        device: str,
        boot: str,
        bus: Bus,
        journal: Journal,
        outbox: Outbox,
        clock: Clock,
        unconfirmed: float = UNCONFIRMED,
    ) -> None:
        self._stand, self._device, self._boot = stand, device, boot
        self._bus, self._journal, self._outbox, self._clock = bus, journal, outbox, clock
        self._unconfirmed = unconfirmed
        self.ages = Ages(unconfirmed / 30)
        self._started = clock.monotonic()
        self._loaders: dict[str, float] = {}
        self._confirmed_at: float | None = None
        self._window: set[tuple[str, int]] = set()
        self._backoff = unconfirmed
        self._replayed_at = 0.0
        self._wake = asyncio.Event()
        self._edge = EdgeLog(log)
        self.fault: str | None = None
        """Which frames wait too long for their confirmation, for the device's status."""

    async def confirm(self) -> None:
        """Trim the journal by what loaders say is stored, for ever."""
        async for delivery in self._bus.subscribe(topics.stored(self._stand)):
            try:
                stored: Stored = decode_stored(delivery.payload)
            except ContractError as e:
                log.warning("%s: %s", delivery.topic, e)
            else:
                self._confirmed_at = self._clock.monotonic()
                await self._trim(stored.get(self._device, {}))
            delivery.acknowledge()

    async def _trim(self, boots: dict[str, list[tuple[int, int]]]) -> None:
        if not boots:
            return
        self._outbox.forget(Ranges(boots.get(self._boot, ())))
        self._backoff = self._unconfirmed
        try:
            await asyncio.to_thread(self._journal.confirm, boots)
        except StoreFault as e:
            self._edge.fail("trim", f"confirmed frames stay in the journal: {e}")
        else:
            self._edge.ok("trim", "confirmed frames leave the journal again")
            self._wake.set()

    async def watch_loaders(self) -> None:
        """Know which loaders are online, for ever: without one nothing is replayed."""
        async for delivery in self._bus.subscribe(topics.any_device(topics.SITE, "status")):
            self._note(delivery)
            delivery.acknowledge()

    def _note(self, delivery: Delivery) -> None:
        try:
            if topics.is_loader(topics.parse(delivery.topic)):
                if decode(Status, delivery.payload).state == "online":
                    self._loaders.setdefault(delivery.topic, self._clock.monotonic())
                else:  # one in fault cannot store either
                    self._loaders.pop(delivery.topic, None)
        except ContractError as e:
            log.warning("%s: %s", delivery.topic, e)

    async def run(self) -> None:
        """Publish again what stays unconfirmed, oldest first, for ever."""
        while True:
            try:
                await self._once()
            except BusDown as e:
                log.debug("replay waits for the bus: %s", e)
            except StoreFault as e:
                self._edge.fail("read", f"the journal cannot be read: {e}")
            else:
                self._edge.ok("read", "the journal can be read again")
            self._wake.clear()
            try:
                async with asyncio.timeout(min(1.0, self._unconfirmed)):  # wait_for of 3.11 may swallow a cancellation
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _once(self) -> None:
        now = self._clock.monotonic()
        oldest = await asyncio.to_thread(self._journal.oldest, WINDOW)
        self._window &= {(e.boot, e.seq) for e in oldest}
        waits = self._age(oldest[0], now) if oldest else 0.0
        self.fault = (
            f"seq {oldest[0].seq} of boot {oldest[0].boot} is unconfirmed" if waits >= LONG_UNCONFIRMED else None
        )
        online = self._online_for(now)
        if online is None or not self._bus.connected:
            return
        again = bool(self._window) and now - self._replayed_at >= self._backoff
        if again:
            self._backoff = min(2 * self._backoff, BACKOFF_MAX)
        topic = topics.of_device(self._stand, self._device, "replay")
        for entry in oldest:
            key = (entry.boot, entry.seq)
            due = again if key in self._window else min(self._age(entry, now), online) >= self._unconfirmed
            if due:
                await self._bus.publish(topic, entry.payload)
                self._window.add(key)
                self._replayed_at = now

    def _online_for(self, now: float) -> float | None:
        """Seconds since a loader is online, as far as this device knows; None without one."""
        if self._loaders:
            return now - min(self._loaders.values())
        if self._confirmed_at is not None and now - self._confirmed_at < self._unconfirmed:
            return float("inf")
        return None

    def _age(self, entry: Entry, now: float) -> float:
        return self.ages.age(entry.seq, now) if entry.boot == self._boot else now - self._started
