"""The simulated runCalibration as a real program: options, exit statuses, run numbers, signals, log and files."""

import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ET

import numpy as np
import uproot

from trackerdcs.sim.ph2acf.place import BIN
from trackerdcs.tests.ph2acf_bench import PS, TWO_S, Ph2AcfCase

LINE = re.compile(r"^(\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d): \|(\d+)\|([IWEDF])\| (.*)$")
CHIP = "Detector/Board_0/OpticalGroup_0/Hybrid_{h}/{kind}_{c}/D_B(0)_O(0)_H({h})_{what}_Chip({c})"


class TestOptions(Ph2AcfCase):
    def ended(self, *arguments: str, **knobs: str) -> tuple[int, str]:
        ended = self.end(self.start("runCalibration", *arguments, **knobs))
        return ended.rc, "\n".join(ended.lines) + ended.errors

    def test_the_scripts_are_executable_files_of_the_package(self) -> None:
        for name in ("runCalibration", "CMSITminiDAQ"):
            self.assertTrue((BIN / name).stat().st_mode & 0o100, name)

    def test_help_lists_calibrations_and_ends_with_1(self) -> None:
        rc, said = self.ended("-h")
        self.assertEqual(rc, 1)
        for words in ("Common", "Outer Tracker", "2S Module", "PS Module", "Inner Tracker", "\tPSquickTest", "--batch"):
            self.assertIn(words, said)

    def test_a_command_line_that_is_wrong_ends_with_1(self) -> None:
        config = str(PS)
        for arguments, words in (
            (("--nonsense",), "Unknown option: --nonsense"),
            (("-b", "-c", "alignment"), "Exactly one of"),
            (("-b", "-c", "alignment", "-f", config, "-l"), "Exactly one of"),
            (("-b", "-c", "alignment", "-f"), "needs a value"),
            (("-b=1", "-c", "alignment", "-f", config), "takes no value"),
            (("-b", "-f", config), "--calibration is needed"),
            (("-b", "-l", "-c", "alignment"), "There is no run in"),
        ):
            with self.subTest(arguments):
                rc, said = self.ended(*arguments)
                self.assertEqual(rc, 1)
                self.assertIn(words, said)
        self.assertEqual(list(self.here.iterdir()), [])

    def test_without_the_environment_of_ph2acf_it_ends_with_1(self) -> None:
        rc, said = self.ended("-b", "-f", str(PS), "-c", "alignment", PH2ACF_BASE_DIR="")
        self.assertEqual((rc, "You must source setup.sh" in said), (1, True))

    def test_a_variable_that_makes_no_sense_ends_with_2(self) -> None:
        for knobs in ({"FAIL": "bogus"}, {"FAIL": "crash@nowhere"}, {"FAIL": "i2c@PedeNoise"}, {"SPEED": "0"}):
            with self.subTest(knobs):
                rc, said = self.ended("-b", "-f", str(PS), "-c", "alignment", **knobs)
                self.assertEqual(rc, 2)
                self.assertIn(f"TRACKERDCS_PH2ACF_{next(iter(knobs))}", said)

    def test_an_unknown_calibration_aborts(self) -> None:
        ended = self.outer("foo")
        self.assertEqual(ended.rc, -signal.SIGABRT)
        self.assertIn("terminate called after throwing", ended.errors)
        self.assertIn("  what():  Error: calibration tag foo does not exist", ended.errors)

    def test_a_configuration_that_is_none_aborts_without_a_run_number(self) -> None:
        for text, words in (
            (None, "cannot open"),
            ("<Hw", "is not XML"),
            ("<HwDescription/>", "names no BeBoard"),
            ('<HwDescription><BeBoard Id="0"/></HwDescription>', "No object enabled in fDetectorContainer"),
            ('<HwDescription><BeBoard Id="x"><OpticalGroup/></BeBoard></HwDescription>', "no number as Id"),
        ):
            config = self.here / "config.xml"
            config.unlink(missing_ok=True)
            if text is not None:
                config.write_text(text, encoding="utf-8")
            with self.subTest(words):
                ended = self.outer("alignment", config)
                self.assertEqual(ended.rc, -signal.SIGABRT)
                self.assertIn(words, ended.errors)
        self.assertFalse((self.here / "RunNumbers.dat").exists())

    def test_it_does_not_write_beside_results_that_are_not_simulated(self) -> None:
        (self.here / "Results" / "Run_1").mkdir(parents=True)
        rc, said = self.ended("-b", "-f", str(PS), "-c", "alignment")
        self.assertEqual((rc, "perhaps real ones" in said), (2, True))
        self.assertEqual([path.name for path in self.here.iterdir()], ["Results"])
        (self.here / "Results" / "Run_1").rmdir()
        given = self.here / "given"
        given.mkdir()
        (given / "Results.root").write_text("real", encoding="ascii")
        rc, said = self.ended("-b", "-f", str(PS), "-c", "alignment", GIPHT_RESULT_FOLDER="given")
        self.assertEqual((rc, "perhaps real ones" in said), (2, True))
        self.assertEqual((given / "Results.root").read_text(encoding="ascii"), "real")


