"""Every fault of the simulated Ph2_ACF: exit status, last words, and which files are there."""

import signal
import time

import numpy as np
import uproot

from trackerdcs.tests.ph2acf_bench import PS, Ended, Ph2AcfCase

ABORTED, CRASHED = -signal.SIGABRT, -signal.SIGSEGV
NOISE = "Detector/Board_0/OpticalGroup_0/Hybrid_0/SSA_{c}/D_B(0)_O(0)_H(0)_ChannelNoise_Chip({c})"
STOPPED = "Detector/CalibrationStopTimestamp_Detector"


class FaultCase(Ph2AcfCase):
    def failing(self, fault: str, calibration: str = "pedenoise", **knobs: str) -> Ended:
        return self.outer(calibration, FAIL=fault, **knobs)

    def said(self, ended: Ended, words: str) -> bool:
        return any(words in line for line in ended.lines)

    def keys(self) -> list[str]:
        with uproot.open(self.run_folder / "Results.root") as file:
            return list(file.keys())


class TestBeforeTheRun(FaultCase):
    def test_no_run_number_is_taken(self) -> None:
        for fault, words in (
            ("host", "Host not found (authoritative)"),
            ("fc7", "ControlHub returned error code 3"),
            ("nofw", "ExceptionHandler Error: No object enabled in fDetectorContainer"),
            ("link", "lpGBT link failed to LOCK!"),
            ("badcalib", "Error: calibration tag pedenoise does not exist"),
        ):
            with self.subTest(fault):
                ended = self.failing(fault)
                self.assertEqual(ended.rc, ABORTED)
                self.assertIn("terminate called after throwing", ended.errors.splitlines()[0])
                self.assertIn(words, ended.errors.splitlines()[-1])
                self.assertFalse(self.said(ended, "Run 1 started"))
                self.assertEqual(self.said(ended, "lpGBT TX Ready\t : FAILED"), fault == "nofw")
                self.assertFalse((self.here / "RunNumbers.dat").exists())
                self.assertFalse((self.here / "Results").exists())
                self.assertTrue((self.here / "SIMULATED").exists())


class TestInTheRun(FaultCase):
    def test_an_exception_in_a_stage_saves_what_there_is_and_aborts(self) -> None:
        ended = self.failing("crash@PedeNoise", "calibrationandpedenoise")
        self.assertEqual(ended.rc, ABORTED)
        self.assertIn("what():  PedeNoise: too many events were lost", ended.errors)
        for words in ("Caught exception", "Run 1 stopped", "Closing result file"):
            self.assertTrue(self.said(ended, words), words)
        self.assertFalse(self.said(ended, "Done with noise"))
        keys = " ".join(self.keys())
        self.assertIn("OffsetValues", keys)
        self.assertNotIn("ChannelNoise", keys)

    def test_a_segmentation_fault_leaves_an_unclosed_file(self) -> None:
        ended = self.failing("segv@OTalignBoardDataWord")
        self.assertEqual(ended.rc, CRASHED)
        self.assertFalse(self.said(ended, "Done with OTalignBoardDataWord"))
        self.assertEqual(self.keys(), [])
        self.assertEqual({path.name for path in self.run_folder.iterdir()}, {"Results.root", "SIMULATED"})
        self.assertFalse(any(self.here.glob("core*")))

    def test_a_hanging_program_says_nothing_and_ignores_sigint(self) -> None:
        process = self.start("runCalibration", "-b", "-f", PS, "-c", "alignment", FAIL="hang@OTCICphaseAlignment")
        self.read_until(process, "Starting CIC automated phase alignment")
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        self.assertIsNone(process.poll())
        process.kill()
        self.assertEqual(self.end(process).lines, [])
        self.assertEqual(self.keys(), [])

    def test_a_slow_one_takes_five_times_as_long(self) -> None:
        taken: list[float] = []
        for fault in ("i2c", "slow"):
            self.assertEqual(self.failing(fault, "alignment", SPEED="40").rc, 0)
            number = len(taken) + 1
            stages = self.truth(self.here / f"Results/Run_{number}/truth.json")["stages"]
            taken.append(stages[0]["t1"] - stages[0]["t0"])
        self.assertAlmostEqual(taken[0], 12 / 40, delta=0.25)
        self.assertGreater(taken[1], 3 * taken[0])

    def test_i2c_errors_are_no_failure(self) -> None:
        ended = self.failing("i2c", "PSfullTestPart1")
        self.assertEqual(ended.rc, 0)
        self.assertEqual(len([line for line in ended.lines if "|E| " in line]), 4)
        self.assertEqual((self.here / "logs" / "Ph2_ACF_err.log").read_text(encoding="utf-8").count("\n"), 4)


