"""Every power supply of the registry against its simulator, on a real TCP socket and on a real pty.

The tests are generated from the tables: a new driver and its simulator get all of them.
"""

import unittest

from trackerdcs.drivers.registry import DRIVERS
from trackerdcs.sim.stand import SIMULATORS
from trackerdcs.tests import driver_contract, driver_faults
from trackerdcs.tests.driver_cases import SLOW, generate, is_supply

SUPPLIES = [name for name in DRIVERS if is_supply(name)]


class TestTable(unittest.TestCase):
    def test_every_driver_has_its_simulator(self) -> None:
        self.assertEqual(SIMULATORS.keys(), DRIVERS.keys())


globals().update(generate(driver_contract.SupplyOnItsWire, SUPPLIES))
globals().update(generate(driver_contract.SupplyContract, SUPPLIES, SLOW))
globals().update(generate(driver_faults.SupplyFaults, SUPPLIES, SLOW))
globals().update(generate(driver_faults.SupplyKilled, SUPPLIES, SLOW))
