"""The conversation that all table drivers share, word by word."""

import unittest
from typing import ClassVar

from trackerdcs.domain.errors import (
    BadReply,
    CommandRefused,
    LinkError,
    LinkLost,
    ReplyTimeout,
    Unsupported,
    VerifyError,
)
from trackerdcs.drivers.scpi import ScpiSupply
from trackerdcs.drivers.table import Bits, Flags, Param, Rows, Switch
from trackerdcs.tests.scripted_link import ScriptedLink, Step

IDN = "MAKER,BOX 1,SIM-7,1.0"


class Box(ScpiSupply):
    """A supply with two channels behind a selector, as small as can be."""

    models = ("BOX",)
    numbers: ClassVar = {"ch1": 1, "ch2": 2}
    select = "SEL {n}"
    rows: ClassVar[Rows] = {
        "v_set": Param("VOLT?", "VOLT {value}", 0, 30, 1e-3),
        "i_limit": Param("CURR?", "CURR {value}", 0, 3, 1e-3),
        "v_mon": Param("MEAS?", low=0, high=30),
        "output": Bits("OUTP?"),
    }
    flags: ClassVar[Flags] = {"on": ("output", 1)}
    output = Switch(on="OUTP 1", off="OUTP 0", emergency_off="OUTP 0")


def box(*steps: Step) -> tuple[Box, ScriptedLink]:
    """An identified box, the script going on from there."""
    link = ScriptedLink(("*IDN?", IDN), *steps)
    driver = Box(link)
    driver.identify()
    return driver, link


def at(n: int, *steps: Step) -> list[Step]:
    """Steps on a channel that is selected, looked at before and after."""
    return [(f"SEL {n}", None), ("SEL?", str(n)), *steps, ("SEL?", str(n))]


def visit(n: int, *replies: str) -> list[Step]:
    return at(n, *zip(("VOLT?", "CURR?", "MEAS?", "OUTP?"), replies, strict=True))


class TestReading(unittest.TestCase):
    def test_a_poll_visits_each_channel_and_makes_sure_of_it(self) -> None:
        driver, link = box(*visit(1, "5", "1", "4.999", "1"), *visit(2, "7", "2", "0", "0"))
        snapshot = driver.poll()
        self.assertEqual(
            snapshot.ch,
            {
                "ch1": {"v_set": 5.0, "i_limit": 1.0, "v_mon": 4.999, "on": True, "state": "on"},
                "ch2": {"v_set": 7.0, "i_limit": 2.0, "v_mon": 0.0, "on": False, "state": "off"},
            },
        )
        self.assertEqual(snapshot.bad, {})
        link.assert_done()

    def test_a_selection_that_moved_spoils_the_channel(self) -> None:
        moved = [*visit(1, "5", "1", "4.999", "1")[:-1], ("SEL?", "2"), ("*IDN?", IDN)]
        driver, link = box(*moved, *visit(2, "7", "2", "0", "0"))
        snapshot = driver.poll()
        self.assertEqual(snapshot.ch["ch1"], {"state": "unknown"})
        self.assertEqual(snapshot.bad.keys(), {"ch1"})
        self.assertEqual(snapshot.bad["ch1"].keys(), {"v_set", "i_limit", "v_mon", "on"})
        self.assertEqual(snapshot.ch["ch2"]["v_set"], 7.0)
        link.assert_done()

    def test_overrange_spoils_one_value_only(self) -> None:
        driver, link = box(*visit(1, "5", "1", "9.91E37", "1"), *visit(2, "7", "2", "0", "0"))
        snapshot = driver.poll()
        self.assertEqual(snapshot.ch["ch1"], {"v_set": 5.0, "i_limit": 1.0, "on": True, "state": "on"})
        self.assertRegex(snapshot.bad["ch1"]["v_mon"], "9.91E37")
        link.assert_done()

    def test_a_senseless_value_is_bad_alone_if_the_link_proves_to_be_in_step(self) -> None:
        first = at(1, ("VOLT?", "5"), ("CURR?", "1"), ("MEAS?", "----"), ("*IDN?", IDN), ("OUTP?", "1"))
        driver, link = box(*first, *visit(2, "7", "2", "0", "0"))
        snapshot = driver.poll()
        self.assertEqual(snapshot.bad, {"ch1": {"v_mon": "expected a number, got '----'"}})
        self.assertTrue(link.connected)
        link.assert_done()

    def test_a_senseless_value_out_of_step_ends_the_connection(self) -> None:
        driver, link = box(("SEL 1", None), ("SEL?", "1"), ("VOLT?", IDN), ("*IDN?", "5"))
        with self.assertRaises(BadReply):
            driver.poll()
        self.assertFalse(link.connected)
        link.assert_done()

    def test_a_bad_register_makes_what_it_tells_bad_and_the_state_unknown(self) -> None:
        steps = at(1, ("VOLT?", "5"), ("CURR?", "1"), ("MEAS?", "5"), ("OUTP?", "yes"), ("*IDN?", IDN))
        driver, _ = box(*steps, *visit(2, "7", "2", "0", "0"))
        snapshot = driver.poll()
        self.assertEqual(snapshot.ch["ch1"]["state"], "unknown")
        self.assertEqual(snapshot.bad["ch1"].keys(), {"on"})
        self.assertNotIn("on", snapshot.ch["ch1"])

    def test_a_lost_link_is_not_a_value(self) -> None:
        driver, link = box(("SEL 1", None), ("SEL?", "1"), ("VOLT?", "5"), ("CURR?", ReplyTimeout("late")))
        with self.assertRaises(ReplyTimeout):
            driver.poll()
        link.assert_done()


