"""For tests: many devices of one process that say thousands of frames a second, each with the least of a journal."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterator

from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode_stored
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.ranges import Ranges
from trackerdcs.domain.series import Selection
from trackerdcs.ports import Bus, TimeSeries

TICK_S = 0.02
UNACKNOWLEDGED = 2000
"""Publications that may be on their way: what does not fit stays in the journals."""
REPLAY = 200
"""Unconfirmed frames that a device says again at once, as a real one does."""


class FastDevice:
    """Frames are numbered from 0; the payload of one is made anew when it is said again."""

    def __init__(self, stand: str, name: str) -> None:
        self.stand, self.name, self.boot = stand, name, uuid.uuid4().hex[:12]
        self.start = time.time_ns()
        self.sent = 0
        self.confirmed = Ranges()
        self._topics = {leaf: topics.of_device(stand, name, leaf) for leaf in ("frame", "replay")}

    def ts(self, seq: int) -> int:
        """Of frame `seq` in ns UTC: a millisecond apart, whatever the clock says."""
        return self.start + seq * 1_000_000

    def said(self, seq: int, leaf: str) -> tuple[str, bytes]:
        """Topic and payload of a frame."""
        frame = {"v": 1, "ts": self.ts(seq), "seq": seq, "boot": self.boot, "sw": "test", "kind": "hv"}
        return self._topics[leaf], json.dumps(frame | {"ch": {"ch0": {"v_mon": seq / 2, "state": "on"}}}).encode()

    def unconfirmed(self, before: int) -> list[int]:
        """The oldest frames below `before` that nobody has confirmed."""
        found: list[int] = []
        for first, last in self.confirmed.holes(0, before - 1):
            found += range(first, min(last + 1, first + REPLAY - len(found)))
            if len(found) >= REPLAY:
                break
        return found

    async def wrong(self, series: TimeSeries) -> str | None:
        """What of it is not in the database as it was sent, each frame once; None if nothing."""
        whole = Selection(self.stand, self.name, None, "seq", 0, 2**62)
        stored = [(s.ts, s.value) for s in await series.samples(whole)]
        if stored == [(self.ts(seq), float(seq)) for seq in range(self.sent)]:
            return None
        missing = sorted(set(range(self.sent)) - {int(float(value)) for _, value in stored})
        return f"{self.name}: sent {self.sent}, stored {len(stored)}, missing {len(missing)}: {missing[:5]} ..."


class FastSource:
    """All devices of a stand on one connection."""

    def __init__(self, bus: Bus, stand: str, devices: int, again_s: float) -> None:
        self._bus, self._again_s = bus, again_s
        self.devices = [FastDevice(stand, f"d{i}") for i in range(devices)]
        self._by_name = {device.name: device for device in self.devices}
        self._stand = stand
        self._pending: set[asyncio.Task[None]] = set()
        self.replayed = 0

    async def send(self, seconds: float, rate: float) -> None:
        """Say `rate` frames a second for so long, whatever becomes of them."""
        began, done = time.monotonic(), 0
        turn = self._turns()
        while (spent := time.monotonic() - began) < seconds:
            for _ in range(int(spent * rate) - done):
                device = next(turn)
                self._publish(*device.said(device.sent, "frame"), retain=True)
                device.sent += 1
                done += 1
            await asyncio.sleep(TICK_S)

    async def listen(self) -> None:
        """Note what is confirmed, for ever."""
        async for delivery in self._bus.subscribe(topics.stored(self._stand)):
            for name, boots in decode_stored(delivery.payload).items():
                device = self._by_name.get(name)
                for first, last in boots.get(device.boot, []) if device else ():
                    device.confirmed.add(first, last)  # type: ignore[union-attr]
            delivery.acknowledge()

    async def resend(self) -> None:
        """Say again what was said `again_s` ago and is not confirmed, for ever."""
        while True:
            before = [(device, device.sent) for device in self.devices]
            await asyncio.sleep(self._again_s)
            for device, sent in before:
                for seq in device.unconfirmed(sent):
                    while len(self._pending) >= UNACKNOWLEDGED:  # else the first devices would take all the room
                        await asyncio.sleep(TICK_S)
                    self.replayed += 1
                    self._publish(*device.said(seq, "replay"), retain=False)

    @property
    def open(self) -> int:
        """Frames that are not confirmed."""
        return sum(device.sent - len(device.confirmed) for device in self.devices)

    def _turns(self) -> Iterator[FastDevice]:
        while True:
            yield from self.devices

    def _publish(self, topic: str, payload: bytes, retain: bool) -> None:
        if self._bus.connected and len(self._pending) < UNACKNOWLEDGED:
            task = asyncio.create_task(self._tried(topic, payload, retain))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

    async def _tried(self, topic: str, payload: bytes, retain: bool) -> None:
        try:
            await self._bus.publish(topic, payload, retain=retain)
        except BusDown:
            return  # it is in the journal
