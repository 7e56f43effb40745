"""Drivers by name."""

import subprocess
import sys
import unittest

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.resource import Wire
from trackerdcs.drivers.registry import DRIVERS, driver_class
from trackerdcs.tests.scripted_link import ScriptedLink


class TestRegistry(unittest.TestCase):
    def test_an_unknown_driver_names_the_known_ones(self) -> None:
        with self.assertRaisesRegex(ConfigError, "'hmp4O40'.*" + ", ".join(sorted(DRIVERS))):
            driver_class("hmp4O40")

    def test_building_a_driver_is_silent_and_declares_its_wires(self) -> None:
        for name in DRIVERS:
            with self.subTest(name):
                found = driver_class(name)
                driver = found(ScriptedLink())
                self.assertTrue(driver.channels())
                self.assertIsInstance(found.tcp, Wire)
                self.assertIsInstance(found.serial, Wire)
                self.assertRegex(driver.kind, "^(hv|lv|env)$")

    def test_a_driver_is_imported_when_it_is_asked_for(self) -> None:
        code = "import sys, trackerdcs.drivers.registry; print([m for m in sys.modules if 'hmp' in m or 'iseg' in m])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "[]")
