"""Every driver's happy path once more through a VISA library, over SOCKET and ASRL."""

import unittest

from trackerdcs.drivers.registry import DRIVERS
from trackerdcs.tests.driver_cases import Kind, SupplyCase, bench, generate, is_supply, orders


class SupplyOverVisa(SupplyCase):
    """Set, switch, read, switch off, leave."""

    def test_happy_path(self) -> None:
        b = self.enterContext(bench(self.name, self.kind, backend="visa"))
        channel = list(b.driver.channels())[-1]
        v = self.voltage(b, channel)
        self.assertAlmostEqual(b.supply.set_current_limit(channel, self.limit(b, 1)), self.limit(b, 1), delta=1e-6)
        self.assertAlmostEqual(b.supply.set_voltage(channel, v), v, delta=1e-3)
        b.supply.switch(channel, True)
        self.settle(b)
        snapshot = b.driver.poll()
        self.check(b, snapshot)
        self.assertEqual((snapshot.bad, snapshot.ch[channel]["state"]), ({}, "on"))
        told = len(orders(b.sim.transcript))
        b.reconnect()
        self.check(b, b.driver.poll())
        self.assertEqual(len(orders(b.sim.transcript)), told)
        b.supply.switch(channel, False)
        self.settle(b)
        self.assertEqual(b.driver.poll().ch[channel]["state"], "off")


class BoardOverVisa(unittest.TestCase):
    """Identify and read."""

    name: str
    kind: Kind

    def test_happy_path(self) -> None:
        b = self.enterContext(bench(self.name, self.kind, backend="visa"))
        self.assertTrue(b.identity.sim)
        b.driver.poll()
        self.assertLessEqual({"t_air", "rh"}, b.driver.poll().ch["-"].keys())


globals().update(generate(SupplyOverVisa, [name for name in DRIVERS if is_supply(name)]))
globals().update(generate(BoardOverVisa, [name for name in DRIVERS if not is_supply(name)]))
del SupplyOverVisa, BoardOverVisa  # no tests by themselves
