"""Names, configurations and register files of Ph2_ACF, and the verdict on a run by its four signs."""

import unittest
from typing import Any

from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.ph2acf.layout import (
    Place,
    calibration_of,
    chip_type,
    inner_number,
    kind_of,
    logs_of,
    outer_number,
    place_of,
)
from trackerdcs.domain.ph2acf.trims import trims_of
from trackerdcs.domain.ph2acf.verdict import Root, signs_of, verdict
from trackerdcs.domain.ph2acf.xml import BadConfig, parse_config
from trackerdcs.tests.ph2acf_data import real_run

CONFIG = b"""<HwDescription><BeBoard Id="0" boardType="D19C"><connection id="board" uri="chtcp-2.0://x"/>
<OpticalGroup Id="1" enable="1"><Hybrid Id="1" enable="1"><SSA2 Id="0" enable="1" noise="3.5" pedestal="8"/>
<SSA2 Id="1" enable="0"/><MPA2 Id="8" enable="1"/><CIC2 Id="8"/></Hybrid></OpticalGroup></BeBoard>
<Settings><Setting name="Nevents">1000</Setting></Settings></HwDescription>"""
DETECTOR = "Detector/Board_0/OpticalGroup_1"


class TestLayout(unittest.TestCase):
    def test_places_in_a_root_file(self) -> None:
        for path, place in [
            (
                f"{DETECTOR}/Hybrid_3/MPA_8/D_B(0)_O(1)_H(3)_2DChannelNoise_Chip(8);1",
                Place("2DChannelNoise", 0, 1, 3, 8, "MPA"),
            ),
            (f"{DETECTOR}/Hybrid_3/Chip_07/D_B(0)_O(1)_H(3)_SCurve_Chip(7)", Place("SCurve", 0, 1, 3, 7, "Chip")),
            (f"{DETECTOR}/Hybrid_3/D_B(0)_O(1)_StripChannelNoise_Hybrid(3);2", Place("StripChannelNoise", 0, 1, 3)),
            (f"{DETECTOR}/D_B(0)_LpGBT_DQM_2V55_OpticalGroup(1);1", Place("LpGBT_DQM_2V55", 0, 1)),
            (f"{DETECTOR}/D_VTRx_OpticalGroup_(1);1", Place("VTRx", 0, 1)),
            ("Detector/CalibrationName_Detector;1", Place("CalibrationName")),
        ]:
            with self.subTest(path):
                self.assertEqual(place_of(path), place)

    def test_chips_called_chip_are_known_by_their_channels(self) -> None:
        for folder, channels, kind in (("Chip_0", 254, "CBC"), ("SSA2_0", 120, "SSA"), ("Chip_0", None, "CBC")):
            place = place_of(f"{DETECTOR}/Hybrid_3/{folder}/D_B(0)_O(1)_H(3)_X_Chip(0)")
            self.assertEqual(chip_type(place, channels), kind)

    def test_files_are_known_by_their_names(self) -> None:
        names = ("MonitorDQM_1.root", "Results.root", "a.log", "BE0.xml", "BE0_OG0_FE0_Chip0SSA.txt", "x.raw", "README")
        self.assertEqual(
            [kind_of(f"sub/{name}") for name in names], ["monitor", "root", "log", "config", "text", "data", "other"]
        )
        self.assertEqual(inner_number("Run000042_SCurve.root"), (42, "SCurve"))
        self.assertIsNone(inner_number("Results.root"))
        self.assertEqual([outer_number(n) for n in ("Run_7", "Run_7_out_x", "Run_x", "Run7")], [7, 7, None, None])

    def test_each_line_is_heard_once(self) -> None:
        own = ["logs/Ph2_ACF.log", "logs/Ph2_ACF_debug.log"]
        for names, heard in [
            (["stderr.log", "stdout.log", *own], ["stderr.log", "stdout.log"]),
            (["stdout", "Run_7.log"], ["stdout"]),
            ([*own, "Run_7.log"], ["Run_7.log"]),
            (own, own[:1]),
            (own[1:], own[1:]),
            (["a.txt"], []),
        ]:
            with self.subTest(names):
                self.assertEqual(logs_of(names), heard)

    def test_a_calibration_is_known_by_its_stages(self) -> None:
        self.assertEqual(calibration_of(("PedeNoise",)), "pedenoise")
        self.assertEqual(calibration_of(("PedeNoise", "other")), "")
        self.assertEqual(calibration_of(()), "")


