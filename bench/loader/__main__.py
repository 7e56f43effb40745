"""The loader beside Telegraf, beside the plain loader in Python, and beside a subscriber in C that stores nothing.

Run from the root: .venv/bin/python -m bench.loader [--quick] [--only live drain]; or `make bench`.
"""

import argparse
import os
import platform
import sys
import time
import unittest
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bench.loader.load import Load
from bench.loader.peers import Peer, frames, peers
from bench.loader.process import Died
from bench.loader.programs import TELEGRAF_VERSION
from bench.loader.runs import Run, drain, failed, live, outage
from bench.loader.tables import aims, alone, beside, table
from tools.servers import Failed, Unobtainable
from trackerdcs.tests.programs import INFLUXD_VERSION

CASES = ("live", "drain", "backlog", "outage", "devices")
DEVICES = 1000
OURS = ("trackerdcs", "frames")


def say(text: str) -> None:
    """Progress, beside the tables."""
    print(text, file=sys.stderr, flush=True)


def processor() -> str:
    """What it calls itself."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(": ")[2] if names else platform.machine()


Case = Callable[[Peer, Load], Run]


def attempt(what: str, case: Case, peer: Peer, load: Load) -> Run:
    """One run; a loader that dies is a run that is not exact."""
    try:
        run = case(peer, load)
    except Died as why:
        run = failed(peer, load, str(why))
    say(f"{what} {run.line()}")
    return run


def by_turns(what: str, case: Case, of: Sequence[Peer], repeats: int, load: Load) -> dict[str, list[Run]]:
    """Each loader once a round, beginning with another one each time."""
    runs: dict[str, list[Run]] = {peer.name: [] for peer in of}
    for n in range(repeats):
        first = n % len(of)
        for peer in [*of[first:], *of[:first]]:
            its = replace(load, payload=peer.payload)
            runs[peer.name].append(attempt(f"{what} {n + 1}/{repeats}", case, peer, its))
    return runs


def measure(given: argparse.Namespace) -> None:
    """All that was asked for, and the tables."""
    of = list(peers(given.without).values())
    ours = next((peer for peer in of if peer.name in OURS), frames())
    load = Load("flat", given.count, gulp_us=given.gulp_us)
    long = replace(load, count=given.backlog, payload=ours.payload)
    devices = Load("frame", 30 * DEVICES, DEVICES, DEVICES, quantities=10)
    began, lives, drains, single = time.monotonic(), {}, {}, {}
    if "live" in given.only:
        lives = by_turns("live", live, of, given.repeats, load)
    if "drain" in given.only:
        drains = by_turns("drain", drain, [peer for peer in of if peer.stores], given.repeats, load)
    for name, case, peer, what in (
        ("backlog", drain, ours, long),
        ("outage", outage, ours, long),
        ("devices", live, frames(), devices),
    ):
        if name in given.only:
            single[name] = attempt(name, case, peer, what)
    took = time.monotonic() - began
    print(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, InfluxDB {INFLUXD_VERSION},")
    print(f"Telegraf {TELEGRAF_VERSION}; {load.count} messages over {load.topics} topics, medians of {given.repeats}")
    print(f"[lowest-highest], {took:.0f} s in all.")
    for title, runs in (("Live", lives), ("Drain", drains)):
        if runs:
            print(f"\n**{title}**\n\n{table(runs)}")
    if single:
        print(f"\n**One run each of {ours.name}**\n\n{table({name: [run] for name, run in single.items()})}")
    print("\n" + aims([aim for name in OURS for aim in beside(lives, drains, name)] + alone(single)))


def main() -> int:
    """What is asked for; 1 where something it takes is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CASES, default=CASES, help="parts of it")
    parser.add_argument("--without", nargs="+", default=[], metavar="LOADER", help="of those in the tables")
    parser.add_argument("--count", type=int, default=200_000, help="messages a run")
    parser.add_argument("--backlog", type=int, default=1_000_000, help="messages of the two long runs")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--gulp-us", type=int, default=0, help="the generator's pause before it reads, see blast.c")
    parser.add_argument("--quick", action="store_true", help="20000 messages, twice; a backlog of 100000")
    given = parser.parse_args()
    if given.quick:
        given.count, given.backlog, given.repeats = 20_000, 100_000, 2
    try:
        measure(given)
    except (Unobtainable, Failed, unittest.SkipTest) as lacking:
        say(str(lacking))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
