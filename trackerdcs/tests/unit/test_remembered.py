"""What outlives a restart of a device service, on disks that are slow, full or hang."""

import asyncio
import tempfile
import threading
import unittest
from pathlib import Path
from unittest.mock import patch

from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.app import remembered
from trackerdcs.app.remembered import Earlier, Remembered
from trackerdcs.domain.errors import StoreFault


class Disk(SqliteCommandLog):
    """Refuses latches and intents while it is full, and takes them only when it is let go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.full = False
        self.answers = threading.Event()
        self.answers.set()

    def latch(self, channel: str, cause: str | None) -> None:
        self.answers.wait(5)
        if self.full:
            raise StoreFault("disk full")
        super().latch(channel, cause)

    def latches(self) -> dict[str, str]:
        self.answers.wait(5)
        if self.full:
            raise StoreFault("disk full")
        return super().latches()


class TestRemembered(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory()), "c.sqlite")
        for name, seconds in {"RETRY": 0.05, "PATIENCE": 0.05, "START_PATIENCE": 1.0}.items():
            self.enterContext(patch.object(remembered, name, seconds))
        self.disk = Disk(self.path)
        self.addCleanup(self.disk.close)
        self.addCleanup(self.disk.answers.set)
        self.kept = Remembered("d", self.disk)

    async def until(self, what: object) -> None:
        async with asyncio.timeout(5):
            while not what():  # type: ignore[operator]
                await asyncio.sleep(0.01)

    async def test_the_last_word_of_each_channel_is_written_before_the_end(self) -> None:
        self.disk.answers.clear()
        self.kept.latch("ch0", "too much current")
        await asyncio.sleep(0.01)
        self.kept.latch("ch0", None)
        self.kept.latch("ch1", "too much current")
        self.kept.intend("ch0", "off", None)
        self.kept.intend("ch1", "emergency_off", "humid")
        self.kept.intend("ch0", None, None)
        self.disk.answers.set()
        await self.kept.close(5.0)
        again = await Remembered("d", SqliteCommandLog(self.path)).recall()
        self.assertEqual(again, Earlier({}, {"ch1": "too much current"}, {"ch1": ("emergency_off", "humid")}))

    async def test_a_disk_that_is_full_is_a_fault_and_is_tried_again(self) -> None:
        self.disk.full = True
        self.kept.latch("ch0", "too much current")
        await self.until(lambda: self.kept.fault)
        self.assertIn("disk full", self.kept.fault or "")
        self.disk.full = False
        await self.until(lambda: self.kept.fault is None)
        self.assertEqual(self.disk.latches(), {"ch0": "too much current"})

    async def test_a_disk_that_hangs_is_a_fault_as_long_as_it_does(self) -> None:
        self.disk.answers.clear()
        self.kept.latch("ch0", "too much current")
        await self.until(lambda: self.kept.fault)
        self.disk.answers.set()
        await self.until(lambda: self.kept.fault is None)

    async def test_what_is_not_readable_at_the_start_is_not_taken_for_nothing(self) -> None:
        self.disk.full = True
        self.assertIsNone(await self.kept.recall())
        self.assertIn("not readable: disk full", self.kept.fault or "")
        self.disk.full = False
        self.disk.answers.clear()
        self.assertIsNone(await self.kept.recall())
        self.disk.answers.set()
        self.assertEqual(await self.kept.recall(), Earlier({}, {}, {}))

    async def test_what_a_damaged_file_has_lost_is_not_taken_for_nothing(self) -> None:
        self.kept.latch("ch0", "too much current")
        await self.kept.close(5.0)
        self.disk.close()
        self.path.write_bytes(b"no database at all" * 1000)
        with self.assertLogs("trackerdcs.adapters.sqlite_file", "ERROR"):
            self.assertIsNone(await self.kept.recall())
        self.assertIn("not readable", self.kept.fault or "")
        self.assertEqual(await Remembered("d", SqliteCommandLog(self.path)).recall(), Earlier({}, {}, {}))

    async def test_what_cannot_be_written_at_all_keeps_nothing_else_from_the_disk(self) -> None:
        with self.assertLogs("trackerdcs.app.remembered", "ERROR"):
            self.kept.latch("ch0", "half a character: \ud800")
            self.kept.latch("ch1", "too much current")
            await self.kept.close(5.0)
        self.assertEqual(self.disk.latches(), {"ch1": "too much current"})


if __name__ == "__main__":
    unittest.main()
