"""From the bus into the time series: write, record, acknowledge, tell the journals. In this order, always."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from trackerdcs.app.announcer import Announcer, Who
from trackerdcs.app.backoff import Backoff
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.gap_keeper import GapKeeper
from trackerdcs.app.store_writer import StoreWriter, Taken
from trackerdcs.app.tally import Tally
from trackerdcs.domain import topics
from trackerdcs.domain.codec import encode_stored, plain
from trackerdcs.domain.errors import BusDown, StoreDown
from trackerdcs.domain.freshness import HEARTBEAT
from trackerdcs.domain.intake import FrameId, pieces_of, take_in
from trackerdcs.domain.ranges import Ranges
from trackerdcs.ports import Bus, Clock, DeadLetters, Delivery, GapRecord, TimeSeries

LEAVES = ("frame", "replay", "event")
BATCH = 1000
LINGER_S = 0.02
"""A broker sends a window of messages (Mosquitto: 20) and waits for the acknowledgements: lingering bounds the rate."""
RETRY_S = (0.5, 30.0)
TELL_EVERY_S = 60.0
"""A talker of nonsense gets one log line and one event a minute; the counter tells the rest."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Held(Taken):
    """A message that is not yet safe: neither in the time series nor, with `why`, in the dead letters."""

    delivery: Delivery


