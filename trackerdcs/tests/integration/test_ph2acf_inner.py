"""The simulated CMSITminiDAQ as a real program: options, exit statuses, run numbers, signals, progress and files."""

import re
import signal
import subprocess

import uproot

from trackerdcs.tests.ph2acf_bench import CROC, PS, Ended, Ph2AcfCase

LINE = re.compile(r"^\|(0[1-9]|1[0-2]):\d\d:\d\d\|[IWEDF]\|")
PROGRESS = re.compile(r"Progress\s*:\s*([\d.]+)%")
CHIP = "Detector/Board_0/OpticalGroup_0/Hybrid_0/Chip_{c:02d}/D_B(0)_O(0)_H(0)_{what}_Chip({c})"


class TestOptions(Ph2AcfCase):
    def test_a_wrong_command_line_ends_with_1(self) -> None:
        for arguments, words in (
            (("-h",), "scurve"),
            ((), "--file is needed"),
            (("--nonsense",), "Unknown option"),
            (("-f", str(CROC), "-c", "physics", "-t", "soon"), "expected seconds"),
            (("-f", str(CROC), "-b", "missing.raw"), "no file missing.raw"),
            (("-f", str(CROC), "-c", "../nonsense"), "|E|Option not recognized: ../nonsense"),
        ):
            with self.subTest(arguments):
                ended = self.end(self.start("CMSITminiDAQ", *arguments))
                self.assertEqual(ended.rc, 1)
                self.assertIn(words, "\n".join(ended.lines))
        self.assertFalse((self.here / "RunNumber.txt").exists())

    def test_short_errands_end_with_0_and_take_no_number(self) -> None:
        for arguments, words in (
            (("-r",), "Resetting the board"),
            (("-p",), "End of CMSIT miniDAQ"),
            (("-d",), "Registers of chip 12"),
            (("-p", "--capture", "c.bin"), "Hardware initialization done"),
        ):
            with self.subTest(arguments):
                ended = self.end(self.start("CMSITminiDAQ", "-f", CROC, *arguments))
                self.assertEqual(ended.rc, 0)
                self.assertIn(words, "\n".join(ended.lines))
        self.assertFalse((self.here / "RunNumber.txt").exists())

    def test_chips_of_the_outer_tracker_are_refused(self) -> None:
        ended = self.inner("scurve", PS)
        self.assertEqual((ended.rc, "no chip of the Inner Tracker" in ended.errors), (-signal.SIGABRT, True))


