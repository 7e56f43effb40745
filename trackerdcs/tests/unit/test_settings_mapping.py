"""A mapping file is read strictly, as a stand file is, and told from one by its keys."""

import tempfile
import unittest
from pathlib import Path

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.mapping import FieldMapping, Mapping, TimeMapping
from trackerdcs.settings import StandFile, load_mapping, read_file
from trackerdcs.tests.unit.test_settings import HEAD

TOPIC = """\
topics:
  a.b/{sensor}/t:
    payload: json
    measurement: env
    tags: {stand: lab, device: "{sensor}"}
    fields:
      t_air: {path: AM2301.Temperature, unit: degC}
"""


class Mappings(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "mapping.yaml")

    def mapping(self, text: str) -> Mapping:
        self.path.write_text(text)
        return load_mapping(self.path)

    def wrong(self, text: str, *faults: str) -> None:
        with self.assertRaises(ConfigError) as caught:
            self.mapping(text)
        self.assertEqual(str(caught.exception).splitlines(), [f"{self.path}{fault}" for fault in faults])

    def test_what_is_not_said_has_its_default(self) -> None:
        mapping = self.mapping(TOPIC + "    time: {path: Time, format: iso}\n")
        self.assertEqual(mapping, load_mapping(str(self.path)))
        topic = mapping.topics["a.b/{sensor}/t"]
        self.assertEqual((mapping.schema, topic.each, topic.time), (1, None, TimeMapping("iso", "Time")))
        self.assertEqual(topic.fields, {"t_air": FieldMapping("AM2301.Temperature", "degC", False, False)})

    def test_topics_keep_their_order(self) -> None:
        names = [f"{letter}/t" for letter in "zaqb"]
        lines = "".join(f"  {name}: {{payload: line}}\n" for name in names)
        self.assertEqual(list(self.mapping(f"topics:\n{lines}").topics), names)

    def test_every_fault_is_told_at_once_in_its_line(self) -> None:
        text = TOPIC.replace("path: AM", "pth: AM").replace("payload: json", "payload: xml")
        self.wrong(
            text + "    time: {format: 5}\n    each: metrics\nschem: 1\n",
            ":3: topics.a.b/{sensor}/t.payload: expected 'number', 'json' or 'line', got \"xml\"",
            ":7: topics.a.b/{sensor}/t.fields.t_air.pth: unknown key; did you mean path?",
            ":8: topics.a.b/{sensor}/t.time.format: expected 's', 'ms', 'us', 'ns' or 'iso', got 5",
            ':9: topics.a.b/{sensor}/t.each: expected keys with values, got "metrics"',
            ":10: schem: unknown key; did you mean schema?",
        )
        self.wrong(TOPIC + "    tag: {}\n", ":8: topics.a.b/{sensor}/t.tag: unknown key; did you mean tags?")

    def test_contradictions_have_lines(self) -> None:
        text = TOPIC.replace("degC", "V").replace("{stand: lab, ", "{")
        self.wrong(
            text + "  a.b/+/t: {payload: line}\n  dcs/x: {payload: line}\n",
            ":5: topics.a.b/{sensor}/t.tags.stand: missing: by stand and device the values are found again",
            ":7: topics.a.b/{sensor}/t.fields.t_air.unit: t_air is in degC everywhere, which V cannot become",
            ":8: topics.a.b/+/t: never read: a.b/{sensor}/t above takes all its topics",
            ":9: topics.dcs/x: topics that begin with $ or dcs/ are the broker's and ours",
        )
        self.wrong("topics: {}\n", ":1: topics: a mapping has at least one topic pattern")
        self.wrong("", ":1: the file is empty; a mapping file has at least topics")

    def test_the_keys_say_which_file_it_is(self) -> None:
        self.path.write_text(TOPIC)
        self.assertIsInstance(read_file(self.path), Mapping)
        self.path.write_text(HEAD)
        self.assertIsInstance(read_file(self.path), StandFile)
        neither = ":1: neither a stand file, which has stand and devices, nor a mapping file with topics"
        for text, fault in (
            ("topcs: {}\n", neither),
            ("{}\n", neither),
            ("", ":1: the file is empty; a stand file has at least stand and devices, a mapping file topics"),
            (HEAD.replace("stand", "stnd"), ":1: stand: missing"),
            (HEAD + TOPIC, ":6: topics: unknown key; known here: stand, devices"),
        ):
            with self.subTest(text), self.assertRaises(ConfigError) as caught:
                self.path.write_text(text)
                read_file(self.path)
            self.assertEqual(str(caught.exception)[: len(f"{self.path}{fault}")], f"{self.path}{fault}")
