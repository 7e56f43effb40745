"""Around a loader process: its stand file, a broker that can be killed, and a device with the least of a journal."""

import asyncio
import dataclasses
import sys
import time
import uuid
from pathlib import Path

from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode_stored, encode
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.messages import Frame
from trackerdcs.domain.series import Selection
from trackerdcs.ports import Bus, TimeSeries
from trackerdcs.tests.servers import Server

STAND, DEVICE = "bench", "hv1"
STAND_FILE = """
stand: {stand}
data: {data}
bus: {bus}
store: {store}
devices:
  hv1: {{driver: iseg_shr, link: {{resource: "TCPIP::127.0.0.1::1::SOCKET"}}}}
"""


def stand_file(data: Path, bus: str, store: str, stand: str = STAND) -> Path:
    """A stand file in `data`; bus and store as YAML."""
    path = data / f"{stand}.yaml"
    path.write_text(STAND_FILE.format(stand=stand, data=data, bus=bus, store=store))
    return path


BROKER = """
import asyncio, sys
from trackerdcs.adapters.broker_amqtt import EmbeddedBroker

async def main():
    async with EmbeddedBroker(port=int(sys.argv[1])):
        await asyncio.Event().wait()

asyncio.run(main())
"""


class EmbeddedBrokerProcess(Server):
    """The embedded broker in a process of its own, so that it can be killed."""

    def _command(self) -> list[str]:
        return [sys.executable, "-c", BROKER, str(self.port)]


class Source:
    """A device that sends numbered frames and, where asked to, whatever stays unconfirmed for `again` s as replay."""

    def __init__(self, bus: Bus, again: float | None) -> None:
        self._bus, self._again = bus, again
        self._start = time.time_ns()
        self.boot = uuid.uuid4().hex
        self.sent: dict[int, Frame] = {}
        self.confirmed: set[int] = set()
        self.replayed = 0

    async def send(self, number: int, rate: float) -> None:
        """Send the next `number` frames; what the broker does not take is left to `resend`."""
        for _ in range(number):
            await self._publish(self.next_frame().seq, "frame")
            await asyncio.sleep(1 / rate)

    def next_frame(self) -> Frame:
        """Make a frame, which counts as sent."""
        seq = len(self.sent)
        ts = max(time.time_ns(), self.sent[seq - 1].ts + 1 if seq else 0)
        self.sent[seq] = Frame(ts, seq, self.boot, "test", "hv", {"ch0": {"v_mon": seq / 2, "state": "on"}})
        return self.sent[seq]

    async def listen(self) -> None:
        """Note what is confirmed."""
        async for delivery in self._bus.subscribe(topics.stored(STAND)):
            for first, last in decode_stored(delivery.payload).get(DEVICE, {}).get(self.boot, []):
                self.confirmed |= set(range(first, last + 1))
            delivery.acknowledge()

    async def resend(self) -> None:
        """Replay, oldest first, at most 200 at a time."""
        while self._again is not None:
            await asyncio.sleep(self._again)
            late = time.time_ns() - int(self._again * 1e9)
            due = [seq for seq, frame in self.sent.items() if seq not in self.confirmed and frame.ts < late]
            for seq in due[:200]:
                self.replayed += 1
                await self._publish(seq, "replay")

    async def _publish(self, seq: int, leaf: str) -> None:
        try:
            topic = topics.of_device(STAND, DEVICE, leaf)
            await self._bus.publish(topic, encode(self.sent[seq]), retain=leaf == "frame")
        except BusDown:
            await asyncio.sleep(0.01)

    async def stored(self, series: TimeSeries) -> tuple[list[tuple[int, object]], list[tuple[int, object]]]:
        """Sequence numbers and voltages in the database, by time, in whatever number they are there."""
        whole = Selection(STAND, DEVICE, None, "seq", self._start, time.time_ns())
        seqs = await series.samples(whole)
        volts = await series.samples(dataclasses.replace(whole, channel="ch0", quantity="v_mon"))
        return [(s.ts, s.value) for s in seqs], [(s.ts, s.value) for s in volts]

    def expected(self) -> tuple[list[tuple[int, object]], list[tuple[int, object]]]:
        """What `stored` has to be in the end."""
        frames = list(self.sent.values())
        return [(f.ts, float(f.seq)) for f in frames], [(f.ts, f.ch["ch0"]["v_mon"]) for f in frames]
