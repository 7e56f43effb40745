"""Time at bias on disk: what cannot be read is not taken for nothing, and what cannot be written is kept."""

import logging
import sqlite3
import tempfile
import unittest
from contextlib import closing
from pathlib import Path

from trackerdcs.adapters.counts_sqlite import SqliteCounts
from trackerdcs.app.counting import Counting
from trackerdcs.domain.at_bias import Count, Key

S = 10**9
M1 = Key("m-1", 50.0, 1)


class TestCounting(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        logging.disable(logging.ERROR)
        self.addCleanup(logging.disable, logging.NOTSET)
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory()), "c.sqlite")

    def counting(self) -> Counting:
        return Counting(self.enterContext(closing(SqliteCounts(self.path))))

    async def test_it_goes_on_after_a_restart(self) -> None:
        first = self.counting()
        await first.save()
        for s in (1, 2, 3):
            first.at_bias.hear("bias0", M1, -100.0, s * S, 1.0)
        await first.save()
        again = self.counting()
        await again.save()
        self.assertEqual(again.at_bias.counts, {M1: Count(2 * S, 0, 3 * S, True)})
        self.assertEqual((again.unknown, again.fault, again.remark), (None, None, None))

    async def test_a_disk_that_fails_is_said_and_nothing_is_taken_for_zero(self) -> None:
        with closing(SqliteCounts(self.path)) as counts:
            counts.record({M1: Count(100 * S, 0, 1 * S, True)})
        away = self.path.with_suffix(".away")
        self.path.rename(away)
        self.path.mkdir()  # what no SQLite opens
        counting = self.counting()
        await counting.save()
        self.assertIn("what was counted before cannot be read", counting.unknown or "")
        self.assertIn("in memory only", counting.fault or "")
        counting.at_bias.hear("bias0", M1, -100.0, 2 * S, 1.0)
        await counting.save()
        self.path.rmdir()
        away.rename(self.path)
        await counting.save()
        self.assertEqual((counting.unknown, counting.fault), (None, None))
        counting.at_bias.hear("bias0", M1, -100.0, 3 * S, 1.0)
        await counting.save()
        with closing(SqliteCounts(self.path)) as counts:
            self.assertEqual(counts.recall(), {M1: Count(102 * S, 0, 3 * S, True)})

    async def test_what_the_disk_does_not_take_is_written_with_the_next(self) -> None:
        counting = self.counting()
        await counting.save()
        counting.at_bias.hear("bias0", M1, -100.0, 1 * S, 1.0)
        with closing(sqlite3.connect(self.path)) as other:
            other.execute("DROP TABLE at_bias")
            await counting.save()
        self.assertIn("no such table", counting.fault or "")
        await counting.save()  # opened anew, the table is made again
        self.assertIsNone(counting.fault)
        with closing(SqliteCounts(self.path)) as counts:
            self.assertEqual(counts.recall()[M1].until, S)

    async def test_a_damaged_file_is_set_aside_and_said(self) -> None:
        self.path.write_bytes(b"no database at all, but long enough to be looked at" * 20)
        counting = self.counting()
        await counting.save()
        self.assertIn("time at bias is counted anew", counting.remark or "")
