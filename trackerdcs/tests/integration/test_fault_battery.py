"""Every power supply of the registry, on every wire, under every fault at every step; a new driver gets it for free."""

import unittest

from trackerdcs.drivers.registry import DRIVERS
from trackerdcs.tests.driver_cases import BOTH, is_supply
from trackerdcs.tests.fault_battery import generate

globals().update(generate([name for name in DRIVERS if is_supply(name)], BOTH))

if __name__ == "__main__":
    unittest.main()
