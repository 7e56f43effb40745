"""A stand file is read strictly; every fault is told with file, line and field."""

import os
import tempfile
import unittest
from pathlib import Path

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import Stand
from trackerdcs.settings import load_stand, read_stand

HEAD = """\
stand: demo
devices:
  hv1:
    driver: iseg_shr
    link: {resource: TCPIP::127.0.0.1::15001::SOCKET}
"""
CHANNEL = HEAD + "    channels:\n      ch0:\n        v_min: -800\n"


class Reads(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "stand.yaml"

    def load(self, text: str | bytes) -> Stand:
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_stand(self.path)

    def refused(self, text: str | bytes, *faults: str) -> None:
        """`faults` without the name of the file, one a line, in order."""
        with self.assertRaises(ConfigError) as caught:
            self.load(text)
        self.assertEqual(str(caught.exception).splitlines(), [f"{self.path}{fault}" for fault in faults])


class Good(Reads):
    def test_what_is_not_said_has_its_default(self) -> None:
        stand = self.load(HEAD)
        self.assertEqual(stand, load_stand(str(self.path)))
        self.assertEqual((stand.bus.port, stand.devices["hv1"].period, stand.store.kind), (1883, 1.0, "sqlite"))

    def test_numbers(self) -> None:
        for text, value in (
            ("2e-5", 2e-5),
            ("2E-5", 2e-5),
            ("2.e-5", 2e-5),
            ("+1", 1.0),
            (".5", 0.5),
            ("1.", 1.0),
            ("0.25", 0.25),
            ("3", 3.0),
        ):
            with self.subTest(text):
                period = self.load(f"{HEAD}    period: {text}\n").devices["hv1"].period
                self.assertEqual(period, value)
                self.assertIs(type(period), float)
        self.assertEqual(self.load(f"{CHANNEL}        v_max: -0\n").devices["hv1"].channels["ch0"].v_max, 0.0)

    def test_on_off_yes_and_no_are_texts(self) -> None:
        stand = self.load(HEAD + "    channels:\n      on: {label: off}\n      no: {label: yes}\n")
        self.assertEqual({n: c.label for n, c in stand.devices["hv1"].channels.items()}, {"on": "off", "no": "yes"})

    def test_a_text_that_begins_like_null_or_true_is_a_text(self) -> None:
        for text in ("no", "north", "N7", "~7", "nullable", "true north", "False alarm", "1 of 2"):
            with self.subTest(text):
                channel = (
                    self.load(f"{CHANNEL}        label: {text}\n        module: {text}\n")
                    .devices["hv1"]
                    .channels["ch0"]
                )
                self.assertEqual((channel.label, channel.module), (text, text))
        for text in ("~", "null", "Null", "NULL", ""):
            with self.subTest(text):
                self.assertIsNone(self.load(f"{CHANNEL}        module: {text}\n").devices["hv1"].channels["ch0"].module)

    def test_truth(self) -> None:
        for text in ("true", "True", "TRUE"):
            self.assertIs(self.load(f"{HEAD}    sim: {text}\n").devices["hv1"].sim, True)
        self.assertIs(self.load(f"{HEAD}    sim: false\n").devices["hv1"].sim, False)

    def test_what_looks_like_a_date_or_a_time_is_a_text(self) -> None:
        for text in ("2024-01-01", "12:30:00", "1_000", "0x10", "'7200123'", "<<"):
            with self.subTest(text):
                self.assertEqual(self.load(f"{HEAD}    serial: {text}\n").devices["hv1"].serial, text.strip("'"))

    def test_a_byte_order_mark_and_other_line_ends(self) -> None:
        self.assertEqual(self.load(b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode()), self.load(HEAD))

    def test_later_checks_name_the_line_too(self) -> None:
        self.load(CHANNEL)
        file = read_stand(self.path)
        file.refuse([])
        with self.assertRaises(ConfigError) as caught:
            file.refuse([("devices.hv1.channels.ch0.v_max", "missing"), ("devices.hv1.driver", "unknown")])
        expected = [
            f"{self.path}:4: devices.hv1.driver: unknown",
            f"{self.path}:7: devices.hv1.channels.ch0.v_max: missing",
        ]
        self.assertEqual(str(caught.exception).splitlines(), expected)


class Fields(Reads):
    def test_every_fault_is_told_at_once(self) -> None:
        self.refused(
            HEAD.replace("driver: iseg_shr", "drivr: iseg_shr") + "    period: fast\n    sim: yes\nbus: {prot: 1883}\n",
            ":3: devices.hv1.driver: missing",
            ":4: devices.hv1.drivr: unknown key; did you mean driver?",
            ':6: devices.hv1.period: expected a number, got "fast"',
            ':7: devices.hv1.sim: expected true or false, got "yes"',
            ":8: bus.prot: unknown key; did you mean port?",
        )

    def test_unknown_keys_are_refused_at_every_level(self) -> None:
        above = "stand, devices, schema, data, bus, store, runs, users, interlocks, module_types, modules, fuse_ids, "
        above += "calibrations, sim"
        self.refused(HEAD + "zzz: 1\n", f":6: zzz: unknown key; known here: {above}")
        for place, line in (("bus", 6), ("store", 6), ("sim", 6)):
            with self.assertRaisesRegex(ConfigError, rf":{line}: {place}\.zzz: unknown key; known here: "):
                self.load(f"{HEAD}{place}: {{zzz: 1}}\n")
        self.refused(
            CHANNEL + "        v_mx: 0\n", ":9: devices.hv1.channels.ch0.v_mx: unknown key; did you mean v_max?"
        )
        with self.assertRaisesRegex(
            ConfigError, r":5: devices\.hv1\.link\.resorce: unknown key; did you mean resource\?"
        ):
            self.load(HEAD.replace("resource", "resorce"))

    def test_nothing_is_converted(self) -> None:
        for line, fault in (
            ("period: '1'", 'period: expected a number, got "1"'),
            ("period: true", "period: expected a number, got true"),
            ("period: [1]", "period: expected a number, got [1]"),
            ("period:", "period: expected a number, got nothing"),
            ("period: 010", 'period: expected a number, got "010"'),
            ("period: 1_000", 'period: expected a number, got "1_000"'),
            ("period: 1:30", 'period: expected a number, got "1:30"'),
            ("period: .inf", 'period: expected a number, got ".inf"'),
            ("period: .nan", 'period: expected a number, got ".nan"'),
            ("period: 1e999", "period: expected a finite number, got Infinity"),
            ("period: 0", "period: expected a finite number above 0, got 0.0"),
            ("sim: 1", "sim: expected true or false, got 1"),
            ("sim: 'true'", 'sim: expected true or false, got "true"'),
            ("serial: 7200123", "serial: expected a text, got 7200123"),
            ("serial: 1.0", "serial: expected a text, got 1.0"),
            ("serial: true", "serial: expected a text, got true"),
            ("channels: []", "channels: expected keys with values, got []"),
            ("channels: {ch0: }", "channels.ch0: expected keys with values, got nothing"),
            ("channels: {ch0: {v_max: '0'}}", 'channels.ch0.v_max: expected a number, got "0"'),
        ):
            with self.subTest(line):
                self.refused(f"{HEAD}    {line}\n", f":6: devices.hv1.{fault}")

    def test_top_level_values(self) -> None:
        for line, fault in (
            ("bus: {port: 1883.0}", "bus.port: expected an integer, got 1883.0"),
            ("bus: {port: true}", "bus.port: expected an integer, got true"),
            ("bus: {port: '1883'}", 'bus.port: expected an integer, got "1883"'),
            ("bus: {port: 0}", "bus.port: expected a port from 1 to 65535, got 0"),
            ("bus: mqtt", 'bus: expected keys with values, got "mqtt"'),
            ("schema: true", "schema: expected an integer, got true"),
            ("schema: 1.0", "schema: expected an integer, got 1.0"),
            ("schema: 2", "schema: expected 1, got 2"),
            ("users: {web: boss}", "users.web: expected 'viewer', 'shifter', 'expert' or 'admin', got \"boss\""),
            ("users: {Web: expert}", "users.Web: user 'Web': expected a small letter, then at most 31 of a-z 0-9 _ -"),
        ):
            with self.subTest(line):
                self.refused(f"{HEAD}{line}\n", f":6: {fault}")

    def test_contradictions_have_lines(self) -> None:
        self.refused(
            CHANNEL + "        v_max: -900\n        ramp_up: 0\n",
            ":8: devices.hv1.channels.ch0.v_min: -800.0 V is not below v_max -900.0 V",
            ":10: devices.hv1.channels.ch0.ramp_up: expected a finite number above 0, got 0.0",
        )
        self.refused(
            HEAD + "store: {kind: influxdb, url: x, org: x}\n",
            ":6: store.bucket: needed for influxdb",
            ":6: store.token_file: needed for influxdb",
        )

    def test_a_key_twice(self) -> None:
        self.refused(
            CHANNEL + "        v_min: -1\n", ":9: devices.hv1.channels.ch0.v_min: stands twice, first in line 8"
        )
        self.refused(HEAD + "  hv1: {}\n", ":6: devices.hv1: stands twice, first in line 3")
        self.refused(HEAD + "'stand': x\n", ":6: stand: stands twice, first in line 1")


class Files(Reads):
    def test_what_is_no_mapping(self) -> None:
        empty = ":1: the file is empty; a stand file has at least stand and devices"
        for text in ("", "\n\n", "# nothing\n"):
            with self.subTest(text):
                self.refused(text, empty)
        self.refused("---\n", ":2: expected keys with values, got nothing")
        self.refused("- stand: demo\n", ":1: expected keys with values, got a list")
        self.refused("\n\ndemo\n", ":3: expected keys with values, got a text")
        self.refused("{}\n", ":1: devices: missing", ":1: stand: missing")

    def test_yaml_that_is_none_or_too_clever(self) -> None:
        for text, fault in (
            ("stand: demo\n\tdevices: x\n", ":2: "),
            ("stand: 'demo\n", ":2: "),
            ("a:\n  b:\n\t\tc: 1\n", ":3: a tab: only spaces may indent"),
            ("a:\tb\n", ":1: a tab: only spaces may indent"),
            ("a:\n  b: 1\n    c: 2\n", ":3: no key can be here: is this line or the one above indented wrongly?"),
            ("a:\n    b: 1\n   c: 2\n", ":3: indented otherwise than the keys that it belongs to"),
            ("a:\n  c: 2\n  b 1\nd: 1\n", ":4: this line or the one above it lacks ': '"),
            ("stand: demo\n---\nstand: demo\n", ":2: "),
            ("a: &x 1\nb: *x\n", ":2: aliases are not known here"),
            ("a: &x [*x]\n", ":1: aliases are not known here"),
            (
                "a: 1\nb: !!python/object:os.system x\n",
                ":2: tag tag:yaml.org,2002:python/object:os.system is not known",
            ),
            ("a: 1\nb: !mine {x: 1}\n", ":2: tag !mine is not known"),
            ("a: !!int x\n", ":1: expected a number, got 'x'"),
            (f"a: {'9' * 5000}\n", ":1: expected a number, got '999"),
            ("a: 1\n[x]: 1\n", ":2: file: expected a plain key, got a list"),
            ("[" * 3000, ": nested too deeply"),
            ("a: \x01\n", ": character 3: special characters"),
            ('a: "\\ud800"\n', ": an escape stands for half a character"),
            (b"a: 1\nb: \xff\n", ":2: not UTF-8: byte 0xff"),
            ("a: 1\n".encode("utf-16"), ":1: not UTF-8: byte 0xff"),
        ):
            with self.subTest(text[:40]), self.assertRaises(ConfigError) as caught:
                self.load(text)
            self.assertEqual(str(caught.exception)[: len(f"{self.path}{fault}")], f"{self.path}{fault}")

    def test_files_that_cannot_be_read(self) -> None:
        for path, why in ((self.folder / "none.yaml", "No such file"), (self.folder, "Is a directory")):
            with self.subTest(why), self.assertRaisesRegex(ConfigError, f"^{path}: cannot be read: {why}"):
                load_stand(path)

    @unittest.skipIf(os.geteuid() == 0, "root reads everything")
    def test_a_file_without_permission(self) -> None:
        self.path.touch(mode=0)
        with self.assertRaisesRegex(ConfigError, "cannot be read: Permission denied"):
            load_stand(self.path)