class TestRunNumbers(Ph2AcfCase):
    def test_one_a_run_in_the_working_folder_and_earlier_runs_can_be_taken(self) -> None:
        (self.here / "RunNumbers.dat").write_text("17\n41\n", encoding="ascii")
        self.assertEqual(self.outer("alignment").rc, 0)
        self.assertEqual((self.here / "RunNumbers.dat").read_text(encoding="ascii"), "17\n41\n42\n")
        for again in (("-r", "42"), ("-l",)):
            process = self.start("runCalibration", "-b", *again, "-c", "alignment")
            self.assertEqual(self.end(process).rc, 0)
        names = {path.name for path in (self.here / "Results").iterdir()}
        self.assertEqual(names, {"Run_42", "Run_43", "Run_44"})

    def test_the_folder_can_be_given(self) -> None:
        ended = self.outer("alignment", GIPHT_RESULT_FOLDER="given/place")
        self.assertIn("Closing result file: given/place/Results.root", "\n".join(ended.lines))
        self.assertTrue((self.here / "given/place/SIMULATED").exists())


class TestSignals(Ph2AcfCase):
    def interrupted(self, number: signal.Signals) -> int:
        process = self.start("runCalibration", "-b", "-f", PS, "-c", "PSquickTest", SPEED="1")
        self.read_until(process, "@@@ Configuring HW")
        process.send_signal(number)
        return process.wait(20)

    def test_sigint_aborts_and_sigterm_ends(self) -> None:
        self.assertEqual(self.interrupted(signal.SIGINT), -signal.SIGABRT)
        self.assertEqual(self.interrupted(signal.SIGTERM), -signal.SIGTERM)

    def test_sigint_in_a_run_loses_its_histograms(self) -> None:
        process = self.start("runCalibration", "-b", "-f", PS, "-c", "eyeOpening", SPEED="20")
        self.read_until(process, "Starting OTLpGBTEyeOpeningTest")
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.end(process).rc, -signal.SIGABRT)
        with uproot.open(self.run_folder / "Results.root") as file:
            self.assertEqual(file.keys(), [])
        self.assertTrue((self.run_folder / "SIMULATED").exists())

    def test_without_batch_it_stays_for_ever(self) -> None:
        process = self.start("runCalibration", "-f", PS, "-c", "configureonly")
        self.read_until(process, "elapsed time")
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), -signal.SIGABRT)