class TestRun(Ph2AcfCase):
    def said(self, ended: Ended) -> str:
        return "\n".join(ended.lines)

    def test_an_s_curve_scan_of_a_quad(self) -> None:
        (self.here / "RunNumber.txt").write_text("42\n", encoding="ascii")
        ended = self.inner("scurve", SPEED="1000")
        self.assertEqual((ended.rc, ended.errors), (0, ""))
        self.assertEqual([line for line in ended.lines if not LINE.match(line)], [])
        self.assertIn("\x1b[A" * 5, ended.raw)
        percents = [float(found) for found in PROGRESS.findall(self.said(ended))]
        self.assertEqual((percents, percents[-1]), (sorted(percents), 100.0))
        for words in (
            "@@@ Initializing the Hardware @@@",
            "@@@ Hardware initialization done @@@",
            "@@@ Performing SCurve scan @@@",
            "\t--> SCurve saving histograms...",
            "\t--> SCurve saved the configuration file for [board/opticalGroup/hybrid/chip = 0/0/0/15]",
            "@@@ End of CMSIT miniDAQ @@@",
        ):
            self.assertIn(words, self.said(ended))
        self.assertEqual((self.here / "RunNumber.txt").read_text(encoding="ascii"), "43\n")
        results = self.here / "Results"
        texts = {f"Run000042_CMSIT_RD53B_{n}.txt" for n in (12, 13, 14, 15)}
        made = {"Run000042_SCurve.root", "Run000042_SCurve_truth.json", "SIMULATED"}
        self.assertEqual({path.name for path in results.iterdir()}, texts | made)
        self.assertTrue((self.here / "CMSIT_RD53B_12.txt").exists(), "UpdateChipCfg")
        self.assertTrue((self.here / "logs" / "CMSITminiDAQ000042_scurve.log").stat().st_size)
        for chip in self.truth(results / "Run000042_SCurve_truth.json")["chips"]:
            with uproot.open(results / "Run000042_SCurve.root") as file:
                noise = file[CHIP.format(c=chip["chip"], what="Noise2D")].values()
            self.assertEqual(noise.shape, (432, 336))
            dead = {int(row) * 432 + int(column) for column, row in zip(*(noise == -2).nonzero(), strict=True)}
            self.assertEqual(dead, set(chip["bad"]))
            self.assertAlmostEqual(noise[noise > 0].sum() / chip["n"], chip["noise_mean"], places=2)
            average = rf"chip = 0/0/0/{chip['chip']}\] is ([\d.]+) \(Delta_VCal\)"
            found = re.search(average, self.said(ended))
            assert found is not None
            self.assertAlmostEqual(float(found[1]), chip["pedestal_mean"], delta=0.2)

    def test_the_number_is_counted_only_at_the_end_of_a_good_run(self) -> None:
        for fault, rc in (("crash", -signal.SIGABRT), ("segv", -signal.SIGSEGV), ("dupnumber", 0)):
            with self.subTest(fault):
                self.assertEqual(self.inner("latency", FAIL=fault).rc, rc)
                self.assertFalse((self.here / "RunNumber.txt").exists())
                self.assertTrue((self.here / "Results" / "Run000000_Latency.root").exists())
        self.assertEqual(self.inner("latency").rc, 0)
        self.assertEqual((self.here / "RunNumber.txt").read_text(encoding="ascii"), "1\n")

    def test_faults(self) -> None:
        for fault, rc, words in (
            ("host", -signal.SIGABRT, "Host not found (authoritative)"),
            ("fc7", -signal.SIGABRT, "ControlHub returned error code 3"),
            ("nofw", -signal.SIGABRT, "Clock generator is not locked"),
            ("link", -signal.SIGABRT, "LpGBT chip not configured, reached maximum number of attempts"),
            ("badcalib", 1, "|E|Option not recognized: latency"),
            ("tuning", 0, "Best VCAL_HIGH value for [board/opticalGroup/hybrid/chip = 0/0/0/12] was not found <<<"),
            ("i2c", 0, "|E|I2C"),
            ("disk", -signal.SIGABRT, "No space left on device"),
            ("zombie", 0, "@@@ End of CMSIT miniDAQ @@@"),
        ):
            with self.subTest(fault):
                ended = self.inner("latency", FAIL=fault)
                self.assertEqual(ended.rc, rc)
                self.assertIn(words, self.said(ended) + ended.errors)

    def test_files_that_are_broken(self) -> None:
        self.assertEqual(self.inner("latency", FAIL="trunc").rc, 0)
        content = (self.here / "Results" / "Run000000_Latency.root").read_bytes()
        self.assertEqual(int.from_bytes(content[12:16], "big") // 2, len(content), "its header says where it ends")
        self.assertEqual(self.inner("latency", FAIL="zombie").rc, 0)
        with uproot.open(self.here / "Results" / "Run000001_Latency.root") as file:
            self.assertEqual(file.keys(), [])
        self.assertEqual(self.inner("latency", FAIL="deadchip").rc, 0)
        with uproot.open(self.here / "Results" / "Run000002_Latency.root") as file:
            self.assertFalse([key for key in file.keys() if "Chip_13/" in key])  # noqa: SIM118  a file is no dictionary

    def test_sigint_ends_it_and_a_supervisor_gets_1(self) -> None:
        for extra, rc in (((), -signal.SIGINT), (("-s",), 1)):
            with self.subTest(extra):
                process = self.start("CMSITminiDAQ", "-f", CROC, "-c", "scurve", *extra, SPEED="20")
                self.read_until(process, "Progress")
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(20), rc)

    def test_a_hanging_program_ignores_sigint(self) -> None:
        process = self.start("CMSITminiDAQ", "-f", CROC, "-c", "latency", FAIL="hang")
        self.read_until(process, "50.0%")
        self.read_until(process, "****")
        for _ in range(2):
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(0.5)
            process.send_signal(signal.SIGINT)
