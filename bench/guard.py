"""What a guard costs: 200 conditions at 1 Hz, as share of a core, and how long from an input to the interlock.

Run: .venv/bin/python bench/guard.py [--seconds 60] [--conditions 200] [--interlocks 10]
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from trackerdcs.adapters.broker_amqtt import EmbeddedBroker
from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.messages import Frame, Interlock
from trackerdcs.domain.stand import BusConfig

TRACKERDCS = str(Path(sys.executable).with_name("trackerdcs"))
TICKS = os.sysconf("SC_CLK_TCK")
PORT = 21883
CHANNELS = ("ch1", "ch2", "ch3", "ch4")
QUANTITIES = ("v_set", "v_mon", "i_limit", "i_mon")
TRIES = 20


def stand_file(folder: Path, conditions: int, interlocks: int) -> tuple[Path, list[str]]:
    """A stand of supplies whose every measured value is the input of one condition; the file and the devices."""
    inputs = len(CHANNELS) * len(QUANTITIES)
    devices = [f"lv{n}" for n in range(-(-conditions // inputs))]
    lines = ["stand: bench", f"data: {folder}", f"bus: {{kind: embedded, port: {PORT}}}", "devices:"]
    for n, name in enumerate(devices):
        lines += [f"  {name}:", "    driver: hmp4040", f"    link: {{resource: TCPIP::192.0.2.{n + 1}::5025::SOCKET}}"]
        lines += ["    channels:", *(f"      {ch}: {{v_min: 0, v_max: 12, i_limit_max: 2}}" for ch in CHANNELS)]
    of = [f"{name}.{ch}.{q}" for name in devices for ch in CHANNELS for q in QUANTITIES][:conditions]
    lines.append("interlocks:")
    for n in range(interlocks):
        lines += [f"  lock{n}:", "    protects: [lv0]", "    conditions:"]
        lines += [
            f"      c{i}: {{of: {q}, max: 10, frozen_after: 600}}" for i, q in enumerate(of) if i % interlocks == n
        ]
    path = folder / "stand.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path, devices


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Feed:
    """All devices of the stand at 1 Hz each, spread over the second, and what the guard says."""

    def __init__(self, bus: MqttBus, devices: list[str]) -> None:
        self._bus, self._devices = bus, devices
        self._seq = 0
        self.said: dict[str, tuple[str, float]] = {}
        self.heard = 0

    async def send(self, device: str, high: bool = False) -> None:
        self._seq += 1
        values = {q: 1.0 + self._seq * 1e-6 + i * 0.1 for i, q in enumerate(QUANTITIES)}
        values |= {"v_mon": 11.0} if high else {}
        frame = Frame(time.time_ns(), self._seq, "bench", "0", "lv", {ch: dict(values) for ch in CHANNELS})
        await self._bus.publish(topics.of_device("bench", device, "frame"), encode(frame), retain=True)

    async def run(self) -> None:
        due = time.monotonic()
        while True:
            for device in self._devices:
                await self.send(device)
                due += 1.0 / len(self._devices)
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def listen(self) -> None:
        async for delivery in self._bus.subscribe(topics.interlocks_of("bench")):
            if not delivery.retained:
                said = decode(Interlock, delivery.payload)
                name = topics.parse(delivery.topic).item or ""
                if self.said.get(name, ("",))[0] != said.state:
                    self.said[name] = (said.state, time.monotonic())
                self.heard += 1

    async def until_all(self, state: str, number: int) -> None:
        async with asyncio.timeout(60):
            while sum(said == state for said, _ in self.said.values()) < number:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def bench(seconds: float, conditions: int, interlocks: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        path, devices = stand_file(Path(name), conditions, interlocks)
        async with EmbeddedBroker("127.0.0.1", PORT), MqttBus(BusConfig(port=PORT), "bench") as bus:
            feed = Feed(bus, devices)
            tasks = [asyncio.create_task(job) for job in (feed.listen(), feed.run())]
            guard = subprocess.Popen([TRACKERDCS, "guard", str(path)], stderr=subprocess.DEVNULL)  # noqa: ASYNC220
            try:
                await feed.until_all("ok", interlocks)
                cpu, heard, began = cpu_s(guard.pid), feed.heard, time.monotonic()
                await asyncio.sleep(seconds)
                passed = time.monotonic() - began
                share, rate = 100 * (cpu_s(guard.pid) - cpu) / passed, (feed.heard - heard) / passed
                tasks[1].cancel()  # the interlocks open one after the other: each by one frame
                times = []
                for n in range(min(TRIES, len(devices))):
                    before = {name for name, (state, _) in feed.said.items() if state == "open"}
                    sent = time.monotonic()
                    await feed.send(devices[n], high=True)
                    await asyncio.sleep(0.3)
                    times += [1000 * (at - sent) for i, (s, at) in feed.said.items() if s == "open" and i not in before]
            finally:
                guard.terminate()
                guard.wait(10)
                for task in tasks:
                    task.cancel()
    print(f"{conditions} conditions in {interlocks} interlocks on {len(devices)} devices at 1 Hz, {passed:.0f} s")
    print(f"guard: {share:.2f} % of a core, {rate:.0f} interlock messages/s; load {os.getloadavg()[0]:.1f}")
    print(f"input sent to interlock open heard: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--conditions", type=int, default=200)
    parser.add_argument("--interlocks", type=int, default=10)
    given = parser.parse_args()
    asyncio.run(bench(given.seconds, given.conditions, given.interlocks))


if __name__ == "__main__":
    main()
