"""The dialect and the traps of the simulated Keithley 2410."""

import unittest

from trackerdcs.sim.keithley2410 import Keithley2410
from trackerdcs.sim.world import World
from trackerdcs.tests.unit.test_sim_world import FakeTime


class TestKeithley(unittest.TestCase):
    def setUp(self) -> None:
        self.world = World(FakeTime())
        self.smu = Keithley2410(self.world, "hv2")

    def error(self) -> str:
        return self.smu.handle(":SYST:ERR?") or ""

    def order(self, *lines: str) -> None:
        for line in lines:
            self.assertIsNone(self.smu.handle(line), line)
        self.assertEqual(self.error(), '+0,"No error"', lines)

    def reading(self, query: str = ":READ?") -> list[float]:
        return [float(x) for x in (self.smu.handle(query) or "").split(",")]

    def test_settings_come_back(self) -> None:
        self.order(":SOUR:FUNC VOLT", ":SOUR:VOLT:MODE FIX", ":SOUR:VOLT:RANG 1000", ":SENS:FUNC 'VOLT','CURR'")
        self.order(":SENS:CURR:RANG 5e-7;:SENS:CURR:PROT 5e-7", ":SOUR:VOLT -200.05", ":SENS:CURR:NPLC 10")
        for query, answer in {
            "*IDN?": self.smu.identity,
            ":SOUR:VOLT?": "-2.000500E+02",
            ":sens:curr:prot?": "+5.000000E-07",
            ":SENS:CURR:RANG?": "+1.000000E-06",
            ":SOURCE:CLEAR:AUTO?": "0",
            ":OUTP?": "0",
            ":OUTP?;*OPC?;:SOUR:VOLT?": "0;1;-2.000500E+02",
        }.items():
            self.assertEqual(self.smu.handle(query), answer, query)

    def test_read_wants_the_output_on_and_measure_switches_it_on(self) -> None:
        self.order(":SOUR:VOLT -100")
        self.assertIsNone(self.smu.handle(":READ?"))
        self.assertIn("+803", self.error())
        self.assertFalse(self.smu.truth()["ch0"]["on"])
        self.reading(":MEAS?")
        self.assertEqual(self.smu.truth()["ch0"], self.smu.truth()["ch0"] | {"on": True, "v": -100.0})
        self.order(":OUTP OFF")
        self.assertEqual(self.smu.truth()["ch0"]["v"], 0.0, "at once, from any voltage")

    def test_with_auto_clear_a_reading_switches_on_and_off_again(self) -> None:
        self.order(":SOUR:CLE:AUTO ON", ":SOUR:VOLT -100")
        self.assertAlmostEqual(self.reading()[0], -100.0, delta=0.1)
        self.assertEqual(self.smu.handle(":OUTP?"), "0")

    def test_elements_keep_their_fixed_order(self) -> None:
        self.order(":SOUR:VOLT -100", ":OUTP ON")
        v, i, res, _, stat = self.reading()
        self.assertAlmostEqual(v, -100.0, delta=0.1)
        self.assertTrue(-1e-6 < i < 0)
        self.assertEqual((res, stat), (9.91e37, 0.0))
        self.order(":FORM:ELEM STAT,CURR,VOLT")
        self.assertEqual(self.smu.handle(":FORM:ELEM?"), "VOLT,CURR,STAT")
        self.assertEqual(len(self.reading()), 3)

    def test_compliance_holds_the_voltage_back_and_does_not_latch(self) -> None:
        self.order(":SENS:CURR:RANG 1e-5", ":SENS:CURR:PROT 1e-5", ":SOUR:VOLT -800", ":OUTP ON")
        self.assertEqual(self.smu.handle(":SENS:CURR:PROT:TRIP?"), "1")
        self.assertEqual(int(self.smu.handle(":STAT:MEAS:COND?") or ""), 1 << 14)
        v, i, *_, stat = self.reading()
        self.assertTrue(-700 < v < -500 and stat == 8, (v, stat))
        self.assertAlmostEqual(i, -1e-5, delta=1e-7)
        self.order(":SOUR:VOLT -100")
        self.assertEqual(self.smu.handle(":SENS:CURR:PROT:TRIP?"), "0")

    def test_the_limit_must_fit_the_range(self) -> None:
        self.order(":SENS:CURR:RANG 1e-6")
        self.assertIsNone(self.smu.handle(":SENS:CURR:PROT 1e-5"))
        self.assertIn("-221", self.error())
        self.assertEqual(self.smu.handle(":SENS:CURR:PROT?"), "+1.050000E-04")

    def test_a_range_below_the_limit_overflows(self) -> None:
        self.order(":SENS:CURR:PROT 1e-4", ":SENS:CURR:RANG 1e-6", ":SOUR:VOLT -700", ":OUTP ON")
        self.assertEqual(self.reading()[1], 9.9e37)

    def test_what_it_does_not_take_is_in_the_error_queue(self) -> None:
        for line, code in {
            ":SOUR:VOLT 1200": "-222",
            ":SOUR:VOLT abc": "-104",
            ":SOUR:FUNC CURR": "-221",
            ":NONSENSE?": "-113",
            ":OUTP MAYBE": "-104",
            ":FORM:ELEM POWER": "-224",
        }.items():
            self.assertIsNone(self.smu.handle(line), line)
            self.assertIn(code, self.error(), line)
        self.assertEqual(self.smu.truth()["ch0"]["v_set"], 0.0)
        self.order(":SOUR:VOLT:PROT 500")
        self.assertIsNone(self.smu.handle(":SOUR:VOLT -600"))
        self.assertIn("-221", self.error())

    def test_an_open_interlock_switches_off_and_forbids_on(self) -> None:
        self.order(":SOUR:VOLT -100", ":OUTP ON")
        self.smu.interlock(True)
        self.assertEqual(self.smu.handle(":OUTP?;:OUTP:ENAB:TRIP?"), "0;1")
        self.assertIsNone(self.smu.handle(":OUTP ON"))
        self.assertIn("+802", self.error())
        self.smu.interlock(False)
        self.order(":OUTP ON")

    def test_trip_front_panel_and_brown_out(self) -> None:
        self.smu.front_panel("ch0", {"v_set": -50.0, "on": True})
        self.assertEqual(self.smu.truth()["ch0"]["v"], -50.0)
        self.smu.trip("ch0")
        self.assertIn("+810", self.error())
        self.assertFalse(self.smu.truth()["ch0"]["on"])
        self.smu.brown_out()
        self.assertEqual(self.smu.handle(":SOUR:VOLT?"), "+0.000000E+00")
        for act in (lambda: self.smu.trip("ch1"), lambda: self.smu.front_panel("ch0", {"v_set": 5000.0})):
            with self.assertRaises(ValueError):
                act()
