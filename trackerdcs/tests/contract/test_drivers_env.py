"""One suite for every board of the registry that talks unasked, against its simulator, on a socket and on a pty."""

import unittest
from typing import Any

from trackerdcs.domain.errors import LinkError, WrongDevice
from trackerdcs.domain.instrument import UNITS
from trackerdcs.drivers.registry import DRIVERS, driver_class
from trackerdcs.sim.talker import Talker
from trackerdcs.sim.world import World
from trackerdcs.tests.driver_cases import BOARD_SPEED, SLOW, Bench, Kind, bench, generate, is_supply, link_to
from trackerdcs.tests.sim_stand import running

FAULTS: dict[str, dict[str, Any]] = {
    "drop": {},
    "partial": {"keep": 12},
    "late_tail": {"keep": 12, "delay": 0.2},
    "garbage": {},
    "close": {},
    "reset": {},
}


class Chatter(Talker):
    """A board that says something else."""

    def start(self) -> str:
        return self.talk()

    def talk(self) -> str:
        return "volts: 12\r\n"


class BoardContract(unittest.TestCase):
    """What a driver of a talking board does; `name` and `kind` say which one and on which wire."""

    name: str
    kind: Kind

    def bench(self) -> Bench:
        return self.enterContext(bench(self.name, self.kind))

    def poll(self, b: Bench) -> dict[str, float | bool | str]:
        """Poll until both values have come, as a sketch that sends them apart needs."""
        for _ in range(3):
            snapshot = b.driver.poll()
            for quantity in ("t_air", "rh"):
                self.assertNotEqual(quantity in snapshot.ch["-"], quantity in snapshot.bad.get("-", {}))
            if not snapshot.bad:
                return snapshot.ch["-"]
        self.fail(f"still bad: {snapshot.bad}")

    def check(self, b: Bench, values: dict[str, float | bool | str], t_air: float, rh: float) -> None:
        for quantity, true in (("t_air", t_air), ("rh", rh)):
            if quantity in values:
                self.assertAlmostEqual(float(values[quantity]), true, delta=1.0, msg=quantity)

    def world(self, b: Bench, t_air: float, rh: float) -> None:
        """Change the air, and let what has been said before pass by."""
        b.sim.world.set("t_air", t_air)
        b.sim.world.set("rh", rh)
        b.driver.poll()
        b.driver.poll()

    def test_it_says_who_it_is_and_that_it_is_simulated(self) -> None:
        b = self.bench()
        self.assertTrue(b.identity.sim)
        self.assertTrue(b.identity.model and b.identity.serial)

    def test_it_measures_and_has_no_commands(self) -> None:
        b = self.bench()
        (channel,) = b.driver.channels().items()
        self.assertEqual((channel[0], channel[1].commands), ("-", {}))
        self.assertEqual(
            {q: row.unit for q, row in channel[1].quantities.items()}, {q: UNITS[q] for q in ("t_air", "rh")}
        )

    def test_values_are_true_below_zero_too(self) -> None:
        b = self.bench()
        for t_air, rh in ((21.0, 45.0), (-30.0, 5.0)):
            self.world(b, t_air, rh)
            self.check(b, self.poll(b), t_air, rh)

    def test_another_board_is_refused(self) -> None:
        with running(Chatter(World(speed=BOARD_SPEED)), self.kind) as sim:
            link = link_to(self.name, self.kind, sim.resource)
            self.addCleanup(link.drop)
            link.connect()
            with self.assertRaises((WrongDevice, LinkError)):
                driver_class(self.name)(link).identify()

    def test_a_sensor_that_fails_is_bad_and_comes_back(self) -> None:
        b = self.bench()
        self.poll(b)
        b.sim.instrument.fail_sensor(True)
        b.driver.poll()
        b.driver.poll()
        snapshot = b.driver.poll()
        self.assertEqual((snapshot.ch["-"], snapshot.bad["-"].keys()), ({}, {"t_air", "rh"}))
        b.sim.instrument.fail_sensor(False)
        b.driver.poll()
        b.driver.poll()
        self.poll(b)

    def test_a_fault_never_shows_an_old_value(self) -> None:
        b = self.bench()
        for i, (fault, args) in enumerate(FAULTS.items()):
            with self.subTest(fault):
                self.world(b, 20.0 - 10 * i, 10.0 + 10 * i)
                b.sim.faults.set(fault, times=1, **args)
                for _ in range(4):
                    try:
                        self.check(b, b.driver.poll().ch["-"], 20.0 - 10 * i, 10.0 + 10 * i)
                    except LinkError:
                        self.assertFalse(b.link.connected)
                        b.reconnect()
                self.check(b, self.poll(b), 20.0 - 10 * i, 10.0 + 10 * i)

    def test_a_silent_board_is_a_lost_link(self) -> None:
        b = self.bench()
        b.sim.faults.set("hang")
        with self.assertRaises(LinkError):
            for _ in range(5):
                b.driver.poll()
        self.assertFalse(b.link.connected)

    def test_nothing_is_ever_written(self) -> None:
        b = self.bench()
        self.poll(b)
        b.reconnect()
        b.driver.poll()
        self.assertEqual(b.sim.transcript, [])


globals().update(generate(BoardContract, [name for name in DRIVERS if not is_supply(name)], SLOW))
del BoardContract  # it is no test by itself
