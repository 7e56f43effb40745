"""For tests: which simulator belongs to which driver, and a bench with the two connected by a real socket or pty."""

import re
import time
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, cast

from trackerdcs.domain.instrument import Identity, Snapshot
from trackerdcs.domain.resource import Backend
from trackerdcs.domain.stand import LinkConfig
from trackerdcs.drivers.registry import driver_class
from trackerdcs.ports import Driver, Link, PowerSupply
from trackerdcs.services.links import open_link
from trackerdcs.sim.stand import SIMULATORS
from trackerdcs.sim.world import World
from trackerdcs.tests.long import LONG
from trackerdcs.tests.sim_stand import RunningSim, running

Kind = Literal["tcp", "pty"]
TIMEOUT = 0.25  # s; a machine that does other things as well needs some of it
BOARD_TIMEOUT = 1.0
SPEED = 1000.0  # of the simulated clock: ramps end at once
BOARD_SPEED = 50.0  # a line every 20 or 40 ms

SELECTS = re.compile(r"INST(rument)?:NSEL", re.IGNORECASE)


def orders(transcript: list[str]) -> list[str]:
    """What an instrument was told, questions and the selection of a channel left out."""
    units = [unit.strip() for line in transcript for unit in line.split(";")]
    return [unit for unit in units if unit and "?" not in unit and not SELECTS.search(unit)]


class Watched:
    """A link that lets a test act before the exchange that it waits for; all else is the real link's."""

    def __init__(self, link: Link) -> None:
        self._link, self._left, self._act = link, 0, _nothing
        self.exchanges = 0

    def before(self, exchange: int, act: Callable[[], None]) -> None:
        """Act before the exchange after so many."""
        self._left, self._act = exchange, act

    @property
    def connected(self) -> bool:
        return self._link.connected

    def connect(self) -> None:
        self._link.connect()

    def drop(self) -> None:
        self._link.drop()

    def query(self, command: str, timeout: float | None = None) -> str:
        self._count()
        return self._link.query(command, timeout)

    def order(self, command: str) -> None:
        self._link.order(command)

    def lines(self, timeout: float | None = None) -> list[str]:
        self._count()
        return self._link.lines(timeout)

    def _count(self) -> None:
        self.exchanges += 1
        if self._left == 0:
            act, self._act = self._act, _nothing
            act()
        self._left -= 1


def _nothing() -> None:
    return None


@dataclass
class Bench:
    """A driver, its link and its simulated instrument."""

    driver: Driver
    link: Watched
    sim: RunningSim
    identity: Identity

    @property
    def supply(self) -> PowerSupply:
        return cast(PowerSupply, self.driver)

    def reconnect(self) -> None:
        """What a worker does after a fault."""
        self.link.drop()
        self.link.connect()
        self.identity = self.driver.identify()


def link_to(name: str, kind: Kind, resource: str, backend: Backend = "auto", patient: bool = False) -> Link:
    """A link to a simulator as a stand file would ask for it; impatient, for tests that wait for time-outs."""
    found = driver_class(name)
    wire = replace(found.tcp if kind == "tcp" else found.serial, settle=0.0, min_interval=0.0)
    timeout = TIMEOUT if is_supply(name) and not patient else BOARD_TIMEOUT
    return open_link(LinkConfig(resource, backend, timeout=timeout), wire)


@contextmanager
def bench(name: str, kind: Kind, backend: Backend = "auto", patient: bool = False) -> Iterator[Bench]:
    """A driver connected to its simulator; identified, nothing written."""
    with running(SIMULATORS[name](World(speed=SPEED if is_supply(name) else BOARD_SPEED)), kind) as sim:
        link = Watched(link_to(name, kind, sim.resource, backend, patient))
        driver = driver_class(name)(link)
        try:
            link.connect()
            yield Bench(driver, link, sim, driver.identify())
        finally:
            link.drop()


def is_supply(name: str) -> bool:
    """Whether a driver of the registry can set."""
    return hasattr(driver_class(name), "set_voltage")


class SupplyCase(unittest.TestCase):
    """What the suites of power supplies share; `name` and `kind` say which driver, and on which wire."""

    name: str
    kind: Kind
    times_out = False

    def bench(self) -> Bench:
        # A pty is listened to for one time-out before the first question.
        return self.enterContext(bench(self.name, self.kind, patient=self.kind == "tcp" and not self.times_out))

    def voltage(self, b: Bench, channel: str, part: float = 0.1) -> float:
        """A voltage that the channel takes: a part of its range, negative where it can be."""
        v_set = b.driver.channels()[channel].quantities["v_set"]
        return round(part * (v_set.low or v_set.high or 0.0), 1)

    def limit(self, b: Bench, i: int) -> float:
        """A current limit that is enough, another for each `i`; in three digits, so that every instrument has it."""
        i_limit = next(iter(b.driver.channels().values())).quantities["i_limit"]
        return float(f"{(0.6 + i / 50) * (i_limit.high or 0.0):.3g}")

    def prepare(self, b: Bench) -> None:
        """Somebody has used the instrument before: each channel has other settings, the first one is on."""
        for i, channel in enumerate(b.driver.channels()):
            v = self.voltage(b, channel, 0.1 + i / 50)
            b.sim.faults.set("front_panel", channel=channel, v_set=v, i_limit=self.limit(b, i), on=i == 0)
        self.settle(b)

    def settle(self, b: Bench) -> None:
        """Wait for the end of ramps (in simulated time, which runs fast)."""
        end = time.monotonic() + 5
        while any(abs(c["v"] - c["v_set"] * c["on"]) > 1e-6 for c in b.sim.truth().values()):
            self.assertLess(time.monotonic(), end, "ramps have an end")
            time.sleep(0.005)

    def check(self, b: Bench, snapshot: Snapshot) -> None:
        """Whatever a snapshot calls good is true, on its own channel."""
        truth = b.sim.truth()
        for channel, values in snapshot.ch.items():
            true = truth[channel]
            for quantity in ("v_set", "i_limit", "on"):
                if quantity in values:
                    self.assertAlmostEqual(
                        float(values[quantity]), true[quantity], delta=1e-3, msg=f"{channel} {quantity}"
                    )
            if "v_mon" in values:
                self.assertAlmostEqual(
                    float(values["v_mon"]), true["v"], delta=1e-3 * abs(true["v"]) + 0.1, msg=channel
                )
            if "i_mon" in values:
                self.assertAlmostEqual(
                    float(values["i_mon"]), true["i"], delta=0.02 * abs(true["i"]) + 1e-3, msg=channel
                )


BOTH: tuple[Kind, ...] = ("tcp", "pty")
SLOW: tuple[Kind, ...] = BOTH if LONG else ("tcp",)
"""Kinds of wire for what waits for many time-outs, or does not depend on the wire: a pty is listened to for a while
before the first question, the links have the same faults on ptys in their own tests. `make soak` sets
TRACKERDCS_LONG."""


def generate(
    contract: type[unittest.TestCase], names: list[str], kinds: tuple[Kind, ...] = BOTH
) -> dict[str, type[unittest.TestCase]]:
    """A class of tests for each driver and each kind of wire."""
    titles = [(f"{contract.__name__}_{name}_{kind}", name, kind) for name in names for kind in kinds]
    return {title: type(title, (contract,), {"name": name, "kind": kind}) for title, name, kind in titles}
