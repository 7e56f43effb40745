"""What a bridge has on disk: configurations of one folder, output with the times of its lines, programs found again."""

import os
import signal
import sys
import tempfile
import time
import unittest
from dataclasses import replace
from pathlib import Path

from trackerdcs.adapters.config_folder import config_content, with_settings
from trackerdcs.adapters.process_group import ProcessGroups
from trackerdcs.app.run_work import OpenRun, Tail, Work
from trackerdcs.domain.errors import InUse
from trackerdcs.domain.ph2acf.xml import BadConfig
from trackerdcs.domain.run import Run
from trackerdcs.ports_runs import MARK, Born


class InFolder(unittest.TestCase):
    def setUp(self) -> None:
        self.here = Path(self.enterContext(tempfile.TemporaryDirectory()))


class TestConfigurations(InFolder):
    def code(self, name: str) -> str:
        try:
            config_content(self.here / "configs", name)
        except BadConfig as e:
            return e.failure.code
        return ""

    def test_nothing_outside_of_the_folder(self) -> None:
        configs = self.here / "configs"
        (configs / "sub").mkdir(parents=True)
        (configs / "sub" / "a.xml").write_text("a")
        (self.here / "secret.xml").write_text("s")
        (configs / "link.xml").symlink_to(self.here / "secret.xml")
        (configs / "inside.xml").symlink_to(configs / "sub" / "a.xml")
        (configs / "up").symlink_to(self.here)
        for name, code in (
            ("sub/a.xml", ""),
            ("inside.xml", ""),
            ("link.xml", "config_outside"),
            ("up/secret.xml", "config_outside"),
            ("../secret.xml", "config_outside"),
            ("sub/../../secret.xml", "config_outside"),
            (str(self.here / "secret.xml"), "config_outside"),
            ("", "config_outside"),
            ("nosuch.xml", "config_unknown"),
            ("sub", "config_unknown"),
        ):
            with self.subTest(name):
                self.assertEqual(self.code(name), code)

    def test_settings_are_changed_in_both_ways_of_writing_them(self) -> None:
        old = b"<H><!-- keep --><Settings a='1'><Setting name='Nevents'>10</Setting></Settings></H>"
        new = with_settings(old, {"Nevents": "20", "a": "2"})
        self.assertIn(b'<Settings a="2"><Setting name="Nevents">20</Setting>', new)
        self.assertIn(b"keep", new)
        with self.assertRaises(BadConfig):
            with_settings(old, {"nosuch": "1"})
        self.assertIs(with_settings(old, {}), old)


class TestWork(InFolder):
    def test_a_line_keeps_its_time_over_a_restart_and_half_a_line_waits(self) -> None:
        path = self.here / "stdout.log"
        tail = Tail(path)
        self.assertEqual(tail.lines(1), [], "the program has not written anything yet")
        with path.open("ab") as file:
            file.write(b"one\ntw")
            file.flush()
            self.assertEqual(tail.lines(10), [("one", 10)])
            file.write(b"o\nthree\n")
            file.flush()
            self.assertEqual(tail.lines(20), [("two", 20), ("three", 20)])
            file.write(b"four\nlast")
        again = Tail(path, tuple(tail.stamps))
        self.assertEqual(again.lines(99), [("one", 10), ("two", 20), ("three", 20), ("four", 99)])
        self.assertEqual(again.lines(100, end=True), [("last", 100)])

    def test_a_flood_is_heard_in_parts(self) -> None:
        path = self.here / "stdout.log"
        path.write_bytes((b"x" * 1023 + b"\n") * 6000)
        tail = Tail(path)
        first = tail.lines(1)
        self.assertEqual(len(first), 4096)
        self.assertEqual(len(first) + len(tail.lines(2)), 6000)
        self.assertEqual(len(Tail(path).lines(1, end=True)), 6000, "at the end there is no other look")

    def test_of_a_flood_at_the_end_the_last_part_is_heard_and_the_rest_is_counted(self) -> None:
        path = self.here / "stdout.log"
        path.write_bytes(b"".join(b"%07d\n" % n for n in range(3 << 20)))
        tail = Tail(path)
        lines = [line for line, _ in tail.lines(1, end=True)]
        self.assertEqual((lines[-1], len(lines)), (f"{(3 << 20) - 1:07d}", 2 << 20))
        self.assertEqual(tail.skipped, 8 << 20)

    def test_open_runs_come_back_whole_and_a_damaged_one_stops_nobody(self) -> None:
        work = Work(self.here)
        run = Run("a" * 32, "running", calibration="pedenoise", requested=1)
        folder = work.make(run, "X.xml", b"<x/>")
        opened = OpenRun(run, str(folder), Born(1, "b:2"), (("hv1", "ch0"),), stamps=((5, 7),))
        work.note(opened)
        (self.here / "open" / "b.json").write_text("{")
        self.assertEqual(list(work.opened()), [opened])
        self.assertEqual((list(work.damaged()), list(work.opened())), ([], [opened]))
        self.assertTrue((self.here / "open" / "b.damaged").exists())
        work.close(opened)
        self.assertEqual(list(work.opened()), [])

    def test_numbers_go_on_from_run_to_run(self) -> None:
        work = Work(self.here)
        first = work.make(Run("a" * 32, "queued", requested=1), "X.xml", b"")
        (first / "RunNumbers.dat").write_text("1\n")
        work.count(first)
        second = work.make(replace(Run("b" * 32, "queued"), requested=2), "X.xml", b"")
        self.assertEqual((second / "RunNumbers.dat").read_text(), "1\n")