class TestResults(FaultCase):
    def test_a_tuning_that_failed(self) -> None:
        ended = self.failing("tuning")
        self.assertEqual(ended.rc, 0)
        with uproot.open(self.run_folder / "Results.root") as file:
            for chip, wrong in ((0, 0.0), (1, 666.0), (2, 20.0)):
                np.testing.assert_array_equal(file[NOISE.format(c=chip)].values(), np.full(120, wrong))
            self.assertLess(file[NOISE.format(c=3)].values().mean(), 5)
        self.assertTrue(self.said(ended, "Hybrid 0 ReadoutChip 0 Channel row 0 col 0, forcing it to 0."))

    def test_a_chip_that_is_missing(self) -> None:
        self.assertEqual(self.failing("deadchip").rc, 0)
        keys = self.keys()
        self.assertEqual(self.truth()["missing_chips"], [3])
        self.assertFalse([key for key in keys if "Hybrid_0/SSA_3/" in key])
        self.assertTrue([key for key in keys if "Hybrid_1/SSA_3/" in key])

    def test_a_disk_that_is_full(self) -> None:
        ended = self.failing("disk")
        self.assertEqual(ended.rc, ABORTED)
        self.assertIn("No space left on device", ended.errors)
        self.assertTrue(
            self.said(ended, "SysError in <TFile::WriteBuffer>: error writing to file Results/Run_1/Results.root")
        )
        self.assertFalse(self.said(ended, "Closing result file"))
        self.assertEqual(self.keys(), [])

    def test_a_file_cut_in_half(self) -> None:
        ended = self.failing("trunc")
        self.assertEqual((ended.rc, self.said(ended, "Closing result file")), (0, True))
        with self.assertRaises(OSError):
            self.keys()

    def test_a_file_that_nobody_closed(self) -> None:
        ended = self.failing("zombie")
        self.assertEqual((ended.rc, self.said(ended, "Run 1 stopped")), (0, True))
        self.assertFalse(self.said(ended, "Closing result file"))
        self.assertEqual(self.keys(), [])

    def test_another_module(self) -> None:
        fuses: list[list[int]] = []
        for fault in ("i2c", "fuse"):
            self.assertEqual(self.failing(fault, "alignment", FUSE="ec2acd51").rc, 0)
            fuses.append(self.truth(self.here / f"Results/Run_{len(fuses) + 1}/truth.json")["fuse_ids"])
        self.assertEqual(fuses[0], [0xEC2ACD51])
        self.assertNotEqual(*fuses)

    def test_a_number_that_comes_again(self) -> None:
        for _ in range(2):
            ended = self.failing("dupnumber", "alignment")
            self.assertEqual((ended.rc, self.said(ended, "Run 1 started")), (0, True))
        self.assertFalse((self.here / "RunNumbers.dat").exists())

    def test_faults_come_together(self) -> None:
        ended = self.failing("i2c,zombie", "PSfullTestPart1")
        self.assertEqual(ended.rc, 0)
        self.assertFalse(self.said(ended, "Closing result file"))
        self.assertTrue(self.said(ended, "|E| "))
