"""A loader between a broker and stores in memory, with faults, and a witness who holds each claim against the truth."""

import asyncio
import dataclasses
import json
import unittest
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.frames_msgspec import frame_reader
from trackerdcs.adapters.series_memory import MemorySeries
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.bus_inlet import BusInlet
from trackerdcs.app.load_loop import LoadLoop, filters_of
from trackerdcs.domain.batch import Arrival, pack, unpack
from trackerdcs.domain.codec import decode, decode_stored, encode
from trackerdcs.domain.errors import StoreDown, StoreFault
from trackerdcs.domain.gaps import Piece, merged
from trackerdcs.domain.messages import NO_CHANNEL, Event, Frame, Status
from trackerdcs.domain.reception import Reception
from trackerdcs.domain.series import FRAMES, Point, RejectedPoint
from trackerdcs.ports import ParkedMessage, Spooled
from trackerdcs.tests.witness import Witness

TS = 1_700_000_000_000_000_000
GONE = "the database is gone"


def frame(seq: int, **changed: object) -> bytes:
    whole = Frame(TS + seq, seq, "b1", "test", "hv", {"ch0": {"v_mon": seq / 2}})
    return encode(dataclasses.replace(whole, **changed))  # type: ignore[arg-type]


class FaultySeries(MemorySeries):
    """A time series that trips over one value, never takes another, or breaks altogether."""

    trips_over: float | None = None
    rejects: float | None = None
    breaks = False

    def __init__(self) -> None:
        super().__init__()
        self.seqs: list[int] = []
        self.writes = 0

    async def write(self, points: Sequence[Point]) -> list[RejectedPoint]:
        self.writes += 1
        await asyncio.sleep(0)
        if self.down:
            raise StoreDown(self.down)
        values = {p.fields["v_mon"] for p in points if p.measurement == "hv"}
        if self.breaks or self.trips_over in values:
            raise ZeroDivisionError("a bug \ud800")
        rejected = [RejectedPoint(p, "type conflict") for p in points if p.fields.get("v_mon", "") == self.rejects]
        good = [p for p in points if all(p is not r.point for r in rejected)]
        await super().write(good)
        self.seqs += [int(p.fields["seq"]) for p in good if p.measurement == FRAMES and ("device", "hv1") in p.tags]
        return rejected


class Letters:
    """Dead letters in memory, with a disk that can be full."""

    def __init__(self) -> None:
        self.full = False
        self.aside: str | None = None
        self.parked: list[tuple[str, bytes, str]] = []

    def park(self, messages: Sequence[ParkedMessage]) -> None:
        if self.full:
            raise StoreFault("no space left on device")
        self.parked += [m[:3] for m in messages]

    def seqs(self) -> list[int]:
        found = []
        for _, payload, _ in self.parked:
            with suppress(ValueError, KeyError, TypeError):
                found.append(json.loads(payload)["seq"])
        return found

    def __len__(self) -> int:
        return len(self.parked)

    def close(self) -> None: ...


class Rows:
    """A spool in memory, with a disk that can be full."""

    def __init__(self) -> None:
        self.full = False
        self.aside: str | None = None
        self.rows: dict[int, tuple[Spooled, bytes]] = {}
        self._number = 0

    def append(self, arrivals: Sequence[Arrival], arrived: int, done: Collection[int]) -> Spooled:
        self.remove(done)
        self._number += 1
        block = pack(arrivals)
        spooled = Spooled(self._number, arrived, len(arrivals), len(block))
        self.rows[self._number] = spooled, block
        return spooled

    def remove(self, done: Collection[int]) -> None:
        if self.full:
            raise StoreFault("no space left on device")
        for number in done:
            self.rows.pop(number, None)  # what is gone is gone, as in SQL

    def waiting(self) -> list[Spooled]:
        return [spooled for spooled, _ in self.rows.values()]

    def read(self, number: int) -> list[Arrival]:
        return unpack(self.rows[number][1])

    def messages(self) -> int:
        return sum(spooled.messages for spooled, _ in self.rows.values())

    def swap_filters(self, filters: Sequence[str]) -> list[str]:
        return []

    def close(self) -> None: ...


