"""The parts of the simulated Ph2_ACF: variables, configurations, colours, run numbers, surroundings and values."""

import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np

from trackerdcs.sim.ph2acf.calibrations import INNER, STAGES
from trackerdcs.sim.ph2acf.ending import Uncaught
from trackerdcs.sim.ph2acf.hardware import Chip, read_hardware
from trackerdcs.sim.ph2acf.knobs import AT_A_STAGE, FAULTS, KnobError, Knobs, read_knobs
from trackerdcs.sim.ph2acf.log import MAX_FILE, Log, paint
from trackerdcs.sim.ph2acf.place import CONFIGS
from trackerdcs.sim.ph2acf.run_folder import (
    RealResults,
    claim_working_folder,
    count_inner,
    inner_number,
    next_outer_number,
)
from trackerdcs.sim.ph2acf.surroundings import Surroundings
from trackerdcs.sim.ph2acf.values import all_values, chip_values, mistuned, threshold_window


def knobs(**texts: str) -> Knobs:
    return read_knobs({f"TRACKERDCS_PH2ACF_{name}": text for name, text in texts.items()})


class TestKnobs(unittest.TestCase):
    def test_nothing_said_is_the_speed_of_30(self) -> None:
        found = read_knobs({"TRACKERDCS_PH2ACF_RUN": "of somebody else", "PATH": "/bin"})
        self.assertEqual(
            (found.speed, found.seed, found.sim, found.hv, found.lv, found.channels), (30, None, None, (), (), False)
        )

    def test_everything_that_can_be_said(self) -> None:
        found = knobs(
            SPEED="1e3", SEED="5", SIM="host:15000", HV="hv1.ch0,hv1.ch1", LV="lv1.ch1", FUSE="0xA,b", CHANNELS="1"
        )
        self.assertEqual((found.speed, found.seed, found.sim, found.channels), (1000, 5, ("host", 15000), True))
        self.assertEqual(
            (found.hv, found.lv, found.fuse), ((("hv1", "ch0"), ("hv1", "ch1")), (("lv1", "ch1"),), (10, 11))
        )

    def test_faults_and_the_stages_they_wait_for(self) -> None:
        found = knobs(FAIL="i2c, crash@PedeNoise,segv")
        self.assertTrue(found.has("i2c"))
        self.assertFalse(found.has("hang"))
        self.assertTrue(found.at("crash", "PedeNoise", "Other"))
        self.assertFalse(found.at("crash", "Other", "Other"))
        self.assertTrue(found.at("segv", "Other", "Other"))
        self.assertEqual((knobs(SPEED="10").seconds(20), knobs(SPEED="10", FAIL="slow").seconds(20)), (2, 10))
        self.assertLess(set(AT_A_STAGE), FAULTS.keys())

    def test_what_makes_no_sense_is_named(self) -> None:
        for name, text in (
            ("SPEED", "fast"), ("SPEED", "-1"), ("SPEED", "nan"), ("SPEED", "inf"), ("SEED", "1.5"), ("FAIL", "x"),
            ("FAIL", "i2c@PedeNoise"), ("SIM", "15000"), ("SIM", "host:"), ("HV", "hv1"), ("LV", "a.b,"),
            ("FUSE", "xyz"), ("FUSE", "123456789"), ("CHANNELS", "yes"),
        ):  # fmt: skip
            with self.subTest(name, text=text), self.assertRaisesRegex(KnobError, f"^TRACKERDCS_PH2ACF_{name}: "):
                knobs(**{name: text})


class TestHardware(unittest.TestCase):
    def read(self, text: str) -> Any:
        path = Path(self.enterContext(tempfile.TemporaryDirectory()), "c.xml")
        path.write_text(text, encoding="utf-8")
        return read_hardware(path)

    def test_the_examples(self) -> None:
        for name, flavour, chips, channels in (
            ("PS_Module", "PS", 32, 32640),
            ("2S_Module", "2S", 16, 4064),
            ("CROC_Quad", "RD53B", 4, 580608),
        ):
            found = read_hardware(CONFIGS / f"{name}.xml")
            counted = (found.flavour, len(found.chips), sum(chip.channels for chip in found.chips))
            self.assertEqual(counted, (flavour, chips, channels))
            self.assertEqual(found.uri, "chtcp-2.0://localhost:10203?target=fc7sim:50001")

    def test_hybrids_are_counted_through_and_what_is_not_enabled_is_not_there(self) -> None:
        group = '<OpticalGroup Id="{}" enable="{}"><Hybrid Id="0" enable="{}"><CBC Id="3" configfile="a.txt"/></Hybrid>'
        group += '<Hybrid Id="1"><CBC3 Id="4" enable="0"/><CBC3 Id="5"/></Hybrid></OpticalGroup>'
        inside = group.format(0, 1, 0) + group.format(2, 1, 1) + group.format(3, 0, 1)
        found = self.read(f'<HwDescription><BeBoard Id="1">{inside}</BeBoard></HwDescription>')
        places = [(chip.board, chip.group, chip.hybrid, chip.number, chip.kind) for chip in found.chips]
        self.assertEqual(places, [(1, 0, 1, 5, "CBC"), (1, 2, 4, 3, "CBC"), (1, 2, 5, 5, "CBC")])
        self.assertEqual((found.groups[1].hybrids, found.events()), ([4, 5], 100))

    def test_what_is_none(self) -> None:
        for text in ("", "<a>", "<a/>", "<a><BeBoard/></a>", '<a><BeBoard><OpticalGroup Id="-1"/></BeBoard></a>'):
            with self.subTest(text), self.assertRaises(Uncaught):
                self.read(text)


