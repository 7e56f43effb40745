"""Kill to "output falling" on 100 simulated high-voltage channels of one stand, by topic and by the local sockets.

25 iseg SHR of four channels: simulators in one process, owners in five, the broker in one, all on real sockets.

Run: .venv/bin/python bench/kill.py [--runs 5]
"""

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from trackerdcs.adapters.broker_amqtt import EmbeddedBroker
from trackerdcs.adapters.kill_socket import KillClient
from trackerdcs.domain import topics
from trackerdcs.domain.stand import Stand
from trackerdcs.services import device
from trackerdcs.services.client import USER, connect
from trackerdcs.settings import load_stand
from trackerdcs.sim.control import ask

TRACKERDCS = str(Path(sys.executable).with_name("trackerdcs"))
DEVICES, CHANNELS, PROCESSES, FIRST = 25, 4, 5, 23000
V, FALLING = -100.0, 1.0
"""V; at this voltage the kill comes, and a channel falls when it has lost so much."""


def stand_file(folder: Path) -> Path:
    """A stand of 100 channels."""
    channel = {"v_min": -800, "v_max": 0, "i_limit_max": 2e-5, "kill_rate": 100}
    devices = {
        f"hv{n}": {
            "driver": "iseg_shr",
            "sim": True,
            "link": {"resource": f"TCPIP::127.0.0.1::{FIRST + 2 + n}::SOCKET"},
            "channels": {f"ch{c}": channel for c in range(CHANNELS)},
        }
        for n in range(DEVICES)
    }
    bus = {"kind": "embedded", "port": FIRST}
    file = folder / "stand.json"
    file.write_text(
        json.dumps(
            {"stand": "many", "data": str(folder), "bus": bus, "sim": {"control": FIRST + 1}, "devices": devices}
        )
    )
    return file


def broker(file: Path) -> None:
    """The broker, until the process is ended."""

    async def serve(stand: Stand) -> None:
        async with EmbeddedBroker(stand.bus.host, stand.bus.port):
            await asyncio.Event().wait()

    asyncio.run(serve(load_stand(file)))


def owners(file: Path, part: int) -> None:
    """A part of the owners, until the process is ended."""

    async def serve(stand: Stand) -> None:
        async with asyncio.TaskGroup() as tasks:
            for name in list(stand.devices)[part::PROCESSES]:
                tasks.create_task(device.serve(stand, name))

    logging.disable()
    asyncio.run(serve(load_stand(file)))


def control(**request: Any) -> dict[str, Any]:
    """One request to the simulators."""
    return ask("127.0.0.1", FIRST + 1, request)


def volts() -> dict[str, float]:
    """The true voltage of every channel."""
    found = control(op="state")["devices"]
    return {
        f"{d}.{ch}": abs(float(values["v"])) for d, state in found.items() for ch, values in state["channels"].items()
    }


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Return when it is so."""
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within 60 s")
        time.sleep(0.05)


def all_up() -> None:
    """Bring every channel to V by its front panel: the owners only watch."""
    for name in (f"hv{n}" for n in range(DEVICES)):
        for ch in (f"ch{c}" for c in range(CHANNELS)):
            args = {"channel": ch, "v_set": V, "on": True}
            control(op="fault", device=name, fault="front_panel", args=args)
    wait_for(lambda: min(volts().values()) > abs(V) - 0.5, "all up")


def falling(kill: Callable[[], float]) -> list[float]:
    """Seconds from the moment of the kill, which it returns, until each channel was seen to fall."""
    before = volts()
    fell: dict[str, float] = {}
    began = kill()
    while len(fell) < len(before):
        asked = time.monotonic()
        now = volts()
        for name, v in now.items():
            if v < before[name] - FALLING:
                fell.setdefault(name, asked - began)
        if asked - began > 60:
            raise SystemExit("not all fell within 60 s")
    wait_for(lambda: max(volts().values()) < 1.0, "all down")
    return list(fell.values())


def by_topic() -> float:
    """One message of a client that is connected already."""

    async def publish() -> float:
        async with connect(load_stand(Path(os.environ["TRACKERDCS_STAND_FILE"])).bus) as bus:
            began = time.monotonic()
            await bus.publish(topics.kill("many", USER), b"now")
            return began

    return asyncio.run(publish())


def by_sockets(paths: list[Path]) -> float:
    """One owner after the other, none is waited for but for its answer."""
    began, id = time.monotonic(), str(uuid.uuid4())
    for path in paths:
        KillClient(path).kill(id, "")
    return began


def main() -> None:
    """By turns by topic and by the sockets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = stand_file(folder)
        os.environ |= {"TRACKERDCS_STAND_FILE": str(file), "TRACKERDCS_STATE": name}
        sims = subprocess.Popen([TRACKERDCS, "sim", "run", str(file)], stderr=subprocess.DEVNULL)
        wait_for(lambda: not socket.socket().connect_ex(("127.0.0.1", FIRST + 1)), "simulators")
        spawn = multiprocessing.get_context("spawn").Process
        serving = [spawn(target=broker, args=(file,), daemon=True)]
        serving += [spawn(target=owners, args=(file, part), daemon=True) for part in range(PROCESSES)]
        for process in serving:
            process.start()
        sockets = [folder / f"hv{n}.kill" for n in range(DEVICES)]
        wait_for(lambda: all(path.exists() for path in sockets), "owners")
        time.sleep(3.0)
        figures: dict[str, list[float]] = {"topic": [], "local sockets": []}
        try:
            for _ in range(given.runs):
                for way, kill in (("topic", by_topic), ("local sockets", partial(by_sockets, sockets))):
                    all_up()
                    figures[way] += falling(kill)
                    time.sleep(1.0)
        finally:
            for process in serving:
                process.kill()
            sims.terminate()
    print(f"kill to output falling, {DEVICES * CHANNELS} channels, {given.runs} runs; load {os.getloadavg()[0]:.1f}")
    for way, found in figures.items():
        print(f"by {way:14} median {statistics.median(found):.3f} s, worst {max(found):.3f} s")


if __name__ == "__main__":
    main()