class Record:
    """A gap record in memory, with a disk that can be full; it holds what it is told against what is really safe."""

    def __init__(self, series: FaultySeries, letters: Letters) -> None:
        self.full = False
        self.aside: str | None = None
        self.pieces: list[Piece] = []
        self.false: list[Piece] = []
        self._series, self._letters = series, letters

    def add(self, pieces: Sequence[Piece]) -> None:
        if self.full:
            raise StoreFault("no space left on device")
        safe = {"stored": set(self._series.seqs), "parked": set(self._letters.seqs())}
        for p in pieces:
            if p.device == "hv1" and not set(range(p.first, p.last + 1)) <= safe.get(p.fate, set(range(p.last + 1))):
                self.false.append(p)
        self.pieces = merged([*self.pieces, *pieces])

    def ranges(self, fate: str) -> list[tuple[int, int]]:
        return [(p.first, p.last) for p in self.pieces if p.device == "hv1" and p.fate == fate]

    def __contains__(self, seq: int) -> bool:
        return any(p.first <= seq <= p.last for p in self.pieces if p.device == "hv1")

    def close(self) -> None: ...


class Rig:
    """A loader on a broker, a device that sends, and a witness who holds each claim against what is really safe."""

    def __init__(self, heartbeat: float = 0.05) -> None:
        self._heartbeat = heartbeat
        self.broker = MemoryBroker()
        self.series, self.letters = FaultySeries(), Letters()
        self.record = Record(self.series, self.letters)
        self.spool = Rows()
        self.who = Who("site", "loader", "boot", "test")
        self.will = will_of(self.who, SystemClock())
        self.loader = MemoryBus(self.broker, "loader", self.will, persistent=True)
        self.device = MemoryBus(self.broker, "device")
        self.witness = MemoryBus(self.broker, "witness")
        self.confirmed: set[int] = set()
        self.false_claims: list[int] = []
        self.unrecorded: list[int] = []
        self.statuses: list[Status] = []
        self.events: list[Event] = []
        self.cuts = 0
        self.bad: set[str] = set()
        self.loop = self.new_loop()

    def new_loop(self) -> LoadLoop:
        self.inlet = BusInlet(self.loader, filters_of(["bench"]))
        stores = (self.loader, self.spool, self.series, self.letters, self.record, SystemClock())
        return LoadLoop(
            self.inlet,
            *stores,
            Reception(frame_reader),
            self.who,
            linger=0.0,
            retry=(0.01, 0.02),
            heartbeat=self._heartbeat,
        )

    async def send(self, payload: bytes, leaf: str = "frame", device: str = "hv1") -> None:
        await self.device.publish(f"dcs/v1/bench/{device}/{leaf}", payload, retain=leaf == "frame")

    async def send_frames(self, *seqs: int) -> None:
        for seq in seqs:
            await self.send(frame(seq))

    def safe(self) -> list[int]:
        return sorted({*self.series.seqs, *self.letters.seqs()})

    def figure(self, quantity: str) -> float:
        return float(self.loop.tally.figures().ch[NO_CHANNEL][quantity])

    async def watch(self) -> None:
        async for delivery in self.witness.subscribe(
            "dcs/v1/bench/stored", "dcs/v1/site/loader/status", "dcs/v1/site/loader/event"
        ):
            if delivery.topic.endswith("status"):
                self.statuses.append(decode(Status, delivery.payload))
                continue
            if delivery.topic.endswith("event"):
                self.events.append(decode(Event, delivery.payload))
                continue
            for first, last in decode_stored(delivery.payload).get("hv1", {}).get("b1", []):
                claimed = set(range(first, last + 1))
                self.false_claims += claimed - {*self.series.seqs, *self.letters.seqs()}
                self.unrecorded += [seq for seq in claimed if seq not in self.record]
                self.confirmed |= claimed

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        contract = Witness(MemoryBus(self.broker, "contract"), self.bad)
        async with contract, self.loader, self.device, self.witness, self.inlet:
            tasks = [asyncio.create_task(self.watch()), asyncio.create_task(self.loop.run())]
            await asyncio.sleep(0)
            yield tasks[1]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def check(self, test: unittest.TestCase, *seqs: int) -> None:
        """All of `seqs` and nothing else is safe and confirmed, and nothing was claimed before it was safe."""
        test.assertEqual(self.safe(), list(seqs))
        test.assertEqual(sorted(self.confirmed), list(seqs))
        test.assertEqual(self.false_claims, [])
        test.assertEqual(self.record.false, [])
        test.assertTrue(self.record.full or not self.unrecorded, self.unrecorded)