class TestLog(unittest.TestCase):
    def test_colours(self) -> None:
        self.assertEqual(paint("<bred>x</> <green>>>> y <<<"), "\x1b[1m\x1b[31mx\x1b[0m \x1b[32m>>> y <<<")

    def test_a_file_that_gets_long_is_dropped(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "a.log").write_bytes(b"x" * (MAX_FILE + 1))
        log = Log(folder, "a")
        log._keep("", "\x1b[31mnew\x1b[0m")
        self.assertEqual((folder / "a.log").read_text(encoding="utf-8"), "new\n")


class TestRunFolder(unittest.TestCase):
    def setUp(self) -> None:
        self.here = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_numbers_of_the_outer_tracker_are_lines(self) -> None:
        self.assertEqual([next_outer_number(self.here) for _ in range(3)], [1, 2, 3])
        self.assertEqual((self.here / "RunNumbers.dat").read_text(encoding="ascii"), "1\n2\n3\n")
        self.assertEqual([next_outer_number(self.here, count=False) for _ in range(2)], [4, 4])
        (self.here / "RunNumbers.dat").write_text("nonsense", encoding="ascii")
        self.assertEqual(next_outer_number(self.here), 1)

    def test_the_number_of_the_inner_tracker_is_one(self) -> None:
        self.assertEqual(inner_number(self.here), 0)
        count_inner(self.here, 41)
        self.assertEqual(inner_number(self.here), 42)

    def test_a_folder_with_results_of_somebody_else_is_left_alone(self) -> None:
        claim_working_folder(self.here)
        (self.here / "Results" / "Run_3").mkdir(parents=True)
        claim_working_folder(self.here)
        (self.here / "SIMULATED").unlink()
        self.assertRaises(RealResults, claim_working_folder, self.here)


class TestPhysics(unittest.TestCase):
    def test_what_surroundings_do(self) -> None:
        for seen, factor, powered in (
            (Surroundings(), 1.0, True),
            (Surroundings(20.0, -300.0, 10.0), 1.0, True),
            (Surroundings(20.0, -49.9, 10.0), 1.8, True),
            (Surroundings(20.0, 50.0, 0.9), 1.0, False),
            (Surroundings(-30.0, -300.0, None), 0.9, True),
        ):
            with self.subTest(str(seen)):
                self.assertAlmostEqual(seen.noise_factor, factor)
                self.assertEqual(seen.powered, powered)

    def test_noise_is_that_of_the_real_chips(self) -> None:
        for kind, low, high in (
            ("SSA", 3.6, 5.2),
            ("MPA", 2.1, 2.6),
            ("CBC", 5.5, 6.6),
            ("RD53A", 8, 12),
            ("RD53B", 14, 18),
        ):
            for hybrid in (0, 1):
                chip = Chip(0, 0, hybrid, 7, kind, kind, "")
                values = chip_values(chip, 1, 1, 1.0)
                self.assertTrue(low < values.mean_noise < high, (kind, values.mean_noise))
                double = chip_values(chip, 1, 1, 2.0)
                self.assertAlmostEqual(double.mean_noise / values.mean_noise, 2.0, delta=0.01)
                np.testing.assert_array_equal(values.offset, double.offset)
                self.assertEqual(values.bad, tuple(np.flatnonzero(values.noise == 0)))

    def test_a_mistuned_module(self) -> None:
        hardware = read_hardware(CONFIGS / "PS_Module.xml")
        values = mistuned(all_values(hardware, 1, 1, {(0, 0): 1.0}))
        self.assertEqual([float(each.noise[5]) for each in values[:3]], [0.0, 666.0, 20.0])

    def test_occupancy_falls_with_the_threshold_and_rises_for_a_cbc(self) -> None:
        for kind, rises in (("SSA", False), ("MPA", False), ("CBC", True)):
            values = chip_values(Chip(0, 0, 0, 0, kind, kind, ""), 1, 1, 1.0)
            first, window = threshold_window(kind, values, 1000, 1)
            column = int(values.pedestal[5]) - first
            low, high = window[5, column - 15], window[5, column + 15]
            self.assertEqual((high > 0.95, low < 0.05) if rises else (low > 0.95, high < 0.05), (True, True), kind)
            self.assertEqual(float(np.abs(window * 1000 - np.rint(window * 1000)).max()) < 1e-3, True)


class TestCalibrations(unittest.TestCase):
    def test_their_names_and_stages(self) -> None:
        self.assertEqual(len(STAGES["PSquickTest"]), 15)
        self.assertEqual(
            set(STAGES["PSquickTest"]) - set(STAGES["2SquickTest"]),
            {"OTverifyMPASSAdataWord", "OTPSringOscillatorTest"},
        )
        self.assertEqual(len(STAGES["calibrationandpedenoise"]), 8)
        self.assertEqual(len(INNER), 19)
