"""Alarms are kept beside the loop: a disk that does not take them is said, and gets them when it does."""

import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

from trackerdcs.adapters.alarms_sqlite import SqliteAlarms
from trackerdcs.app.alarm_memory import AlarmMemory
from trackerdcs.domain.alarm import Kept
from trackerdcs.tests.waiting import until

RAISED = Kept(True, False, True, 1, "raised")
ACKED = Kept(True, True, False, 2, "acknowledged")


class TestMemory(unittest.IsolatedAsyncioTestCase):
    async def test_the_last_word_is_written_when_the_disk_is_there_again(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()), "data")
        folder.write_text("in the way")
        store = SqliteAlarms(folder / "alarms.sqlite")
        self.addCleanup(store.close)
        memory = AlarmMemory(store)
        with patch("trackerdcs.app.alarm_memory.RETRY", 0.05), self.assertLogs("trackerdcs", "WARNING") as logs:
            self.assertEqual(await memory.recall(), {})
            self.assertIn("not readable", memory.fault or "")
            memory.note("a", RAISED)
            memory.note("b", RAISED)
            await until(lambda: "in memory only" in (memory.fault or "") and "not readable" not in (memory.fault or ""))
            memory.note("a", ACKED)
            folder.unlink()
            await until(lambda: memory.fault is None)
        self.assertEqual(store.recall(), {"a": ACKED, "b": RAISED})
        self.assertEqual(len(logs.output), 2, "when it was lost, and when it was back")
        await memory.close(1.0)

    async def test_what_was_lost_is_said_until_the_next_start(self) -> None:
        """Nothing known is not nothing raised: that the disk takes what comes brings nothing back."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "alarms.sqlite").write_bytes(b"no database at all" * 100)
        store = SqliteAlarms(folder / "alarms.sqlite")
        self.addCleanup(store.close)
        memory = AlarmMemory(store)
        with self.assertLogs("trackerdcs", "WARNING"):
            self.assertEqual(await memory.recall(), {})
            memory.note("a", RAISED)
            await until(lambda: memory.fault is None)
        self.assertIn("acknowledged and shelved are not known", memory.remark or "")
        await memory.close(1.0)
