"""Who keeps the ledger: nobody waits for the disk, what does not fit is declared, and a fault refuses no way down."""

import asyncio
import threading
import time
import unittest
from collections.abc import Iterator, Sequence
from unittest.mock import patch

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app import ledger_keeper
from trackerdcs.app.ledger_keeper import LedgerKeeper
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.instrument import SAFE_COMMANDS
from trackerdcs.domain.ledger import Chained, LedgerEntry


class Disk:
    """A ledger whose disk can be full, or hang."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        self.full = False
        self.answers = threading.Event()
        self.answers.set()

    def append(self, entries: Sequence[LedgerEntry]) -> None:
        self.answers.wait(10)
        if self.full:
            raise StoreFault("no space left")
        self.entries += entries

    def chain(self, since: int = 0) -> Iterator[Chained]:
        raise NotImplementedError

    def close(self) -> None:
        pass


class TestKeeper(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        for name, value in (("RETRY", 0.01), ("BUFFER", 5)):
            self.enterContext(patch.object(ledger_keeper, name, value))
        self.disk = Disk()
        self.keeper = LedgerKeeper(self.disk, "boot", SystemClock())

    def tearDown(self) -> None:
        self.disk.full = False
        self.disk.answers.set()
        self.keeper.close(5.0)

    async def until(self, condition: object) -> None:
        for _ in range(500):
            if callable(condition) and condition():
                return
            await asyncio.sleep(0.01)
        self.fail("not seen within 5 s")

    async def test_entries_of_all_threads_are_written_and_waiting_for_them_ends(self) -> None:
        self.enterContext(patch.object(ledger_keeper, "BUFFER", 1000))

        def note() -> None:
            for n in range(50):
                self.keeper.note("order", value=float(n))

        threads = [threading.Thread(target=note) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.keeper.note("done", id="i1")
        self.assertIsNone(await self.keeper.written())
        self.assertEqual(len(self.disk.entries), 201)
        self.assertEqual((self.disk.entries[-1].id, self.disk.entries[-1].boot), ("i1", "boot"))
        self.assertIsNone(await self.keeper.written())

    async def test_rule_15_a_full_disk_refuses_what_is_unsafe_and_nothing_else(self) -> None:
        self.disk.full = True
        self.assertIsNone(self.keeper.objection("on"))
        self.keeper.note("accepted", id="i1")
        self.assertIn("no space left", await self.keeper.written() or "")
        self.assertEqual(self.keeper.objection("on"), "the ledger cannot be written: no space left")
        for cmd in SAFE_COMMANDS:
            self.assertIsNone(self.keeper.objection(cmd))
        self.disk.full = False
        await self.until(lambda: self.keeper.fault is None)
        self.assertEqual([e.id for e in self.disk.entries], ["i1"])
        self.assertIsNone(self.keeper.objection("on"))

    async def test_what_does_not_fit_is_declared(self) -> None:
        self.disk.full = True
        self.keeper.note("order", value=0.0)
        await self.until(lambda: self.keeper.fault)
        for n in range(1, 9):
            self.keeper.note("order", value=float(n))
        self.disk.full = False
        self.assertIsNone(await self.waited())
        found = [(e.step, e.value) for e in self.disk.entries]
        self.assertEqual(found, [("order", 0.0), ("lost", None), *(("order", float(n)) for n in range(4, 9))])
        lost = self.disk.entries[1].args
        self.assertEqual((lost["entries"], lost["from"] <= lost["to"]), (3, True))

    async def waited(self) -> str | None:
        await self.until(lambda: self.keeper.fault is None)
        return await self.keeper.written()

    async def test_a_disk_that_hangs_keeps_nobody_waiting(self) -> None:
        with patch.object(ledger_keeper, "PATIENCE", 0.1):
            self.disk.answers.clear()
            began = time.monotonic()
            self.keeper.note("order")
            self.assertLess(time.monotonic() - began, 0.1)
            self.assertIn("no answer within 0.1 s", await self.keeper.written() or "")
            await self.until(lambda: self.keeper.fault)
            self.assertIn("no answer", self.keeper.objection("set_voltage") or "")
            self.disk.answers.set()
            await self.until(lambda: self.keeper.fault is None)
        self.assertEqual(len(self.disk.entries), 1)

    async def test_an_error_of_any_kind_is_a_fault_and_not_the_end_of_the_thread(self) -> None:
        self.enterContext(self.assertLogs("trackerdcs.app.ledger_keeper", "ERROR"))
        with patch.object(self.disk, "append", side_effect=[ZeroDivisionError("x"), None]) as append:
            self.keeper.note("order")
            await self.until(lambda: append.call_count == 2)

    async def test_the_end_says_what_was_not_written(self) -> None:
        self.disk.full = True
        self.keeper.note("order")
        await self.until(lambda: self.keeper.fault)
        self.keeper.note("order")
        with self.assertLogs("trackerdcs.app.ledger_keeper", "ERROR") as logs:
            await asyncio.to_thread(self.keeper.close, 5.0)
        self.assertIn("2 entries of the ledger were not written", logs.output[-1])


if __name__ == "__main__":
    unittest.main()
