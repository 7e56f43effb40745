"""A command from the client's publish to its verified read-back and to its `done`, against the same exchanges alone.

One iseg SHR: simulator, owner with broker, and client are three processes on real sockets.

Run: .venv/bin/python bench/command.py [--rounds 100]
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import cast

from trackerdcs.adapters.broker_amqtt import EmbeddedBroker
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.messages import Ack, Command
from trackerdcs.ports import PowerSupply
from trackerdcs.services import device
from trackerdcs.services.client import USER, connect
from trackerdcs.services.links import link_of
from trackerdcs.settings import load_stand

TRACKERDCS = str(Path(sys.executable).with_name("trackerdcs"))
FIRST = 23100


def stand_file(folder: Path) -> Path:
    """A stand of one supply."""
    supply = {
        "driver": "iseg_shr",
        "sim": True,
        "link": {"resource": f"TCPIP::127.0.0.1::{FIRST + 2}::SOCKET"},
        "channels": {"ch0": {"v_min": -800, "v_max": 0, "i_limit_max": 2e-5}},
    }
    bus = {"kind": "embedded", "port": FIRST}
    stand = {"stand": "one", "data": str(folder), "bus": bus, "sim": {"control": FIRST + 1}, "devices": {"hv1": supply}}
    file = folder / "stand.json"
    file.write_text(json.dumps(stand))
    return file


def owner(file: Path) -> None:
    """Broker and owner, until the process is ended."""

    async def serve() -> None:
        stand = load_stand(file)
        async with EmbeddedBroker(stand.bus.host, stand.bus.port):
            await device.serve(stand, "hv1")

    asyncio.run(serve())


def wait_for_port(port: int) -> None:
    """Return when somebody listens."""
    end = time.monotonic() + 30
    while socket.socket().connect_ex(("127.0.0.1", port)):
        if time.monotonic() > end:
            raise SystemExit(f"nobody listens on {port}")
        time.sleep(0.05)


def instrument(file: Path, rounds: int) -> list[float]:
    """Seconds of what a set_voltage needs of the instrument: look, set with read-back, look."""
    link, driver = link_of(load_stand(file).devices["hv1"])
    supply, times = cast(PowerSupply, driver), []
    link.connect()
    driver.identify()
    for n in range(rounds):
        began = time.monotonic()
        supply.read("ch0")
        supply.set_voltage("ch0", float(-10 - n % 2))
        supply.read("ch0")
        times.append(time.monotonic() - began)
    link.drop()
    return times


async def commands(file: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds from publishing a set_voltage to its verified read-back (the time in its `done`), and to that `done`."""
    verified: list[float] = []
    times: list[float] = []
    async with connect(load_stand(file).bus) as bus:
        acks = bus.subscribe(topics.of_device("one", "hv1", "ack"))
        while len(times) < rounds:
            id, now = str(uuid.uuid4()), time.time_ns()
            args = {"v": float(-10 - len(times) % 2)}
            command = encode(Command(id, "set_voltage", now, now + 5 * 10**9, "ch0", args))
            began = time.monotonic()
            publishing = asyncio.create_task(bus.publish(topics.command("one", "hv1", USER), command))
            async for delivery in acks:
                ack = decode(Ack, delivery.payload)
                if ack.id == id and ack.state == "done":
                    times.append(time.monotonic() - began)
                    verified.append((ack.ts - now) / 1e9)
                if ack.id == id and ack.state != "accepted":
                    break
            await publishing
            await asyncio.sleep(0.05)
    return verified, times


def main() -> None:
    """The instrument alone, then through the owner."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        file = stand_file(Path(name))
        os.environ["TRACKERDCS_STATE"] = name
        sim = subprocess.Popen([TRACKERDCS, "sim", "run", str(file)], stderr=subprocess.DEVNULL)
        wait_for_port(FIRST + 2)
        alone = instrument(file, given.rounds)
        serving = multiprocessing.get_context("spawn").Process(target=owner, args=(file,), daemon=True)
        serving.start()
        try:
            wait_for_port(FIRST)
            time.sleep(2.0)
            verified, done = asyncio.run(commands(file, given.rounds))
        finally:
            serving.kill()
            sim.terminate()
    print(f"set_voltage with its read-back, {given.rounds} rounds; load {os.getloadavg()[0]:.1f}")
    for what, times in (("instrument alone", alone), ("to the read-back", verified), ("to done", done)):
        print(f"{what:17} median {1000 * statistics.median(times):.1f} ms, worst {1000 * max(times):.1f} ms")


if __name__ == "__main__":
    main()