class TestRun(Ph2AcfCase):
    def test_a_quick_test_of_a_ps_module(self) -> None:
        begun = time.monotonic()
        ended = self.outer("PSquickTest", SPEED="1000", FUSE="ec2acd51")
        self.assertLess(time.monotonic() - begun, 60)  # a few seconds on a machine of one's own
        self.assertEqual((ended.rc, ended.errors), (0, ""))
        self.log(ended.raw, ended.lines)
        self.files()
        self.root()
        self.configuration()
        self.monitor()

    def log(self, raw: str, lines: list[str]) -> None:
        self.assertIn("\x1b[1m\x1b[34mTool created\x1b[0m", raw)
        said = [found for line in lines if (found := LINE.match(line))]
        self.assertGreater(len(said), 200)
        self.assertLess(len(said), len(lines) - 20, "no raw lines")
        self.assertEqual(len({found[2] for found in said}), 2, "main and calibration thread")
        text = "\n".join(lines)
        for pattern in (
            r"HW SUMMARY[\s\S]*END OF HW SUMMARY",
            r"D19cLinkInterface:GetLinkStatus\t... lpGBT TX Ready\t : LOCKED",
            r"FuseID from LpGBT optical group 0 on Board 0: 0xec2acd51$",
            r"FuseID from SSA2#0 Pos \d+ Wafer \d+ Lot 8 ",
            r"Run 1 started$",
            r"VCth value for BeBoard 0 OpticalGroup 0 Hybrid 1 Chip 15 = 20\d$",
            r"Mean offset on Chip0 is : 1[0-9.]+ Vcth units\.$",
            r"Strip Threshold =  8\d -- Occupancy = 0\.\d\d -- ",
            r"^int main\(int, char\*\*\)Supervisor Sending Stop!!!$",
            r"Closing result file: Results/Run_1/Results\.root$",
            r"Closing monitor result file: MonitorResults/MonitorDQM_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.root$",
            r"^Total execution time:  finished at: .*\n\telapsed time: [\d.]+ seconds$",
        ):
            self.assertRegex(text, re.compile(pattern, re.M))
        self.assertEqual([found[0] for found in said if found[3] == "E"], [])
        for chip in self.truth()["chips"]:
            for channel in chip["bad"]:
                where = f"Board 0 Optical Group 0 Hybrid {chip['hybrid']} ReadoutChip {chip['chip']}"
                where += f" Channel row {channel // 120} col {channel % 120}"
                self.assertIn(f"Problem in deriving noise for {where}, forcing it to 0.", text)

    def files(self) -> None:
        names = {path.name for path in self.run_folder.iterdir()}
        chips = {f"BE0_OG0_FE{h}_Chip{c}{'SSA' if c < 8 else 'MPA'}.txt" for h in (0, 1) for c in range(16)}
        others = {"BE0_OG0_FE0_CIC.txt", "BE0_OG0_FE1_CIC.txt", "BE0_OG0_lpGBT0.txt", "BE0_OG0_VTRx0.txt"}
        made = {"Results.root", "Configuration.xml", "BE0_Config.xml", "truth.json", "SIMULATED"}
        self.assertEqual(names, chips | others | made)
        for folder in (".", "MonitorResults"):
            self.assertTrue((self.here / folder / "SIMULATED").exists(), folder)
        self.assertTrue((self.here / "logs" / "Ph2_ACF_warn.log").stat().st_size)
        mpa = (self.run_folder / "BE0_OG0_FE1_Chip9MPA.txt").read_text(encoding="ascii")
        trims = {name: int(value, 16) for name, value in re.findall(r"^(TrimDAC_C\d+_R\d+) .*\t0x(\w+)$", mpa, re.M)}
        offset = next(c for c in self.truth()["chips"] if (c["hybrid"], c["chip"]) == (1, 9))["offset"]
        self.assertEqual([trims[f"TrimDAC_C{n % 120}_R{n // 120}"] for n in range(1920)], offset)

    def root(self) -> None:
        truth = self.truth()
        self.assertEqual(len(truth["chips"]), 32)
        with uproot.open(self.run_folder / "Results.root") as file:
            self.assertEqual(file["Detector/CalibrationName_Detector"], "PSquickTest")
            self.assertIn("Detector/CalibrationStopTimestamp_Detector", file)
            group = "Detector/Board_0/OpticalGroup_0/D_B(0)_LpGBTFuseId_OpticalGroup(0)"
            self.assertEqual(int(file[group]), 0xEC2ACD51)
            for chip in truth["chips"]:
                place = {"h": chip["hybrid"], "kind": chip["kind"], "c": chip["chip"]}
                for what, key in (
                    ("ChannelNoise", "noise"),
                    ("ChannelPulseHeight", "pedestal"),
                    ("OffsetValues", "offset"),
                ):
                    histogram = file[CHIP.format(what=what, **place)]
                    self.assertEqual(histogram.classname, "TH1I" if key == "offset" else "TH1F")
                    np.testing.assert_allclose(histogram.values(), chip[key], rtol=1e-6)
                spread = file[CHIP.format(what="NoiseDistribution", **place)]
                self.assertEqual(spread.values().sum(), chip["n"])
                curves = file[CHIP.format(what="SCurve", **place)]
                self.assertEqual(curves.values().shape, (chip["n"], 255))
            two = file[CHIP.format(what="2DChannelNoise", h=0, kind="MPA", c=8)].values()
            noise = next(c for c in truth["chips"] if (c["hybrid"], c["chip"]) == (0, 8))["noise"]
            self.assertAlmostEqual(float(two[7, 3]), noise[3 * 120 + 7], places=4)
            whole = file["Detector/Board_0/OpticalGroup_0/Hybrid_1/D_B(0)_O(0)_StripChannelNoise_Hybrid(1)"]
            self.assertEqual(len(whole.values()), 960)

    def configuration(self) -> None:
        tree = ET.parse(self.run_folder / "Configuration.xml")
        found = {
            (h.get("Id"), chip.get("Id")): float(chip.get("noise", "nan"))
            for h in tree.iter("Hybrid")
            for chip in (*h.findall("SSA2"), *h.findall("MPA2"))
        }
        for chip in self.truth()["chips"]:
            self.assertAlmostEqual(found[str(chip["hybrid"]), str(chip["chip"])], chip["noise_mean"], places=5)

    def monitor(self) -> None:
        (path,) = (self.here / "MonitorResults").glob("MonitorDQM_*.root")
        with uproot.open(path) as file:
            graphs = [name for name, kind in file.classnames().items() if kind == "TGraph"]
            self.assertEqual(len(graphs), 103)
            graph = file["Detector/Board_0/OpticalGroup_0/D_B(0)_LpGBT_DQM_LpGBTtemp_OpticalGroup(0)"]
            x, y = graph.values()
            self.assertLess(abs(x[-1] - time.time()), 300)
            self.assertEqual((round(y[0]), round(y[5])), (51, 29))

    def test_a_2s_module(self) -> None:
        self.assertEqual(self.outer("calibrationandpedenoise", TWO_S).rc, 0)
        chips = self.truth()["chips"]
        self.assertEqual({(c["kind"], c["n"]) for c in chips}, {("CBC", 254)})
        with uproot.open(self.run_folder / "Results.root") as file:
            for chip in chips:
                place = {"h": chip["hybrid"], "kind": "Chip", "c": chip["chip"]}
                np.testing.assert_allclose(
                    file[CHIP.format(what="ChannelNoise", **place)].values(), chip["noise"], rtol=1e-6
                )
                top = file[CHIP.format(what="ChannelNoiseTop", **place)].values()
                np.testing.assert_allclose(top, chip["noise"][1::2], rtol=1e-6)
                curve = file[CHIP.format(what="SCurve", **place)].values()
                self.assertEqual((curve.shape, curve[0, 570] < 0.1, curve[0, 615] > 0.9), ((254, 1024), True, True))

    def test_the_same_seed_is_the_same_module(self) -> None:
        for _ in range(2):
            self.assertEqual(self.outer("pedenoise").rc, 0)
        first, second = (self.truth(self.here / f"Results/Run_{n}/truth.json")["chips"][0]["noise"] for n in (1, 2))
        self.assertNotEqual(first, second)
        np.testing.assert_allclose(first, second, atol=0.15)

    def test_histograms_by_channel_only_when_asked_for(self) -> None:
        config = self.here / "one.xml"
        text = PS.read_text(encoding="utf-8")
        text = re.sub(r'(<(?:SSA2|MPA2) Id="(?!0")\d+") enable="1"', r'\1 enable="0"', text)
        config.write_text(text, encoding="utf-8")
        self.assertEqual(self.outer("pedenoise", config, CHANNELS="1").rc, 0)
        with uproot.open(self.run_folder / "Results.root") as file:
            folder = file["Detector/Board_0/OpticalGroup_0/Hybrid_0/SSA_0/Channel"]
            self.assertEqual(len(folder.keys()), 120)
            self.assertIn("D_B(0)_O(0)_H(0)_C(0)_SCurve_Channel(5);1", folder)
