"""The dialect, the ramps and the protections of the simulated iseg SHR."""

import re
import unittest

from trackerdcs.sim.iseg_channel import CC, CV, EMERGENCY, INHIBIT, ON, RAMPING, TRIP
from trackerdcs.sim.iseg_shr import IsegShr
from trackerdcs.sim.world import World
from trackerdcs.tests.unit.test_sim_world import FakeTime


class IsegCase(unittest.TestCase):
    def setUp(self) -> None:
        self.time = FakeTime()
        self.world = World(self.time)
        self.hv = IsegShr(self.world, "hv1")

    def order(self, *lines: str) -> None:
        for line in lines:
            self.assertEqual(self.hv.handle(line), "", line)

    def after(self, seconds: float, channel: int = 0) -> float:
        self.time.t += seconds
        return float(self.hv.truth()[f"ch{channel}"]["v"])

    def status(self, channel: int = 0) -> int:
        return int(self.hv.handle(f":READ:CHAN:STAT? (@{channel})") or "")

    def up(self, v: float = -200.0) -> None:
        self.order(":CONF:RAMP:VOLT:UP 400,(@0)", f":VOLT {v},(@0)", ":VOLT ON,(@0)")
        self.after(5.0)


class TestDialect(IsegCase):
    def test_answers(self) -> None:
        for line, answer in {
            "*IDN?": r"iseg Spezialelektronik GmbH,SHR4260,SIM-7400123,4\.28",
            "*instr?": "EDCP",
            "*OPC?": "1",
            ":READ:VOLT:NOM? (@0)": r"2\.00000E3V",
            ":READ:VOLT:LIM?": r"100\.000%",
            ":READ:VOLT? (@0-3)": r"0\.00000EV(,0\.00000EV){3}",
            ":READ:CURR? (@0,2)": r"4\.00000E-3A,4\.00000E-3A",
            ":READ:CHAN:STAT? (@3)": "0",
            ":CONF:RAMP:VOLT:UP? (@1)": r"1\.00000E1V/s",
            ":CONF:RAMP:VOLT:UP?": r"5\.00000E-1%/s",
            ":READ:MOD:CHAN?": "4",
            ":MEASURE:VOLTAGE? (@0)": r"-?\d\.\d{5}E(-\d+)?V",
            ":VOLT -50,(@0)": "",
            ":VOLT -50,(@0);*OPC?": "\n1",
            ":VOLT -5,(@0);:READ:VOLT? (@0)": "\n-5\\.00000EV",
        }.items():
            self.assertRegex(self.hv.handle(line) or "", re.compile(f"^{answer}$"), line)

    def test_what_it_does_not_take_gets_no_answer_at_all(self) -> None:
        for line in (
            ":VOLT 50,(@0)",
            ":VOLT 50,(@0);*OPC?",
            ":VOLT -2001,(@0)",
            ":VOLT -50",
            ":VOLT -50,(@4)",
            ":VOLT -50,(@)",
            ":VOLT fifty,(@0)",
            ":VOLT nan,(@0)",
            ":CURR 1,(@0)",
            ":CURR -1e-6,(@0)",
            ":CONF:RAMP:VOLT:UP 401,(@0)",
            ":MEAS:VOLT?",
            ":MEAS:TEMP? (@0)",
            ":NONSENSE 1,(@0)",
            ":CONF:OUTP:POL x,(@0)",
        ):
            self.assertIsNone(self.hv.handle(line), line)
        self.assertEqual(self.hv.truth()["ch0"]["v_set"], 0.0)
        self.assertEqual(len(self.hv.transcript), 15, "what is refused is still heard")

    def test_a_small_limit_is_not_rounded_away(self) -> None:
        self.order(":CURR 5E-7,(@1)")
        self.assertEqual(self.hv.handle(":READ:CURR? (@1)"), "5.00000E-7A")
        self.assertEqual(self.hv.handle(":READ:CURR? (@0)"), "4.00000E-3A")

    def test_polarity_decides_the_sign(self) -> None:
        self.order(":CONF:OUTP:POL p,(@0)", ":VOLT 50,(@0)")
        self.assertEqual(self.hv.handle(":READ:VOLT? (@0)"), "5.00000E1V")
        self.assertIsNone(self.hv.handle(":VOLT -50,(@0)"))
        self.assertEqual(self.status(), 1)
        self.up(50.0)
        self.assertIsNone(self.hv.handle(":CONF:OUTP:POL n,(@0)"), "never at voltage")


