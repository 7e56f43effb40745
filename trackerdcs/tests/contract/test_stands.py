"""The shipped files load, stands keep to what their instruments can do, and nothing in them is of a real site."""

import re
import unittest
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from trackerdcs.adapters.schema import stand_schema
from trackerdcs.cli.check import faults_of
from trackerdcs.domain.resource import TcpAddress, parse_resource
from trackerdcs.domain.series import Point
from trackerdcs.domain.translator import Translator
from trackerdcs.settings import load_mapping, load_stand, read_stand

FOLDER = Path(__file__).parents[2] / "stands"
SHIPPED = sorted(FOLDER.glob("*.yaml"))
MAPPING = FOLDER / "mapping.example.yaml"
FILES = [path for path in SHIPPED if path != MAPPING]


class Shipped(unittest.TestCase):
    def test_there_are_a_demonstrator_and_examples(self) -> None:
        self.assertEqual(
            [path.name for path in SHIPPED], ["demo.yaml", "dummy.yaml", "example.yaml", "mapping.example.yaml"]
        )

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
        for path in SHIPPED:
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


class ForeignTopics(unittest.TestCase):
    def test_each_pattern_reads_what_its_comment_says(self) -> None:
        translator, arrived = Translator(load_mapping(MAPPING)), 1_700_000_000_000_000_000
        pico = b'{"ts": 1700000000.123, "value": 1.5, "seq": 12, "unit": "nA", "range": "auto"}'
        tasmota = b'{"Time": "2026-11-28T11:00:00", "AM2301": {"Temperature": 21.3, "Humidity": 40.1}}'
        sparkplug = b"""{"timestamp": 1700000000000, "seq": 3, "metrics": [
            {"name": "Temperature", "timestamp": 1700000000500, "value": -20.5},
            {"name": "Pump/Running", "value": true}, {"name": "bdSeq", "value": 4}]}"""
        for topic, payload, expected in (
            ("lab/freezer1/t_air", b"21.5", [Point("env", tags("freezer1"), arrived, {"t_air": 21.5})]),
            ("lab/pressure", b"1013.2", [Point("env", tags("barometer"), arrived, {"p_air": 101320.0})]),
            (
                "picoammeter/2/reading",
                pico,
                [Point("hv", tags("pico2", "ch0"), arrived + 123_000_000, {"i_mon": 1.5e-9, "range": "auto"})],
            ),
            (
                "tele/box/SENSOR",
                tasmota,
                [Point("env", tags("box"), 1_795_860_000_000_000_000, {"t_air": 21.3, "rh": 40.1})],
            ),
            (
                "spBv1.0/lab/DDATA/edge1/chiller1",
                sparkplug,
                [
                    Point("chiller", tags("chiller1", node="lab.edge1"), arrived + 500_000_000, {"t_mon": -20.5}),
                    Point("chiller", tags("chiller1", node="lab.edge1"), arrived, {"pumping": 1.0}),
                ],
            ),
            (
                "telegraf/pc1/mem",
                b"mem,host=pc1 free=17i 1700000000000000001\n",
                [Point("mem", tags("pc1", host="pc1"), arrived + 1, {"free": 17.0})],
            ),
        ):
            with self.subTest(topic):
                reader = translator.reader(topic)
                assert reader is not None
                found = reader.points(payload, arrived)
                self.assertEqual(
                    [Point(p.measurement, tuple(sorted(p.tags)), p.ts, p.fields) for p in found],
                    [Point(p.measurement, tuple(sorted(p.tags)), p.ts, p.fields) for p in expected],
                )


def tags(device: str, channel: str = "-", **others: str) -> tuple[tuple[str, str], ...]:
    return (("stand", "bench1"), ("device", device), ("channel", channel), *others.items())
