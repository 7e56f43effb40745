"""Dead letters are kept as they came, over restarts, and a fault of the disk is said."""

import asyncio
import sqlite3
import tempfile
import unittest
from pathlib import Path

from trackerdcs.adapters.deadletters_sqlite import SqliteDeadLetters
from trackerdcs.domain.errors import StoreFault
from trackerdcs.ports import DeadLetters, ParkedMessage


class TestDeadLetters(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "new" / "deadletters.sqlite"

    def open(self) -> DeadLetters:
        letters = SqliteDeadLetters(self.path)
        self.addCleanup(letters.close)
        return letters

    def rows(self) -> list[tuple[object, ...]]:
        db = sqlite3.connect(self.path)
        try:
            return db.execute("SELECT ts, topic, why, payload FROM letters ORDER BY id").fetchall()
        finally:
            db.close()

    def test_what_is_parked_is_there_after_a_restart(self) -> None:
        letters = self.open()
        letters.park([ParkedMessage("dcs/v1/demo/hv1/frame", b"\xff\x00{", "frame: not UTF-8", 5)])
        letters.park([ParkedMessage("dcs/v1/demo/hv1/frame", b"", "frame: empty", 6)])
        letters.close()
        again = self.open()
        self.assertEqual(len(again), 2)
        again.park([ParkedMessage("t", b"{}", "v 9", 7)])
        self.assertEqual(len(again), 3)
        expected = [(5, "dcs/v1/demo/hv1/frame", "frame: not UTF-8", b"\xff\x00{")]
        expected += [(6, "dcs/v1/demo/hv1/frame", "frame: empty", b""), (7, "t", "v 9", b"{}")]
        self.assertEqual(self.rows(), expected)

    def test_what_a_restart_parks_again_is_there_once(self) -> None:
        letters = self.open()
        letters.park([ParkedMessage("t", b"x", "w", 1), ParkedMessage("t", b"y", "w", 1)])
        letters.park([ParkedMessage("t", b"y", "another cause", 1), ParkedMessage("t", b"y", "w", 2)])
        self.assertEqual(self.rows(), [(1, "t", "w", b"x"), (1, "t", "w", b"y"), (2, "t", "w", b"y")])

    def test_a_cause_that_quotes_nonsense_is_kept(self) -> None:
        self.open().park([ParkedMessage("t/\udcff", b"x", "state '\ud800' is no text", 1)])
        self.assertEqual(self.rows(), [(1, "t/\\udcff", "state '\\ud800' is no text", b"x")])

    def test_any_thread_may_park(self) -> None:
        letters = self.open()

        async def park() -> None:
            await asyncio.gather(
                *(asyncio.to_thread(letters.park, [ParkedMessage("t", b"%d" % i, "w", i)]) for i in range(40))
            )

        asyncio.run(park())
        self.assertEqual(sorted(str(row[0]) for row in self.rows()), sorted(str(i) for i in range(40)))

    def test_a_folder_that_cannot_be_written_is_a_fault_and_heals(self) -> None:
        self.path.parent.write_text("a file where the folder should be")
        letters = self.open()
        with self.assertRaisesRegex(StoreFault, str(self.path)):
            letters.park([ParkedMessage("t", b"x", "w", 1)])
        with self.assertRaises(StoreFault):
            len(letters)
        self.path.parent.unlink()
        letters.park([ParkedMessage("t", b"x", "w", 1)])
        self.assertEqual(len(letters), 1)
