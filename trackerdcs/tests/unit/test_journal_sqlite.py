"""Journal and command log in SQLite: what they promise after restarts and on bad disks."""

import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.adapters.journal_sqlite import SqliteJournal
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.messages import Ack
from trackerdcs.ports import Entry


def entries(first: int, last: int, boot: str = "a") -> list[Entry]:
    return [Entry(boot, n, b"%d" % n) for n in range(first, last + 1)]


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "sub", "x.sqlite")


class TestJournal(Folder):
    def open(self, capacity: int = 1000) -> SqliteJournal:
        journal = SqliteJournal(self.path, capacity)
        self.addCleanup(journal.close)
        return journal

    def test_keeps_the_order_of_arrival_over_a_restart(self):
        first = self.open()
        first.append(entries(5, 7, "z"))
        first.append(entries(0, 1, "a"))
        first.close()
        again = self.open()
        self.assertEqual(again.oldest(4), entries(5, 7, "z") + entries(0, 0, "a"))
        self.assertEqual(len(again), 5)

    def test_forgets_only_what_is_confirmed(self):
        journal = self.open()
        journal.append(entries(0, 9) + entries(0, 9, "b"))
        journal.confirm({"a": [(0, 3), (8, 20)], "c": [(0, 9)]})
        self.assertEqual([e.seq for e in journal.oldest(50) if e.boot == "a"], [4, 5, 6, 7])
        self.assertEqual(len(journal), 14)

    def test_a_frame_twice_is_kept_once(self):
        journal = self.open()
        journal.append(entries(0, 2))
        journal.append(entries(1, 3))
        self.assertEqual(journal.oldest(9), entries(0, 3))
        self.assertEqual(len(journal), 4)

    def test_a_full_journal_says_so_and_takes_again_after_a_confirmation(self):
        journal = self.open(capacity=3)
        journal.append(entries(0, 2))
        with self.assertRaisesRegex(StoreFault, "full with 3"):
            journal.append(entries(3, 3))
        journal.confirm({"a": [(0, 0)]})
        journal.append(entries(3, 3))
        self.assertEqual(journal.oldest(9), entries(1, 3))

    def test_what_was_appended_survives_kill_9(self):
        code = (
            "import os, signal, sys; from pathlib import Path\n"
            "from trackerdcs.adapters.journal_sqlite import SqliteJournal; from trackerdcs.ports import Entry\n"
            "SqliteJournal(Path(sys.argv[1])).append([Entry('a', n, b'%d' % n) for n in range(100)])\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        subprocess.run([sys.executable, "-c", code, str(self.path)], check=False, timeout=20)
        self.assertEqual(self.open().oldest(200), entries(0, 99))

    def test_a_damaged_file_is_set_aside_with_a_name(self):
        self.path.parent.mkdir()
        self.path.write_bytes(b"this is no database, but it is long enough to look like one" * 100)
        with self.assertLogs("trackerdcs.adapters.sqlite_file", logging.ERROR) as logs:
            journal = self.open()
            journal.append(entries(0, 0))
        self.assertIn("x.sqlite.damaged-1", logs.output[0])
        self.assertTrue(self.path.with_name("x.sqlite.damaged-1").read_bytes().startswith(b"this is no"))
        self.assertEqual(journal.oldest(5), entries(0, 0))

    def test_damage_that_shows_only_later_is_set_aside_too_and_nothing_of_it_is_deleted(self):
        log = SqliteCommandLog(self.path)
        self.addCleanup(log.close)
        log.record(*(Ack(f"i{n}", "cli", "accepted", 1, why=300 * "w") for n in range(1000)))
        log.close()
        with self.path.open("r+b") as file:
            file.seek(8 * 4096)  # behind the schema
            file.write(b"\xff" * (self.path.stat().st_size - 8 * 4096))
        with self.assertLogs("trackerdcs.adapters.sqlite_file", logging.ERROR), self.assertRaises(StoreFault):
            log.recall(9)
        self.assertEqual(log.recall(9), [])
        log.record(Ack("j", "cli", "accepted", 1))
        self.assertEqual([a.id for a in log.recall(9)], ["j"])
        self.assertGreater(self.path.with_name("x.sqlite.damaged-1").stat().st_size, 300_000)

    def test_a_path_that_cannot_be_written_is_a_fault_and_later_none(self):
        self.path.parent.write_text("a file where a folder should be")
        journal = self.open()
        with self.assertRaisesRegex(StoreFault, str(self.path)):
            journal.append(entries(0, 0))
        self.path.parent.unlink()
        journal.append(entries(0, 1))
        self.assertEqual(len(journal), 2)

    @unittest.skipUnless(os.geteuid() == 0, "needs root: mounts a small tmpfs to fill it")
    def test_a_full_disk_is_a_fault_and_later_none(self):
        self.path.parent.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(self.path.parent)],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            self.skipTest(f"cannot mount a tmpfs: {mounted.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.path.parent)], check=True)
        journal = self.open()
        journal.append(entries(0, 0))
        ballast = self.path.with_name("ballast")
        with self.assertRaises(OSError):
            ballast.write_bytes(b"x" * 300_000)
        with self.assertRaisesRegex(StoreFault, "x.sqlite"):
            journal.append([Entry("a", 1, b"y" * 100_000)])
        ballast.unlink()
        journal.append(entries(1, 1))
        self.assertEqual(journal.oldest(5), entries(0, 1))


class TestCommandLog(Folder):
    def test_remembers_the_last_ack_of_each_id_over_a_restart(self):
        log = SqliteCommandLog(self.path)
        accepted, done = (
            Ack("i", "cli", "accepted", 1),
            Ack("i", "cli", "done", 2, readback={"v_set": -5.0, "on": True}),
        )
        log.record(accepted)
        self.assertEqual(log.recall(9), [accepted])
        log.record(done)
        log.record(Ack("k", "cli", "accepted", 3))
        log.close()
        again = SqliteCommandLog(self.path)
        self.addCleanup(again.close)
        self.assertEqual(again.recall(9), [done, Ack("k", "cli", "accepted", 3)])
        again.record(replace(done, user="web"))
        self.assertEqual([(a.user, a.id) for a in again.recall(9)], [("cli", "i"), ("cli", "k"), ("web", "i")])

    def test_keeps_the_newest_and_what_is_unfinished(self):
        log = SqliteCommandLog(self.path, kept=3)
        self.addCleanup(log.close)
        log.record(Ack("u", "cli", "accepted", 1))
        for n in range(5):
            log.record(Ack(f"i{n}", "cli", "done", 1))
        self.assertEqual([a.id for a in log.recall(9)], ["u", "i2", "i3", "i4"])
        self.assertEqual([a.id for a in log.recall(1)], ["u", "i4"])

    def test_a_row_of_a_newer_version_is_said_and_left_out(self):
        log = SqliteCommandLog(self.path)
        self.addCleanup(log.close)
        log.record(Ack("i", "cli", "accepted", 1), Ack("j", "cli", "accepted", 1))
        with closing(sqlite3.connect(self.path)) as db, db:
            db.execute("UPDATE last_acks SET ack = ? WHERE id = 'i'", (b'{"v":2}',))
        with self.assertLogs("trackerdcs.adapters.commands_sqlite", logging.ERROR):
            self.assertEqual([a.id for a in log.recall(9)], ["j"])

    def test_remembers_bindings_and_their_end(self):
        log = SqliteCommandLog(self.path)
        self.addCleanup(log.close)
        log.bind("ch0", "m1")
        log.bind("ch1", "m2")
        log.bind("ch1", None)
        self.assertEqual(log.bindings(), {"ch0": "m1", "ch1": None})


if __name__ == "__main__":
    unittest.main()
