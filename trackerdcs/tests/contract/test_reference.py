"""The reference pages say what the code says: tables field by field, examples decoded and loaded."""

import dataclasses
import json
import re
import tempfile
import types
import unittest
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from jsonschema import Draft202012Validator

from trackerdcs.adapters.schema import json_schemas
from trackerdcs.cli.check import faults_of
from trackerdcs.domain import alarm_config, interlock, mapping, modules, stand
from trackerdcs.domain.codec import decode, decode_stored
from trackerdcs.domain.messages import MESSAGES
from trackerdcs.domain.ph2acf import setup
from trackerdcs.domain.resource import VisaAddress, parse_resource
from trackerdcs.domain.topics import ADDRESSES, NAME, NOT_A_DEVICE, NOT_AN_ITEM, RETAINED, SITE
from trackerdcs.domain.units import AS_THEY_ARE, OTHERS, PREFIXED, PREFIXES
from trackerdcs.settings import load_mapping, read_stand
from trackerdcs.tests.made_messages import wire_fields

FOLDER = Path(__file__).parents[3] / "doc" / "reference"
TOPICS = (FOLDER / "topics.md").read_text(encoding="utf-8")
STAND_FILE = (FOLDER / "stand-file.md").read_text(encoding="utf-8")
MAPPING_FILE = (FOLDER / "mapping-file.md").read_text(encoding="utf-8")
SECTIONS: dict[str, type[Any]] = {
    "Stand": stand.Stand,
    "bus": stand.BusConfig,
    "store": stand.StoreConfig,
    "runs": stand.RunsConfig,
    "sim": stand.SimConfig,
    "Device": stand.DeviceConfig,
    "link": stand.LinkConfig,
    "Channel": stand.ChannelConfig,
    "Module type": modules.ModuleType,
    "Module limits": modules.ModuleLimits,
    "Interlock": interlock.InterlockConfig,
    "Condition": interlock.ConditionConfig,
    "dew_point": interlock.DewPointConfig,
    "Alarm": alarm_config.AlarmRule,
    "Count": alarm_config.CountConfig,
    "Suppress": alarm_config.SuppressConfig,
    "Bridge": setup.BridgeConfig,
    "Calibration": setup.RecipeConfig,
    "Argument": setup.SettingConfig,
    "Need": setup.NeedConfig,
}
MAPPING_SECTIONS: dict[str, type[Any]] = {
    "Mapping": mapping.Mapping,
    "Topic": mapping.TopicMapping,
    "Field": mapping.FieldMapping,
    "Time": mapping.TimeMapping,
    "Each": mapping.EachMapping,
}
SENDERS = {"cmd": "user", "kill": "user", "stored": "loader", "interlock": "guard", "alarm": "alarms", "run": "bridge"}
"""Who sends what the device of an instrument does not."""
WORDS: dict[Any, str] = {int: "integer", float: "number", str: "text", bool: "true or false"}


