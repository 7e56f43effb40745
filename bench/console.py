"""What live pages cost the web service: watchers of a stand of 100 channels at 1 Hz, each value sent to each of them.

    python -m bench.console [--watchers 50] [--seconds 30]

Prints the CPU of the web service in cores, what a watcher gets in kB/s, and from the publication of a frame to its
arrival at a watcher, as medians of the seconds (arrivals: of all).
"""

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import tempfile
import time
from pathlib import Path

import httpx
from websockets.asyncio.client import ClientConnection, connect

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain import topics
from trackerdcs.domain.codec import encode
from trackerdcs.domain.instrument import Channel, Quantity
from trackerdcs.domain.messages import Frame, Meta
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.servers import HOST, Mosquitto
from trackerdcs.tests.web_stack import WebService, log_in

DEVICES, CHANNELS = 10, 10
UNITS = {"v_set": "V", "v_mon": "V", "i_limit": "A", "i_mon": "A", "on": "1", "state": ""}
WARM_S = 3.0


def frame(seq: int) -> Frame:
    """All channels of a device, in which the measured values have changed."""
    values = {
        f"ch{n}": {
            "v_set": -200.0,
            "v_mon": round(-200 + random.gauss(0, 0.02), 4),
            "i_limit": 2e-5,
            "i_mon": round(random.gauss(-1.2e-7, 1e-9), 12),
            "on": True,
            "state": "on",
        }
        for n in range(CHANNELS)
    }
    return Frame(ts=time.time_ns(), seq=seq, boot="b1", sw="0", kind="hv", ch=values, sim=True)


async def speak(bus: MqttBus) -> None:
    """Ten devices, each once a second, spread over it."""
    channel = Channel({name: Quantity(unit) for name, unit in UNITS.items()})
    for n in range(DEVICES):
        meta = Meta("hv", "bench", "1", "bench", "0", True, "b1", 1.0, {f"ch{c}": channel for c in range(CHANNELS)})
        await bus.publish(topics.of_device("bench", f"hv{n}", "meta"), encode(meta), retain=True)
    seq = 0
    while True:
        for n in range(DEVICES):
            await bus.publish(topics.of_device("bench", f"hv{n}", "frame"), encode(frame(seq)), retain=True)
            await asyncio.sleep(1 / DEVICES)
        seq += 1


async def watch(socket: ClientConnection, sizes: list[int], late: list[float] | None) -> None:
    """Count what comes; one of them also looks how old it is."""
    async for said in socket:
        sizes[0] += len(said)
        if late is not None:
            now = time.time_ns()
            late += [(now - each[3]["ts"]) / 1e9 for each in json.loads(said)["said"] if each[0].endswith("/frame")]


def used(pid: int) -> float:
    """CPU s of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """MB in memory."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


async def measure(url: str, cookie: str, broker_port: int, pid: int, watchers: int, seconds: int) -> None:
    """One run; prints its numbers."""
    async with MqttBus(BusConfig("mqtt", HOST, broker_port), "bench-speaker") as bus, asyncio.TaskGroup() as tasks:
        work = [tasks.create_task(speak(bus))]
        sizes, late = [0], list[float]()
        address, headers = url.replace("http", "ws") + "/api/live", {"Cookie": f"trackerdcs={cookie}"}
        for n in range(watchers):
            socket = await connect(address, origin=url, additional_headers=headers)  # type: ignore[arg-type]
            work.append(tasks.create_task(watch(socket, sizes, late if n == 0 else None)))
        await asyncio.sleep(WARM_S)
        late.clear()
        cores, rates, began_with = [], [], memory(pid)
        for _ in range(seconds):
            before, size, began = used(pid), sizes[0], time.monotonic()
            await asyncio.sleep(1.0)
            took = time.monotonic() - began
            cores.append((used(pid) - before) / took)
            rates.append((sizes[0] - size) / took / max(1, watchers) / 1000)
        for task in work:
            task.cancel()
    print(
        f"{watchers} watchers, {DEVICES * CHANNELS} channels, {DEVICES * CHANNELS * len(UNITS)} values/s: "
        f"{statistics.median(cores):.2f} cores (highest {max(cores):.2f}), {statistics.median(rates):.1f} kB/s each, "
        f"frame to watcher {1000 * statistics.median(late):.0f} ms"
        + f", memory {began_with:.0f} to {memory(pid):.0f} MB"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--watchers", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Mosquitto() as broker, WebService(Path(folder), broker.port) as web:
        with httpx.Client(base_url=web.url) as client:
            log_in(client, "viewer")
            cookie = client.cookies["trackerdcs"]
        pid = web._process.pid if web._process else 0
        for watchers in (1, options.watchers):
            asyncio.run(measure(web.url, cookie, broker.port, pid, watchers, options.seconds))


if __name__ == "__main__":
    main()