class TestSetting(unittest.TestCase):
    def test_a_set_is_read_back(self) -> None:
        driver, link = box(
            ("SEL 2", None), ("SEL?", "2"), ("VOLT 5.001", None), ("SEL?", "2"), ("VOLT?", "5.001"), ("SEL?", "2")
        )
        self.assertEqual(driver.set_voltage("ch2", 5.001), 5.001)
        link.assert_done()

    def test_rule_05_a_mismatch_is_sent_again_once(self) -> None:
        def attempt(readback: str) -> list[Step]:
            return [*at(2, ("VOLT 5.000", None)), ("VOLT?", readback), ("SEL?", "2")]

        driver, link = box(*attempt("0"), *attempt("5"))
        self.assertEqual(driver.set_voltage("ch2", 5), 5.0)
        link.assert_done()
        driver, link = box(*attempt("0"), *attempt("4.998"))
        with self.assertRaises(VerifyError) as raised:
            driver.set_voltage("ch2", 5)
        self.assertEqual((raised.exception.expected, raised.exception.got), (5, 4.998))
        link.assert_done()

    def test_a_selection_that_moved_is_told_and_nothing_is_sent_again(self) -> None:
        driver, link = box(("SEL 1", None), ("SEL?", "1"), ("VOLT 5.000", None), ("SEL?", "2"), ("*IDN?", IDN))
        with self.assertRaisesRegex(VerifyError, "selected channel"):
            driver.set_voltage("ch1", 5)
        link.assert_done()

    def test_a_selection_that_does_not_take_sends_nothing(self) -> None:
        driver, link = box(("SEL 1", None), ("SEL?", "2"), ("*IDN?", IDN))
        with self.assertRaises(VerifyError):
            driver.set_voltage("ch1", 5)
        link.assert_done()

    def test_what_became_of_an_order(self) -> None:
        lost = LinkLost("gone")
        cases: list[tuple[str, list[Step]]] = [
            ("no", [("SEL 1", lost)]),
            ("no", [("SEL 1", None), ("SEL?", ReplyTimeout("late"))]),
            ("unknown", [("SEL 1", None), ("SEL?", "1"), ("VOLT 5.000", LinkLost("gone"))]),
            ("unknown", [*at(1, ("VOLT 5.000", None)), ("VOLT?", ReplyTimeout("late", "no"))]),
            ("unknown", [*at(1, ("VOLT 5.000", None)), ("VOLT?", "?!")]),
        ]
        for delivered, steps in cases:
            with self.subTest(str(steps[-1])):
                driver, link = box(*steps)
                with self.assertRaises(LinkError) as raised:
                    driver.set_voltage("ch1", 5)
                self.assertEqual(raised.exception.delivered, delivered)
                self.assertFalse(link.connected)
                link.assert_done()

    def test_on_is_sent_once_and_off_again(self) -> None:
        off = visit(1, "5", "1", "0", "0")
        driver, link = box(*at(1, ("OUTP 1", None)), *off)
        with self.assertRaises(VerifyError):
            driver.switch("ch1", True)
        link.assert_done()
        on = visit(1, "5", "1", "5", "1")
        driver, link = box(*at(1, ("OUTP 0", None)), *on, *at(1, ("OUTP 0", None)), *off)
        driver.switch("ch1", False)
        link.assert_done()

    def test_what_it_does_not_have(self) -> None:
        driver, link = box()
        with self.assertRaises(Unsupported):
            driver.set_ramp("ch1", 1, 1)
        with self.assertRaisesRegex(CommandRefused, "ch1, ch2"):
            driver.clear_trip("ch3")
        driver.clear_trip("ch1")
        link.assert_done()
