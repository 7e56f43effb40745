"""The dialect and the traps of the simulated HMP4040."""

import unittest

from trackerdcs.sim.hmp4040 import CC, CV, FUSE, OVER_VOLTAGE, Hmp4040
from trackerdcs.sim.world import World
from trackerdcs.tests.unit.test_sim_world import FakeTime


class TestHmp(unittest.TestCase):
    def setUp(self) -> None:
        self.time = FakeTime()
        self.world = World(self.time)
        self.lv = Hmp4040(self.world, "lv1")

    def order(self, *lines: str) -> None:
        for line in lines:
            self.assertIsNone(self.lv.handle(line), line)
        self.assertEqual(self.lv.handle("SYST:ERR?"), '0,"No error"', lines)

    def on(self, channel: str) -> bool:
        return bool(self.lv.truth()[channel]["on"])

    def condition(self, n: int) -> int:
        return int(self.lv.handle(f"STAT:QUES:INST:ISUM{n}:COND?") or "")

    def test_everything_is_about_the_selected_channel(self) -> None:
        self.order("INST:NSEL 2", "VOLT 1.2345", "CURR 0.5", "INST:NSEL 3", "APPL 10,2", "INST OUT2")
        for query, answer in {
            "*IDN?": self.lv.identity,
            "INST:NSEL?": "2",
            "VOLT?": "1.234",
            "CURR?": "0.5000",
            "VOLT? MAX": "32.050",
            "INST:NSEL 3;:VOLT?;CURR?;:OUTP?": "10.000;2.0000;0",
            "instrument:nselect?": "3",
        }.items():
            self.assertEqual(self.lv.handle(query), answer, query)
        self.assertIsNone(self.lv.handle("INST:NSEL 1;VOLT?"), "a header without a colon goes on in INST:")
        self.assertIn("-113", self.lv.handle("SYST:ERR?") or "")

    def test_what_it_does_not_take_is_in_the_error_queue(self) -> None:
        for line, code in {
            "VOLT 33": "-222",
            "VOLT -1": "-222",
            "INST:NSEL 5": "-222",
            "CURR x": "-104",
            "FOO?": "-113",
        }.items():
            self.assertIsNone(self.lv.handle(line), line)
            self.assertIn(code, self.lv.handle("SYST:ERR?") or "", line)

    def test_an_output_needs_its_selection_and_the_general_output(self) -> None:
        self.order("INST:NSEL 1", "APPL 10,3", "OUTP:SEL ON")
        self.assertFalse(self.on("ch1"))
        self.assertEqual(self.lv.handle("OUTP:SEL?;GEN?;:OUTP?"), "1;0;0")
        self.order("INST:NSEL 2", "APPL 5,3", "OUTP ON")
        self.assertTrue(self.on("ch2") and self.on("ch1"), "OUTP ON starts those that waited")
        self.order("OUTP OFF")
        self.assertEqual((self.on("ch1"), self.on("ch2")), (True, False))
        self.order("OUTP:GEN OFF")
        self.assertFalse(self.on("ch1"))

    def test_voltage_and_current_of_a_load(self) -> None:
        self.order("INST:NSEL 1", "APPL 10,3", "OUTP ON")
        v, i = (float(self.lv.handle(q) or "") for q in ("MEAS:VOLT?", "MEAS:CURR?"))
        self.assertAlmostEqual(v, 10.0, delta=0.01)
        self.assertTrue(0.4 < i < 0.6, i)
        self.assertEqual(self.condition(1), CV)
        self.order("CURR 0.1")
        self.assertEqual(self.condition(1), CC)
        self.assertLess(float(self.lv.handle("MEAS:VOLT?") or ""), 3.0)
        self.assertEqual(self.condition(2), 0)

    def test_over_voltage_latches_until_cleared(self) -> None:
        self.order("INST:NSEL 1", "APPL 5,3", "VOLT:PROT 6", "OUTP ON", "VOLT 7")
        self.assertEqual(self.lv.handle("VOLT:PROT:TRIP?"), "1")
        self.assertEqual((self.on("ch1"), self.condition(1)), (False, OVER_VOLTAGE))
        self.assertIsNone(self.lv.handle("OUTP ON"))
        self.assertIn("-200", self.lv.handle("SYST:ERR?") or "")
        self.order("VOLT 5", "VOLT:PROT:CLE")
        self.assertFalse(self.on("ch1"), "clearing switches nothing on")
        self.order("OUTP ON")
        self.assertTrue(self.on("ch1"))

    def test_the_fuse_waits_its_delay_and_takes_linked_channels(self) -> None:
        self.order(
            "INST:NSEL 2", "APPL 5,3", "OUTP ON", "INST:NSEL 1", "APPL 10,0.1", "FUSE ON", "FUSE:DEL 100", "FUSE:LINK 2"
        )
        self.order("OUTP ON")
        self.time.t += 0.05
        self.assertTrue(self.on("ch1"))
        self.time.t += 0.1
        self.assertEqual((self.on("ch1"), self.on("ch2"), self.condition(1)), (False, False, FUSE))
        self.assertEqual(self.lv.handle("FUSE:TRIP?"), "1")
        self.order("CURR 3", "OUTP ON")
        self.assertEqual((self.on("ch1"), self.condition(1)), (True, CV))

    def test_a_knob_moves_the_selection_under_everybody(self) -> None:
        self.order("INST:NSEL 1")
        self.lv.front_panel("ch4", {"v_set": 3.3, "i_limit": 1.0, "on": True})
        self.assertEqual(self.lv.handle("INST:NSEL?;:VOLT?"), "4;3.300")
        self.assertTrue(self.on("ch4"))

    def test_trip_brown_out_and_what_it_has_not(self) -> None:
        self.order("INST:NSEL 3", "APPL 5,1", "OUTP ON")
        self.lv.trip("ch3")
        self.assertEqual((self.on("ch3"), self.condition(3)), (False, OVER_VOLTAGE))
        self.lv.brown_out()
        self.assertEqual(self.lv.handle("INST:NSEL?;:OUTP:GEN?;:VOLT?"), "1;0;0.000")
        self.assertEqual(self.condition(3), 0)
        for act in (lambda: self.lv.interlock(True), lambda: self.lv.trip("ch0")):
            with self.assertRaises(ValueError):
                act()