class TestConfig(unittest.TestCase):
    def test_what_is_enabled_is_read_with_hybrids_numbered_over_all_modules(self) -> None:
        config = parse_config(CONFIG)
        self.assertEqual((config.tracker, config.flavour, config.settings), ("OT", "PS", {"Nevents": "1000"}))
        chips = [(c.hybrid, c.chip, c.chip_type, c.noise, c.pedestal) for c in config.chips]
        self.assertEqual(chips, [(3, 0, "SSA", 3.5, 8.0), (3, 8, "MPA", None, None)])

    def test_bad_ones_are_refused_with_their_code(self) -> None:
        bomb = b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
        for content, code in [
            (b"not xml", "config_not_xml"),
            (b"", "config_not_xml"),
            (CONFIG[:200], "config_not_xml"),
            (b"\xff\xfe\x00", "config_not_xml"),
            (CONFIG.replace(b'Id="0" b', b'Id="zero" b'), "config_not_xml"),
            (bomb, "config_not_xml"),
            (b"<BeBoardRegister/>", "config_no_board"),
        ]:
            with self.subTest(content), self.assertRaises(BadConfig) as raised:
                parse_config(content)
            self.assertEqual(raised.exception.failure.code, code)

    def test_the_real_one(self) -> None:
        config = parse_config((real_run() / "Configuration.xml").read_bytes())
        self.assertEqual((len(config.chips), config.flavour, len(config.settings)), (32, "PS", 131))
        by_chip = {(c.hybrid, c.chip): c.noise for c in config.chips}
        self.assertEqual((by_chip[0, 0], by_chip[0, 15]), (3.852640, 2.272369))


class TestTrims(unittest.TestCase):
    def test_each_type_of_chip(self) -> None:
        line = "{}  0x00\t0x01\t0x0F\t0x{:02X}\n"
        for name, register, channel in [
            ("BE0_OG1_FE1_Chip8MPA.txt", "TrimDAC_C97_R15", 15 * 120 + 97),
            ("BE0_OG1_FE1_Chip0SSA.txt", "THTRIMMING_S120", 119),
            ("BE0_OG1_FE1_Chip0CBC.txt", "Channel254", 253),
            ("BE0_OG1_FE1_Chip0.txt", "Channel001", 0),
        ]:
            with self.subTest(name):
                trims = trims_of(name, "* comment\n" + line.format(register, 18) + line.format("Other", 3))
                assert trims is not None
                self.assertEqual(trims.trim[channel], 18.0)
                self.assertEqual(sum(v is not None for v in trims.trim), 1)
                self.assertEqual(trims.hybrid, 3)
        self.assertIsNone(trims_of("BE0_OG0_lpGBT0.txt", ""))

    def test_the_real_ones_agree_with_the_mean_offsets_of_their_log(self) -> None:
        folder = real_run()
        for name, mean in (("BE0_OG0_FE0_Chip8MPA.txt", 14.2234), ("BE0_OG0_FE0_Chip0SSA.txt", 13.6167)):
            trims = trims_of(name, (folder / name).read_text())
            assert trims is not None
            numbers = [v for v in trims.trim if v is not None]
            self.assertEqual(len(numbers), len(trims.trim))
            self.assertAlmostEqual(sum(numbers) / len(numbers), mean, 3)


class TestVerdict(unittest.TestCase):
    def judged(self, rc=0, stopped=True, closed=True, root: Root = "whole", stamped=True, **more) -> tuple[str, str]:
        found = verdict(signs_of(rc, stopped, closed, root, stamped), root, rc, **more)
        return found.state, found.failure.code if found.failure else ""

    def test_done_needs_each_sign(self) -> None:
        self.assertEqual(self.judged(), ("done", ""))
        self.assertEqual(self.judged(rc=None), ("done", ""), "taken by hand: nobody knows the exit code")
        cases: list[tuple[dict[str, Any], str]] = [
            ({"rc": 1}, "exit_code"),
            ({"stopped": False}, "not_stopped"),
            ({"closed": False}, "not_closed"),
            ({"stopped": None, "closed": None, "rc": None}, "no_log"),
            ({"stamped": False}, "not_stamped"),
            ({"root": "none"}, "results_missing"),
            ({"root": "unclosed"}, "root_unclosed"),
            ({"root": "cut"}, "root_cut"),
            ({"rc": -6, "stamped": False}, "crashed"),
            ({"rc": -11, "root": "unclosed"}, "crashed"),
            ({"rc": -15, "stopped": False}, "killed"),
        ]
        for missing, code in cases:
            with self.subTest(missing):
                self.assertEqual(self.judged(**missing), ("failed", code))

    def test_what_the_log_names_is_the_cause(self) -> None:
        cause = failure("fc7_unreachable")
        self.assertEqual(self.judged(rc=-6, stopped=False, closed=False, cause=cause), ("failed", "fc7_unreachable"))
        self.assertEqual(self.judged(cause=failure("exception")), ("done", ""), "all four signs prove it")

    def test_what_the_log_names_counts_where_nobody_saw_the_exit_code(self) -> None:
        self.assertEqual(self.judged(rc=None, cause=failure("exception")), ("failed", "exception"))
        self.assertEqual(self.judged(rc=0, cause=failure("tuning_failed")), ("failed", "tuning_failed"))

    def test_results_may_show_what_the_program_has_not_seen(self) -> None:
        self.assertEqual(self.judged(wrong=failure("tuning_failed")), ("failed", "tuning_failed"))

    def test_aborted_is_aborted_whatever_is_there(self) -> None:
        self.assertEqual(self.judged(aborted=True), ("aborted", ""))

    def test_the_inner_tracker_has_fewer_signs(self) -> None:
        self.assertEqual(self.judged(closed=False, stamped=False, inner=True), ("done", ""))
        self.assertEqual(self.judged(rc=0, stopped=False, inner=True, closed=False)[0], "failed")
