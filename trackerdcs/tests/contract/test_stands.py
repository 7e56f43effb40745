"""The shipped stand files load, keep to what their drivers' instruments can do, and hold nothing of a real site."""

import re
import unittest
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from trackerdcs.adapters.schema import stand_schema
from trackerdcs.cli.check import faults_of
from trackerdcs.domain.resource import TcpAddress, parse_resource
from trackerdcs.settings import load_stand, read_stand

FOLDER = Path(__file__).parents[2] / "stands"
FILES = sorted(FOLDER.glob("*.yaml"))


class Shipped(unittest.TestCase):
    def test_there_are_a_demonstrator_and_an_example(self) -> None:
        self.assertEqual([path.name for path in FILES], ["demo.yaml", "example.yaml"])

    def test_each_agrees_with_its_drivers(self) -> None:
        for path in FILES:
            with self.subTest(path.name):
                self.assertEqual(faults_of(read_stand(path)), [])

    def test_each_is_valid_for_an_editor_that_knows_the_schema(self) -> None:
        schema = Draft202012Validator(stand_schema())
        for path in FILES:
            tree: Any = yaml.safe_load(path.read_text().replace("e-", ".0e-"))  # YAML 1.1 wants the point
            with self.subTest(path.name):
                schema.validate(tree)

    def test_addresses_and_names_are_those_for_documentation(self) -> None:
        for path in FILES:
            text = path.read_text()
            for address in re.findall(r"\d+\.\d+\.\d+\.\d+", text):
                self.assertRegex(address, r"^(127\.0\.0\.1|192\.0\.2\.\d+)$", path.name)
            for host in re.findall(r"[\w.-]+\.(?:com|org|ch|de|edu|gov|net)\b", text):
                self.fail(f"{path.name}: {host}")


class Demonstrator(unittest.TestCase):
    def test_it_is_what_the_documents_say(self) -> None:
        stand = load_stand(FOLDER / "demo.yaml")
        self.assertEqual((stand.stand, stand.data, stand.sim.control), ("demo", "var/demo", 15000))
        self.assertEqual((stand.bus.kind, stand.bus.host, stand.bus.port), ("embedded", "127.0.0.1", 1883))
        self.assertEqual(stand.store.kind, "sqlite")
        self.assertEqual(stand.users, {"cli": "expert", "nodered": "shifter", "web": "expert"})
        drivers = {name: device.driver for name, device in stand.devices.items()}
        expected = {"hv1": "iseg_shr", "hv2": "keithley2410", "lv1": "hmp4040", "env1": "env_board"}
        self.assertEqual(drivers, expected)

    def test_all_of_it_is_simulated_on_this_host(self) -> None:
        for name, device in load_stand(FOLDER / "demo.yaml").devices.items():
            self.assertTrue(device.sim, name)
            self.assertEqual(device.period, 1.0)
            address = parse_resource(device.link.resource)
            if isinstance(address, TcpAddress):
                self.assertEqual(address.host, "127.0.0.1")