class TestPrograms(InFolder):
    def test_a_program_is_found_again_by_its_start_and_by_nothing_else(self) -> None:
        programs = ProcessGroups()
        child = programs.start(
            [sys.executable, "-c", "import time; time.sleep(60)"], self.here, {}, self.here / "o", []
        )
        self.addCleanup(child.kill)
        again = programs.adopt(child.born)
        assert again is not None
        self.assertTrue(again.running)
        self.assertIsNone(programs.adopt(replace(child.born, start="other:1")))
        self.assertIsNone(programs.adopt(Born(os.getpid(), "")))
        again.kill()
        deadline = time.monotonic() + 10
        while again.running:
            self.assertLess(time.monotonic(), deadline)
        self.assertIsNone(programs.adopt(child.born), "a dead one that nobody has asked for its end is not running")
        while child.running:
            time.sleep(0.01)
        self.assertEqual(child.rc, -signal.SIGKILL)

    def test_environment_output_and_what_is_left_behind(self) -> None:
        code = (
            "import os, subprocess, sys; print(sorted(os.environ)); print('err', file=sys.stderr, flush=True);"
            "p = subprocess.Popen(['sleep', '60']); print(p.pid)"
        )
        child = ProcessGroups().start([sys.executable, "-c", code], self.here, {"A": "1"}, self.here / "out", [])
        while child.running:
            time.sleep(0.01)
        said = (self.here / "out").read_text().splitlines()
        self.assertNotIn("HOME", "".join(said))
        self.assertIn("err", said)
        left = int(next(line for line in said if line.isdecimal()))
        child.kill()
        deadline = time.monotonic() + 10
        while (there := Path(f"/proc/{left}/stat")).exists() and there.read_text().rpartition(")")[2].split()[0] != "Z":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_what_an_adopted_program_leaves_behind_is_ended_too(self) -> None:
        programs = ProcessGroups()
        for how in ("kill", "sweep"):
            with self.subTest(how):
                mark, board = f"{how}-{os.getpid()}", f"{how} {self.here}"
                start = ["/bin/sh", "-c", "sleep 60 & sleep 0.5"]
                child = programs.start(start, self.here, {MARK: mark}, self.here / "o", [board])
                adopted = programs.adopt(child.born)
                assert adopted is not None
                while child.running:
                    time.sleep(0.01)
                self.assertIsNone(programs.find(mark), "its leader has gone")
                if how == "kill":
                    adopted.kill()
                else:
                    self.assertEqual(programs.sweep(mark), 1)
                deadline = time.monotonic() + 10
                while self.busy(programs, board):
                    self.assertLess(time.monotonic(), deadline, "the board is never free again")
                    time.sleep(0.05)

    def busy(self, programs: ProcessGroups, board: str) -> bool:
        try:
            programs.start(["/bin/true"], self.here, {}, self.here / "o", [board])
        except InUse:
            return True
        return False

    def test_a_board_is_busy_as_long_as_its_program_lives(self) -> None:
        programs, board = ProcessGroups(), f"test {self.here}"
        sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
        child = programs.start(sleep, self.here, {}, self.here / "o", [board])
        self.addCleanup(child.kill)
        with self.assertRaises(InUse):
            programs.start(sleep, self.here, {}, self.here / "o", [board])
        programs.start(["/bin/true"], self.here, {}, self.here / "o", [f"{board} other"])
        child.kill()
        while child.running:
            time.sleep(0.01)
        programs.start(["/bin/true"], self.here, {}, self.here / "o", [board])

    def test_what_is_missing_is_said(self) -> None:
        (self.here / "x").write_text("")
        self.assertIn("not there", ProcessGroups().missing(str(self.here / "y")) or "")
        self.assertIn("cannot be executed", ProcessGroups().missing(str(self.here / "x")) or "")
        self.assertIsNone(ProcessGroups().missing("/bin/true"))


del InFolder

if __name__ == "__main__":
    unittest.main()
