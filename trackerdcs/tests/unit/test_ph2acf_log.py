"""What Ph2_ACF says: lines of both dialects, the story of a whole log, what counts as a failure, how far a run is."""

import unittest

from trackerdcs.domain.ph2acf.failures import FAILURES, found_in
from trackerdcs.domain.ph2acf.layout import STAGES, calibration_of
from trackerdcs.domain.ph2acf.log import Line, line_of, said
from trackerdcs.domain.ph2acf.progress import expected_stages, progress_of, weights_of
from trackerdcs.domain.ph2acf.story import Story
from trackerdcs.domain.run import Run, Stage
from trackerdcs.tests.ph2acf_data import ERRORS, NUMBER, WARNINGS, real_run

S = 1_000_000_000
T = "29.05.2025 15:59:47: |140489373334720|I| "
SHORT_RUN = f"""{T}\x1b[32mConfigured\x1b[0m
{T}\x1b[1m\x1b[34mRun 7 started\x1b[0m
29.05.2025 15:59:50: |1|I| Starting Pedestal Equalization
void X::y() talk
29.05.2025 16:00:00: |1|I| Pedestal Equalization stopped.
29.05.2025 16:00:00: |1|I| Starting noise measurement
29.05.2025 16:00:01: |1|E| I2C write failed
29.05.2025 16:00:02: |1|W| Problem in deriving noise for Board 0 Optical Group 0 Hybrid 0 ReadoutChip 10 """
SHORT_RUN += """Channel row 15 col 97, forcing it to 0.
29.05.2025 16:00:05: |1|I| Noise measurement stopped.
29.05.2025 16:00:06: |1|I| Closing result file: Results/Run_7/Results.root
29.05.2025 16:00:06: |1|I| Run 7 stopped
"""


def heard(text: str) -> Story:
    story = Story()
    for line in text.splitlines():
        story.hear(line)
    return story


class TestLine(unittest.TestCase):
    def test_both_dialects_lose_their_colours(self) -> None:
        for raw, line in [
            (f"{T}\x1b[1m\x1b[34mTool created\x1b[0m\r\n", Line("Tool created", "I", "2025-05-29 15:59:47")),
            ("|03:59:47|E|Option not recognized: x", Line("Option not recognized: x", "E", "03:59:47")),
            ("29.05.2022 15:59: |1|W| old", Line("old", "W", "2022-05-29 15:59")),
            ("15:59 |1|E|file.cc|12| bad", Line("file.cc|12| bad", "E", "15:59")),
            ("\x1b[Avoid X::y() talk", Line("void X::y() talk")),
        ]:
            with self.subTest(raw):
                self.assertEqual(line_of(raw), line)

    def test_what_means_something_is_found(self) -> None:
        for text, kind, value in [
            ("Run 42 started", "run_started", "42"),
            ("Starting OTCICBX0Alignment measurement.", "stage_started", "OTCICBX0Alignment"),
            ("Starting noise measurement", "stage_started", "PedeNoise"),
            ("Done with Pedestal Equalization", "stage_done", "PedestalEqualization"),
            ("Noise measurement stopped.", "stage_stopped", "PedeNoise"),
            (">>> Progress:      12.5% <<<", "progress", "12.5"),
            (">>>> Progress :  99.9% <<<<", "progress", "99.9"),
            ("@@@ Performing SCurve scan @@@", "stage_started", "SCurve"),
            ("FuseID from LpGBT optical group 1 on Board 0: 0xec2acd51", "fuse_id", "0xec2acd51"),
            ("D19cLinkInterface:GetLinkStatus\t... lpGBT TX Ready\t : FAILED", "link", "FAILED"),
        ]:
            with self.subTest(text):
                found = said(Line(text, "I"))
                assert found is not None
                self.assertEqual((found.kind, found.value), (kind, value))
        for talk in ("Starting CIC automated phase alignment procedure", "Starting monitoring thread", "I2C all well"):
            self.assertIsNone(said(Line(talk, "I")), talk)