class LoadLoop:
    """Loads the frames and replays of some stands, and of the services' stand `site`.

    What is not acknowledged is with the broker, what is not confirmed is with the journals: it may be killed any time.
    """

    def __init__(
        self,
        bus: Bus,
        series: TimeSeries,
        deadletters: DeadLetters,
        gaps: GapRecord,
        clock: Clock,
        stands: Iterable[str],
        who: Who,
        *,
        batch: int = BATCH,
        linger: float = LINGER_S,
        retry: tuple[float, float] = RETRY_S,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._bus, self._deadletters, self._clock = bus, deadletters, clock
        self._writer, self._gaps = StoreWriter(series), GapKeeper(gaps)
        self._stands = sorted({*stands, topics.SITE})
        self._tally = Tally(who, bus, clock, heartbeat)
        self._announcer = Announcer(who, bus, clock, self._fault, heartbeat, self._remark)
        self._size, self._linger = batch, linger
        self._store_backoff, self._park_backoff = Backoff(*retry), Backoff(*retry)
        self._queue: asyncio.Queue[Held] = asyncio.Queue(batch)
        self._batch: list[Held] = []
        self._unparked: list[Held] = []
        self._parking_failed = asyncio.Event()
        self._edge = EdgeLog(log)
        self._told: dict[str, float] = {}
        self._store_fault: str | None = None
        self._park_fault: str | None = None

    async def run(self) -> None:
        """Load until cancelled."""
        filters = [topics.any_device(stand, leaf) for stand in self._stands for leaf in LEAVES]
        deliveries = self._bus.subscribe(*filters)
        self._announcer.introduce(self._tally.meta())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive(deliveries))
            tasks.create_task(self._load())
            tasks.create_task(self._park_again())
            tasks.create_task(self._tally.publish())
            tasks.create_task(self._announcer.births())
            tasks.create_task(self._announcer.run())

    async def _receive(self, deliveries: AsyncIterator[Delivery]) -> None:
        async for delivery in deliveries:
            intake = take_in(delivery.topic, delivery.payload)
            if intake.nothing:
                delivery.acknowledge()
                continue
            self._tally.received += intake.lost is None
            await self._queue.put(Held(intake, intake.why, delivery))

    async def _load(self) -> None:
        while True:
            await self._gather()
            try:
                await self._writer.write(self._batch)
                await self._settle_batch()
            except StoreDown as e:
                self._edge.fail("store", f"the store is down, {len(self._batch)} messages wait: {e}")
                self._store_fault = f"store: {e}"
            except Exception as e:  # noqa: BLE001 whatever it is: shown, logged with its place, and tried again
                self._edge.fail("loop", f"unexpected, the messages wait: {traceback.format_exc()}")
                self._store_fault = f"unexpected: {type(e).__name__}: {e}"
            else:
                self._edge.ok("store", "the store takes messages again")
                self._edge.ok("loop", "loading goes on")
                self._store_fault = None
                self._store_backoff.reset()
                continue
            finally:
                self._announcer.refresh()
            await asyncio.sleep(self._store_backoff.next())

    async def _gather(self) -> None:
        """Fill the batch; one that could not be stored is kept and topped up."""
        if not self._batch:
            self._batch.append(await self._queue.get())
            await asyncio.sleep(self._linger)
        while len(self._batch) < self._size and not self._queue.empty():
            self._batch.append(self._queue.get_nowait())

    async def _settle_batch(self) -> None:
        written = [held for held in self._batch if held.why is None]
        for held in written:
            if held.intake.points:
                self._tally.note_stored(held.intake)
        self._batch = [held for held in self._batch if held.why is not None]
        await self._confirm(written)
        while self._batch:
            if await self._park(self._batch[0]):
                await self._confirm(self._batch[:1])
            del self._batch[0]

    async def _park(self, held: Held) -> bool:
        """Put a message into the dead letters; one that they do not take is set aside for `_park_again`."""
        topic, why = held.delivery.topic, plain(held.why or "")
        if not self._parking_failed.is_set():
            try:
                await asyncio.to_thread(self._deadletters.park, topic, held.delivery.payload, why, self._clock.now())
            except Exception as e:  # noqa: BLE001 a StoreFault or a bug: either way the message is not safe yet
                self._edge.fail("park", f"the dead letters fail, bad messages wait: {type(e).__name__}: {e}")
                self._park_fault = f"dead letters: {e}"
                self._parking_failed.set()
            else:
                self._tally.parked += 1
                self._tell_parked(topic, why)
                return True
        if len(self._unparked) < self._size:
            self._unparked.append(held)
        else:  # it stays with the broker, and with its journal: bad messages must not stop the good ones
            self._tally.left += 1
        return False

    def _tell_parked(self, topic: str, why: str) -> None:
        now = self._clock.monotonic()
        if now - self._told.get(topic, -TELL_EVERY_S) >= TELL_EVERY_S:
            log.warning("parked %s: %s", topic, why)
            self._announcer.report("bad_message", why, {"topic": topic})
            self._told[topic] = now
            if len(self._told) > BATCH:
                self._told.pop(next(iter(self._told)))

    async def _park_again(self) -> None:
        while True:
            await self._parking_failed.wait()
            await asyncio.sleep(self._park_backoff.next())
            self._parking_failed.clear()
            pending, self._unparked = self._unparked, []
            await self._confirm([held for held in pending if await self._park(held)])
            if not self._parking_failed.is_set():
                self._park_backoff.reset()
                self._park_fault = None
                self._edge.ok("park", "the dead letters take messages again")
            self._announcer.refresh()

    async def _confirm(self, safe: list[Held]) -> None:
        """Record, acknowledge to the broker, tell the journals; a journal that misses it sends the frame again."""
        now = self._clock.now()
        stored, parked = [h.intake for h in safe if h.why is None], [h.intake for h in safe if h.why is not None]
        await self._gaps.note([*pieces_of(stored, "stored", now), *pieces_of(parked, "parked", now)])
        for held in safe:
            held.delivery.acknowledge()
        for stand, devices in _increments(held.intake.id for held in safe).items():
            increment = {device: {boot: list(r) for boot, r in boots.items()} for device, boots in devices.items()}
            try:
                await self._bus.publish(topics.stored(stand), encode_stored(increment))
            except BusDown as e:
                log.debug("%s: an increment was not published: %s", stand, e)

    def _fault(self) -> str | None:
        return self._store_fault or self._park_fault

    def _remark(self) -> str | None:
        """What the devices need not know: a loader in `fault` is one that does not store."""
        aside = self._deadletters.aside
        letters = f"dead letters: a damaged file was set aside as {aside}" if aside else None
        return "; ".join(filter(None, (self._gaps.remark(), letters))) or None


def _increments(ids: Iterable[FrameId | None]) -> dict[str, dict[str, dict[str, Ranges]]]:
    """Stand -> device -> boot -> ranges."""
    found: dict[str, dict[str, dict[str, Ranges]]] = {}
    for id in ids:
        if id is not None:
            boots = found.setdefault(id.stand, {}).setdefault(id.device, {})
            boots.setdefault(id.boot, Ranges()).add(id.seq, id.seq)
    return found
