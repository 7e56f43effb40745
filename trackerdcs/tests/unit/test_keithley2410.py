"""Keithley 2410: a reading must never switch its output, and what it does not measure is not zero."""

import unittest

from trackerdcs.domain.errors import DeviceError, VerifyError, WrongDevice
from trackerdcs.drivers.keithley2410 import Keithley2410
from trackerdcs.tests.scripted_link import ScriptedLink, Step

IDN = "KEITHLEY INSTRUMENTS INC.,MODEL 2410,1234567,C34 Sep 21 2016 15:30:00/A02 /J/H"
CONNECT: list[Step] = [("*IDN?", IDN), (":SOUR:FUNC?", "VOLT"), (":SOUR:CLE:AUTO?", "0")]
BOTH = '"VOLT:DC","CURR:DC"'


def keithley(*steps: Step) -> tuple[Keithley2410, ScriptedLink]:
    link = ScriptedLink(*CONNECT, *steps)
    driver = Keithley2410(link)
    driver.identify()
    return driver, link


def settings(on: str) -> list[Step]:
    return [
        (":SOUR:VOLT?", "-2.000000E+02"),
        (":SENS:CURR:PROT?", "+1.000000E-05"),
        (":OUTP?", on),
        (":SENS:CURR:PROT:TRIP?", "0"),
    ]


def reading(functions: str, elements: str, reply: str) -> list[Step]:
    return [(":SENS:FUNC?", functions), (":FORM:ELEM?", elements), (":READ?", reply)]


class TestKeithley2410(unittest.TestCase):
    def test_off_it_is_not_asked_to_measure_and_shows_nothing(self) -> None:
        driver, link = keithley(*settings("0"))
        snapshot = driver.poll()
        self.assertEqual(
            snapshot.ch["ch0"], {"v_set": -200.0, "i_limit": 1e-5, "on": False, "compliance": False, "state": "off"}
        )
        self.assertEqual(snapshot.bad, {})
        link.assert_done()

    def test_readings_are_found_by_name(self) -> None:
        for elements, reply in [
            ("VOLT,CURR,RES,TIME,STAT", "-1.999700E+02,-1.200000E-07,+9.910000E+37,+7.282600E+01,+1.0E+04"),
            ("CURR,VOLT", "-1.200000E-07,-1.999700E+02"),
        ]:
            driver, link = keithley(*settings("1"), *reading(BOTH, elements, reply))
            values = driver.poll().ch["ch0"]
            self.assertEqual((values["v_mon"], values["i_mon"], values["state"]), (-199.97, -1.2e-7, "on"))
            link.assert_done()

    def test_a_setpoint_is_not_passed_off_as_a_measured_voltage(self) -> None:
        steps = reading('"CURR:DC"', "VOLT,CURR", "-2.000000E+02,-1.200000E-07")
        driver, _ = keithley(*settings("1"), *steps, ("*IDN?", IDN))
        snapshot = driver.poll()
        self.assertNotIn("v_mon", snapshot.ch["ch0"])
        self.assertRegex(snapshot.bad["ch0"]["v_mon"], "VOLT is not measured")
        self.assertEqual(snapshot.ch["ch0"]["i_mon"], -1.2e-7)

    def test_a_current_out_of_range_is_bad(self) -> None:
        driver, _ = keithley(*settings("1"), *reading(BOTH, "VOLT,CURR", "-1.9E+02,+9.900000E+37"))
        snapshot = driver.poll()
        self.assertEqual((snapshot.ch["ch0"]["v_mon"], snapshot.bad["ch0"].keys()), (-190.0, {"i_mon"}))

    def test_the_range_is_set_before_the_limit(self) -> None:
        order = ":SENS:CURR:RANG 0.000000500;:SENS:CURR:PROT 0.000000500"
        driver, link = keithley((order, None), (":SENS:CURR:PROT?", "+5.000000E-07"))
        self.assertEqual(driver.set_current_limit("ch0", 0.5e-6), 0.5e-6)
        link.assert_done()

    def test_settings_that_make_a_reading_switch_the_output_are_refused(self) -> None:
        for query, reply in ((":SOUR:FUNC?", "CURR"), (":SOUR:CLE:AUTO?", "1")):
            steps = [(q, reply if q == query else usual) for q, usual in CONNECT]
            with self.assertRaisesRegex(DeviceError, query.replace("?", r"\?")):
                Keithley2410(ScriptedLink(*steps)).identify()

    def test_its_sister_is_another_instrument(self) -> None:
        with self.assertRaisesRegex(WrongDevice, "MODEL 2410.*MODEL 2400"):
            Keithley2410(ScriptedLink(("*IDN?", IDN.replace("2410", "2400")))).identify()

    def test_an_output_that_stays_off_is_told(self) -> None:
        order = ":SENS:FUNC:CONC ON;:SENS:FUNC 'VOLT','CURR';:OUTP ON"
        driver, link = keithley((order, None), *settings("0"))
        with self.assertRaises(VerifyError):
            driver.switch("ch0", True)
        link.assert_done()