def section(page: str, title: str) -> str:
    return re.split(r"^## ", page.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the table with this first column, without head and rule."""
    lines = text[text.index(f"| {head} |") :].splitlines()[2:]
    table = lines[: next((i for i, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def words(kind: Any, keys: str) -> str:
    """A type as the pages write it; `keys` stands for anything with keys."""
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return ", ".join(words(arg, keys) for arg in get_args(kind) if arg is not type(None))
    if kind == tuple[str, ...]:
        return "list of texts"
    return WORDS.get(kind, keys)


class Topics(unittest.TestCase):
    def test_the_list_of_topics(self) -> None:
        listed = {
            kind: (topic.strip("`"), sender, retained)
            for kind, topic, sender, retained in ((row[0].strip("`"), *row[1:]) for row in rows(TOPICS, "kind"))
        }
        expected = {
            kind: (
                address,
                SENDERS.get(kind, "device"),
                "yes" if kind in RETAINED else "no",
            )
            for kind, address in ADDRESSES.items()
        }
        self.assertEqual(listed, expected)
        for text in (NAME.pattern, *NOT_A_DEVICE, *NOT_AN_ITEM):
            self.assertIn(text, TOPICS)

    def test_each_field_of_each_message(self) -> None:
        schemas = json_schemas()
        for kind, message in MESSAGES.items():
            if kind == "replay":
                continue
            table = rows(section(TOPICS, kind), "field")
            hints = get_type_hints(message)
            with self.subTest(kind):
                self.assertCountEqual([row[0].strip("`") for row in table], wire_fields(message))
            for name, kind_of, needed, meaning in ((row[0].strip("`"), *row[1:]) for row in table):
                with self.subTest(kind, field=name):
                    self.assertEqual(kind_of, words(hints[name], "object"))
                    self.assertEqual(needed, "yes" if name in schemas[kind]["required"] else "no")
                    self.assertTrue(meaning)

    def test_each_message_has_one_example_that_is_valid(self) -> None:
        examples = dict(re.findall(r"```json (\w+)\n(.*?)```", TOPICS, re.S))
        self.assertEqual(set(examples), set(ADDRESSES))
        for kind, text in examples.items():
            with self.subTest(kind):
                Draft202012Validator(json_schemas()[kind]).validate(json.loads(text))
                if kind == "stored":
                    decode_stored(text.encode())
                elif kind != "kill":  # which takes anything
                    message = decode(MESSAGES[kind], text.encode())
                    self.assertEqual(message.extra, {}, "an example shows no unknown keys")


class Keys(unittest.TestCase):
    def test_each_key_with_type_and_default(self) -> None:
        for page, sections in ((STAND_FILE, SECTIONS), (MAPPING_FILE, MAPPING_SECTIONS)):
            for title, config in sections.items():
                with self.subTest(title):
                    self.check(rows(section(page, title), "key"), config)

    def check(self, table: list[list[str]], config: type[Any]) -> None:
        hints = get_type_hints(config)
        fields = {f.name: f for f in dataclasses.fields(config)}
        self.assertEqual([row[0].strip("`") for row in table], list(fields))
        for name, kind, _unit, default, _meaning in ((row[0].strip("`"), *row[1:]) for row in table):
            with self.subTest(key=name):
                self.assertEqual(kind, words(hints[name], "keys"))
                self.assertIn(default, self._defaults(fields[name]))

    def _defaults(self, field: "dataclasses.Field[Any]") -> set[str]:
        if field.default_factory is not dataclasses.MISSING:
            return {"none"} if field.default_factory is dict else {"see there"}
        if field.default is dataclasses.MISSING:
            return {"needed"}
        if field.default is None or field.default == ():
            return {"none", "driver's"}
        if isinstance(field.default, bool):
            return {"true" if field.default else "false"}
        return (
            {f"`{field.default}`" if field.default else "empty"}
            if isinstance(field.default, str)
            else {f"{field.default:g}"}
        )


class StandFile(unittest.TestCase):
    def test_units(self) -> None:
        units = {row[0].strip("`"): row[2] for row in rows(section(STAND_FILE, "Channel"), "key")}
        expected = {
            "v_min": "V",
            "v_max": "V",
            "i_limit_max": "A",
            "ramp_up": "V/s",
            "ramp_down": "V/s",
            "v_safe_off": "V",
            "step_max": "V",
            "i_soft": "A",
            "kill_rate": "V/s",
            "t_unknown": "s",
        }
        self.assertEqual({key: unit for key, unit in units.items() if unit}, expected)

    def test_reserved_names_are_listed(self) -> None:
        for text in (*NOT_A_DEVICE, *stand.SERVICES, SITE):
            self.assertIsNotNone(re.search(rf"[` ]{text}[` ]", STAND_FILE), text)

    def test_examples_load_and_agree_with_their_drivers(self) -> None:
        examples = re.findall(r"```yaml\n(.*?)```", STAND_FILE, re.S)
        self.assertGreaterEqual(len(examples), 1)
        for text in examples:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "stand.yaml")
                path.write_text(text, encoding="utf-8")
                self.assertEqual(faults_of(read_stand(path)), [])

    def test_resources_are_understood(self) -> None:
        table = {text: what for cell, what in rows(STAND_FILE, "resource") for text in re.findall(r"`(.+?)`", cell)}
        self.assertEqual(len(table), 6)
        for text, what in table.items():
            own = what in ("raw TCP socket", "serial port")
            self.assertIs(isinstance(parse_resource(text), VisaAddress), not own, text)


class MappingFile(unittest.TestCase):
    def test_units_are_listed(self) -> None:
        units = MAPPING_FILE[MAPPING_FILE.index("\nUnits: ") :]
        listed = set(re.findall(r"`([^`]+)`", units[: units.index("\n\n")]))
        self.assertEqual(
            listed, {*AS_THEY_ARE, *OTHERS, *PREFIXED, "degF", "K", " ".join(PREFIXES), "\u00b5", "\u03a9", "t_air"}
        )

    def test_examples_load(self) -> None:
        examples = re.findall(r"```yaml\n(.*?)```", MAPPING_FILE, re.S)
        self.assertGreaterEqual(len(examples), 1)
        for text in examples:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "mapping.yaml")
                path.write_text(text, encoding="utf-8")
                load_mapping(path)