class TestStory(unittest.TestCase):
    def test_a_short_run_is_told(self) -> None:
        story = heard(SHORT_RUN)
        self.assertEqual((story.number, story.configured, story.closed, story.stopped), (7, True, True, True))
        start = 1_748_534_390 * S  # 15:59:50 as if it were UTC
        self.assertEqual(
            story.stages(7200),
            (
                Stage("PedestalEqualization", start - 7200 * S, start - 7190 * S),
                Stage("PedeNoise", start - 7190 * S, start - 7185 * S),
            ),
        )
        counts = story.counts()
        self.assertEqual((counts.info, counts.warning, counts.error, counts.other, counts.i2c), (8, 1, 1, 1, 1))
        self.assertEqual([(b.chip, b.channel, b.hybrid) for b in story.bad], [(10, 15 * 120 + 97, 0)])
        self.assertEqual([event.event for event in story.events], ["error", "warning"])

    def test_a_bridge_gives_its_own_time(self) -> None:
        story = Story()
        story.hear("|03:59:47|I|@@@ Performing SCurve scan @@@", 5)
        story.hear("|04:59:47|I|@@@ End of CMSIT miniDAQ @@@", 9)
        self.assertEqual((story.first, story.last, story.stopped), (5, 9, True))
        self.assertEqual(story.stages(), (Stage("SCurve", 5, None),))

    def test_a_runaway_line_is_cut(self) -> None:
        story = heard("x" * 10_000_000)
        self.assertLess(len(story.counts().tail[0]), 1000)

    def test_the_real_log(self) -> None:
        story = Story()
        with (real_run() / f"Run_{NUMBER}.log").open(errors="replace") as log:
            for line in log:
                story.hear(line)
        counts = story.counts()
        self.assertEqual((story.number, counts.error, counts.warning), (NUMBER, ERRORS, WARNINGS))
        self.assertEqual(sum((counts.info, counts.warning, counts.error, counts.fatal, counts.debug)), 1563)
        self.assertTrue(story.stopped and story.closed and story.finished and story.configured)
        self.assertEqual(story.fuse_ids, {(0, 0): "ec2acd51"})
        self.assertEqual(len(story.bad), 8)
        self.assertIsNone(story.cause())
        names = tuple(stage.name for stage in story.stages())
        self.assertEqual(calibration_of(names), "PSquickTest")
        took = {s.name: (s.stop - s.start) // S for s in story.stages() if s.start and s.stop}
        self.assertEqual((took["OTLpGBTEyeOpeningTest"], took["PedeNoise"]), (83, 22))


class TestFailures(unittest.TestCase):
    def test_each_known_line_has_its_code(self) -> None:
        for line, code in [
            ("ControlHub returned error code 3", "fc7_unreachable"),
            ("Host not found (authoritative)", "host_unknown"),
            ("ExceptionHandler Error: No object enabled in fDetectorContainer", "link_lock"),
            ("lpGBT link failed to LOCK!", "link_lock"),
            ("Not all data lanes are active for hybrid 1", "link_lock"),
            ("Clock generator is not locked", "link_lock"),
            ("LpGBT chip not configured, reached maximum number of attempts", "link_lock"),
            ("  what():  Error: calibration tag foo does not exist", "bad_calibration"),
            ("Option not recognized: foo", "bad_calibration"),
            ("Average TDAC distribution not centered around 16 (i.e. 3)", "tuning_failed"),
            ("write: No space left on device", "disk_full"),
            ("terminate called after throwing an instance of 'X'", "exception"),
            ("You must source setup.sh or export the PH2ACF_BASE_DIR environmental variable. Exiting...", "not_set_up"),
        ]:
            with self.subTest(line):
                found = found_in(["talk", "  what():  something", line])
                assert found is not None
                self.assertEqual((found.code, found.text), (code, FAILURES[code].text))

    def test_a_link_without_clock_is_missing_firmware(self) -> None:
        story = heard(f"{T}X ... lpGBT TX Ready : FAILED\n{T}No object enabled in fDetectorContainer\n")
        cause = story.cause()
        assert cause is not None
        self.assertEqual(cause.code, "fw_not_loaded")

    def test_a_good_log_names_none(self) -> None:
        self.assertIsNone(heard(SHORT_RUN).cause())


class TestProgress(unittest.TestCase):
    def test_stages_count_by_what_they_took(self) -> None:
        expected = ("A", "B", "C")
        weights = {"A": 10.0, "B": 80.0, "C": 10.0}
        stages = [Stage("A", 0, 10 * S), Stage("B", 10 * S)]
        at = progress_of(stages, expected, weights, 50 * S)
        self.assertEqual((at.percent, at.stage, at.done, at.stages, at.left), (50.0, "B", 1, 3, 50.0))
        late = progress_of(stages, expected, weights, 500 * S)
        self.assertEqual(late.percent, 82.0)
        self.assertEqual(progress_of(stages, expected, weights, 11 * S, said=50.0).percent, 50.0)

    def test_a_silent_stage_is_over_when_the_next_begins(self) -> None:
        at = progress_of([Stage("B", 0)], ("A", "B"), {"A": 10.0, "B": 10.0}, 0)
        self.assertEqual((at.percent, at.done), (50.0, 1))

    def test_what_nobody_expects_is_counted_too_and_never_to_the_end(self) -> None:
        at = progress_of([Stage("X", 0, S)], (), {}, S)
        self.assertEqual((at.percent, at.done, at.stages), (99.0, 1, 1))
        self.assertEqual(progress_of([], (), {}, 0).percent, 0.0)

    def test_weights_and_stages_are_learnt_from_runs_that_were_done(self) -> None:
        runs = [
            Run(str(i), "done" if i else "failed", calibration="c", stages=(Stage("A", 0, took * S),))
            for i, took in enumerate((1000, 3, 5, 4))
        ]
        self.assertEqual(weights_of(runs), {"A": 4.0})
        self.assertEqual(expected_stages("c", runs), ("A",))
        self.assertEqual(expected_stages("PSquickTest", runs), STAGES["PSquickTest"])
