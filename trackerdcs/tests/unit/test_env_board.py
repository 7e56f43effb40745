"""Talking boards: a line is believed only if it is whole, new and makes sense."""

import json
import unittest

from trackerdcs.domain.crc import with_crc
from trackerdcs.domain.errors import ReplyTimeout, WrongDevice
from trackerdcs.drivers.env_board import EnvBoard
from trackerdcs.drivers.env_dht import EnvDht
from trackerdcs.drivers.talker import PATIENCE
from trackerdcs.tests.scripted_link import ScriptedLink


def line(seq: int, **values: object) -> str:
    says = {"id": "trackerdcs-env", "sn": "0042", "fw": "1.0", "seq": seq, **values}
    return with_crc(json.dumps(says, separators=(",", ":")))


class TestEnvBoard(unittest.TestCase):
    def board(self, *batches: list[str]) -> EnvBoard:
        driver = EnvBoard(ScriptedLink((None, [line(0, t_air=20.0, rh=40.0)]), *((None, batch) for batch in batches)))
        driver.identify()
        return driver

    def test_a_good_line(self) -> None:
        snapshot = self.board([line(1, t_air=-21.31, rh=40.2)]).poll()
        self.assertEqual((snapshot.ch, snapshot.bad), ({"-": {"t_air": -21.31, "rh": 40.2}}, {}))

    def test_the_newest_line_counts(self) -> None:
        snapshot = self.board([line(1, t_air=1.0, rh=2.0), line(2, t_air=3.0, rh=4.0)]).poll()
        self.assertEqual(snapshot.ch["-"], {"t_air": 3.0, "rh": 4.0})

    def test_lines_that_are_not_believed(self) -> None:
        good = line(1, t_air=21.0, rh=40.0)
        for text, why in [
            (good.replace("21.0", "22.0"), "checksum"),
            (good[5:], "checksum"),
            (with_crc("[1, 2}"), "checksum"),
            (line(0, t_air=21.0, rh=40.0), "again"),
            (line(1), "not measured"),
            (line(1, t_air=float("nan"), rh=float("inf")), "NaN|Infinity"),
            (line(1, t_air=None, rh=True), "expected a number"),
            (line(1, t_air=850.0, rh=-40.0), "not plausible"),
            (line(1, t_air="21.0x", rh=[40]), "expected a number"),
        ]:
            with self.subTest(text):
                snapshot = self.board([text]).poll()
                self.assertEqual(snapshot.ch, {"-": {}})
                self.assertEqual(snapshot.bad["-"].keys(), {"t_air", "rh"})
                for reason in snapshot.bad["-"].values():
                    self.assertRegex(reason, why)

    def test_one_value_may_fail_alone(self) -> None:
        snapshot = self.board([line(1, rh=40.0)]).poll()
        self.assertEqual((snapshot.ch["-"], snapshot.bad["-"]), ({"rh": 40.0}, {"t_air": "not measured"}))

    def test_silence_is_not_the_old_value(self) -> None:
        driver = EnvBoard(
            ScriptedLink((None, [line(0)]), (None, [line(1, t_air=1, rh=2)]), (None, ReplyTimeout("silent")))
        )
        driver.identify()
        driver.poll()
        with self.assertRaises(ReplyTimeout):
            driver.poll()

    def test_who_it_is(self) -> None:
        link = ScriptedLink((None, ['r":1}', "boot"]), (None, [line(0)]))
        identity = EnvBoard(link).identify()
        self.assertEqual(
            (identity.model, identity.serial, identity.firmware, identity.sim), ("trackerdcs-env", "0042", "1.0", False)
        )
        with self.assertRaisesRegex(WrongDevice, "EnvBoard.*volts"):
            EnvBoard(ScriptedLink(*[(None, ["volts: 12"])] * PATIENCE)).identify()


class TestEnvDht(unittest.TestCase):
    def poll(self, *lines: str) -> tuple[dict[str, float | bool | str], dict[str, str]]:
        snapshot = EnvDht(ScriptedLink((None, list(lines)))).poll()
        return snapshot.ch["-"], snapshot.bad.get("-", {})

    def test_both_dialects(self) -> None:
        for lines in (
            ["Humidity: 45.30 | Temperature: -22.10"],
            ["Humidity: 45.30Temperature: -22.10"],
            ["Temperature: -22.10", "Humidity: 45.30"],
            ["Humidity: 44.00 | Temperature: -20.00", "Humidity: 45.30 | Temperature: -22.10"],
        ):
            with self.subTest(str(lines)):
                self.assertEqual(self.poll(*lines), ({"rh": 45.3, "t_air": -22.1}, {}))

    def test_what_is_missing_is_bad(self) -> None:
        self.assertEqual(self.poll("Temperature: 20.00"), ({"t_air": 20.0}, {"rh": "no new value"}))
        self.assertEqual(self.poll("hello"), ({}, {"rh": "no new value", "t_air": "no new value"}))

    def test_what_makes_no_sense_is_bad(self) -> None:
        for text, why in [
            ("Humidity: nan | Temperature: nan", "no number"),
            ("Failed to read from DHT sensor!", "Failed to read"),
            ("Humidity: 4x.30Temperature: 2 2.10", "expected a number"),
            ("Humidity: | Temperature:", "expected a number"),
            ("Humidity: 400.0 | Temperature: -99.00", "plausible"),
        ]:
            with self.subTest(text):
                good, bad = self.poll("Humidity: 45.30 | Temperature: 22.10", text)
                self.assertEqual((good, bad.keys()), ({}, {"rh", "t_air"}))
                for reason in bad.values():
                    self.assertRegex(reason, why)

    def test_who_it_is(self) -> None:
        for text, serial, sim in [("DHT22 SIM-0002", "SIM-0002", True), ("Temperature: 20.00", "", False)]:
            identity = EnvDht(ScriptedLink((None, ["tail 1.0", text]))).identify()
            self.assertEqual((identity.model, identity.serial, identity.sim), ("DHT22", serial, sim))