class TestRamp(IsegCase):
    def test_up_and_down_at_their_own_rates_with_the_bits_that_say_so(self) -> None:
        self.order(":CONF:RAMP:VOLT:UP 10,(@0)", ":CONF:RAMP:VOLT:DOWN 20,(@0)", ":VOLT -100,(@0)")
        self.assertEqual(self.after(5.0), 0.0, "an off output stays off")
        self.order(":VOLT ON,(@0)")
        self.assertAlmostEqual(self.after(4.0), -40.0)
        self.assertEqual(self.status(), ON | RAMPING)
        self.assertAlmostEqual(self.after(6.1), -100.0)
        self.assertEqual(self.status(), ON | CV)
        self.order(":VOLT OFF,(@0)")
        self.assertAlmostEqual(self.after(2.0), -60.0)
        self.assertEqual(self.status(), RAMPING)
        self.assertEqual(self.after(9.0), 0.0)
        self.assertEqual(self.hv.truth()["ch1"]["v"], 0.0)

    def test_a_rate_without_channels_is_for_the_module_in_percent(self) -> None:
        self.order(":CONF:RAMP:VOLT:UP 1")
        self.assertEqual(self.hv.handle(":CONF:RAMP:VOLT:UP? (@0-3)"), ",".join(["2.00000E1V/s"] * 4))
        self.assertIsNone(self.hv.handle(":CONF:RAMP:VOLT:UP 50"), "1000 V/s is too fast")

    def test_reset_ramps_all_off(self) -> None:
        self.up()
        self.order("*RST")
        truth = self.hv.truth()["ch0"]
        self.assertEqual((truth["on"], truth["v_set"], truth["v"]), (False, 0.0, -200.0))
        self.assertAlmostEqual(self.after(1.0), -180.0)


class TestProtection(IsegCase):
    def test_emergency_off_is_at_once_and_latches(self) -> None:
        self.up()
        self.order(":VOLT EMCY OFF,(@0)")
        self.assertEqual(self.after(0.0), 0.0)
        self.assertEqual(self.status(), EMERGENCY)
        self.assertIsNone(self.hv.handle(":VOLT ON,(@0)"))
        self.order(":VOLT EMCY CLR,(@0)", ":VOLT ON,(@0)")
        self.assertEqual(self.hv.handle(":READ:CHAN:EV:STAT? (@0)"), str(EMERGENCY))

    def test_too_much_current_trips_and_stays_tripped(self) -> None:
        self.order(":CURR 1e-5,(@0)")
        self.up(-800.0)
        self.assertEqual(self.after(60.0), 0.0)
        self.assertEqual(self.status(), TRIP)
        self.assertEqual(self.status(1), 0)
        self.assertIsNone(self.hv.handle(":VOLT ON,(@0)"))
        self.order(":EVENT CLEAR,(@0)", ":VOLT ON,(@0)")
        self.assertEqual(self.status(), ON | RAMPING)

    def test_trip_actions(self) -> None:
        for action, on, tripped in ((0, True, True), (1, False, True), (2, False, True), (4, True, False)):
            with self.subTest(action=action):
                self.setUp()
                self.order(f":CONF:TRIP:ACTION {action},(@0)", ":CURR 1e-5,(@0)")
                self.up(-800.0)
                truth = self.hv.truth()["ch0"]
                self.assertEqual((truth["on"], truth["tripped"]), (on, tripped))
                if on:
                    self.assertTrue(self.status() & CC)
                    self.assertGreater(float(truth["v"]), -700.0, "the limit holds the voltage back")

    def test_a_trip_may_take_the_whole_module(self) -> None:
        self.order(":CONF:TRIP:ACTION 3,(@0)", ":VOLT -20,(@1)", ":VOLT ON,(@1)", ":CURR 1e-5,(@0)")
        self.assertAlmostEqual(self.after(5.0, 1), -20.0)
        self.up(-800.0)
        self.assertFalse(self.hv.truth()["ch1"]["on"])

    def test_an_open_interlock_takes_all_outputs_and_forbids_on(self) -> None:
        self.up()
        self.hv.interlock(True)
        self.assertEqual(self.after(0.0), 0.0)
        self.assertEqual(self.status(), INHIBIT)
        self.assertIsNone(self.hv.handle(":VOLT ON,(@0)"))
        self.hv.interlock(False)
        self.assertEqual(self.status(), 0)
        self.assertEqual(self.after(9.0), 0.0, "closing it switches nothing on")

    def test_front_panel_brown_out_and_a_stuck_reading(self) -> None:
        self.hv.front_panel("ch2", {"v_set": -30.0, "on": True, "i_limit": 1e-6})
        self.assertAlmostEqual(self.after(9.0, 2), -30.0)
        self.assertEqual(self.hv.handle(":READ:CURR? (@2)"), "1.00000E-6A")
        for channel, knob in (("ch9", "on"), ("ch2", "v"), ("ch2", "i_limit")):
            with self.assertRaises(ValueError):
                self.hv.front_panel(channel, {knob: 5.0})
        self.hv.stuck = True
        reading = self.hv.handle(":MEAS:VOLT? (@2)")
        self.hv.brown_out()
        self.assertEqual(self.hv.handle(":MEAS:VOLT? (@2)"), reading)
        truth = self.hv.truth()["ch2"]
        self.assertEqual((truth["v"], truth["on"], truth["v_set"], truth["i_limit"]), (0.0, False, 0.0, 4e-3))

    def test_it_can_take_orders_and_not_obey(self) -> None:
        self.hv.ignores_orders = True
        self.assertEqual(self.hv.handle(":VOLT -50,(@0);*OPC?"), "\n1")
        self.assertEqual(self.hv.truth()["ch0"]["v_set"], 0.0)
