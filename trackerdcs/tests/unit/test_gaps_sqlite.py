"""The gap record on disk: what is added is there, joined, whoever is killed or damages it."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from trackerdcs.adapters.gaps_sqlite import SqliteGaps, read_gaps, stands_in
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.gaps import FATES, Piece, merged

WRITER = """
import sys
from pathlib import Path
from trackerdcs.adapters.gaps_sqlite import SqliteGaps
from trackerdcs.domain.gaps import Piece
gaps, n = SqliteGaps(Path(sys.argv[1])), 0
while True:
    gaps.add([Piece("demo", "hv1", "b", "stored", n, n + 9, n, n + 9, n, n)])
    n += 10
    print(n, flush=True)
"""

READER = """
import sys
from pathlib import Path
from trackerdcs.adapters.gaps_sqlite import read_gaps
path = Path(sys.argv[1])
try:
    (path.parent / "x").touch()
except OSError:
    print([(p.first, p.last) for p in read_gaps(path, "demo").pieces])
"""


def piece(first: int, last: int, fate: str = "stored", boot: str = "b", cause: str = "") -> Piece:
    return Piece("demo", "hv1", boot, fate, first, last, first, last, last, last, cause)  # type: ignore[arg-type]


pieces = st.builds(
    lambda first, length, fate, boot, cause: piece(first, first + length, fate, boot, cause),
    st.integers(0, 25),
    st.integers(0, 4),
    st.sampled_from(FATES[:2]),
    st.sampled_from(["b", "c"]),
    st.sampled_from(["", "half a \ud800"]),
)


class TestGaps(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "new" / "loader.gaps.sqlite"

    def gaps(self, boots: int = 1000) -> SqliteGaps:
        gaps = SqliteGaps(self.path, boots)
        self.addCleanup(gaps.close)
        return gaps

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.lists(pieces, max_size=6), max_size=5))
    def test_what_is_added_in_any_order_is_what_merging_gives(self, batches: list[list[Piece]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            gaps = SqliteGaps(Path(folder) / "g.sqlite")
            gaps.open()
            for batch in batches:
                gaps.add(batch)
            known = [replace(p, cause=p.cause.replace("\ud800", "\\ud800")) for batch in batches for p in batch]
            found = sorted(read_gaps(Path(folder) / "g.sqlite", "demo").pieces)
            self.assertEqual([p.key for p in found], [p.key for p in sorted(merged(known))])
            self.assertEqual([(p.first, p.last) for p in found], [(p.first, p.last) for p in sorted(merged(known))])
            gaps.close()

    def test_a_batch_changes_one_row(self) -> None:
        gaps = self.gaps()
        gaps.add([piece(0, 9)])
        with closing(sqlite3.connect(self.path)) as db:
            for first, last in [(10, 999), (5, 2000), (3, 4)]:
                gaps.add([piece(first, last)])
                self.assertEqual(db.execute("SELECT count(*), min(first) FROM pieces").fetchone(), (1, 0))
        self.assertEqual(read_gaps(self.path, "demo").pieces, [replace(piece(0, 2000), first_ts=0, since=9)])

    def test_old_boots_are_forgotten(self) -> None:
        gaps = self.gaps(boots=3)
        for n, boot in enumerate("abcad"):
            gaps.add([piece(n, n, boot=boot)])
        self.assertEqual({p.boot for p in read_gaps(self.path, "demo").pieces}, {"c", "a", "d"})

    def test_a_killed_writer_has_what_it_was_told_is_durable(self) -> None:
        command = [sys.executable, "-c", WRITER, str(self.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            said = [writer.stdout.readline() for _ in range(20)]
            os.kill(writer.pid, signal.SIGKILL)
            said += writer.stdout.read().splitlines()
        (found,) = read_gaps(self.path, "demo").pieces
        self.assertEqual(found.first, 0)
        self.assertIn(found.last + 1 - int(said[-1]), (0, 10))

    def test_a_damaged_file_is_set_aside_and_a_new_one_begun(self) -> None:
        self.path.parent.mkdir()
        self.path.write_bytes(b"no database" * 1000)
        with self.assertRaisesRegex(StoreFault, "cannot be read"):
            read_gaps(self.path, "demo")
        gaps = self.gaps()
        with self.assertLogs("trackerdcs.adapters.sqlite_file", "ERROR"):
            gaps.open()
        self.assertEqual(gaps.aside, "loader.gaps.sqlite.damaged-1")
        gaps.add([piece(0, 9)])
        self.assertEqual(stands_in(self.path), ["demo"])
        self.assertEqual((self.path.parent / "loader.gaps.sqlite.damaged-1").read_bytes(), b"no database" * 1000)

    def test_it_is_read_through_a_mount_that_cannot_be_written_with_its_loader_and_without(self) -> None:
        """As the web service of the stack does."""
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
            self.skipTest("no right to mount here")
        mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        look = [sys.executable, "-c", READER, str(self.path)]
        command = ["unshare", "--mount", "sh", "-c", mount, str(self.path.parent), *look]
        gaps = self.gaps()
        gaps.add([piece(0, 9)])
        for loader in ("there", "gone"):
            with self.subTest(loader):
                done = subprocess.run(command, capture_output=True, text=True, timeout=30)
                self.assertEqual((done.stdout.strip(), done.returncode), ("[(0, 9)]", 0), done.stderr)
            gaps.close()
        self.assertFalse(self.path.with_name(f"{self.path.name}-wal").exists())

    def test_a_look_makes_no_file(self) -> None:
        with self.assertRaisesRegex(StoreFault, "no such gap record"):
            read_gaps(self.path, "demo")
        self.assertFalse(self.path.exists())


if __name__ == "__main__":
    unittest.main()
