"""What waits to be stored: in order over restarts, and nothing goes missing when the spool fails."""

import asyncio
import tempfile
import unittest
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.spool_sqlite import SqliteSpool
from trackerdcs.app.backlog import HOT, Backlog, Batch
from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.errors import StoreFault
from trackerdcs.ports import Spooled


class FaultySpool(SqliteSpool):
    """A real spool whose disk can be full, and which counts what is read from it."""

    full = False
    reads = 0

    def append(self, arrivals: Sequence[Arrival], arrived: int, done: Collection[int]) -> Spooled:
        self.fail()
        return super().append(arrivals, arrived, done)

    def remove(self, done: Collection[int]) -> None:
        self.fail()
        super().remove(done)

    def read(self, number: int) -> list[Arrival]:
        self.fail()
        self.reads += 1
        return super().read(number)

    def fail(self) -> None:
        if self.full:
            raise StoreFault("no space left on device")


def some(number: int) -> list[Arrival]:
    return [Arrival("t", b"%d" % number)] * 3


class TestBacklog(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "spool.sqlite"
        self.backlog = self.start()

    def start(self, limit: int = 1 << 30) -> Backlog:
        self.spool = FaultySpool(self.path)
        self.addCleanup(self.spool.close)
        return Backlog(self.spool, SystemClock(), limit)

    async def filled(self, *numbers: int) -> None:
        for number in numbers:
            await self.backlog.add(some(number))

    async def taken(self, *numbers: int) -> list[Batch]:
        batches = [await asyncio.wait_for(self.backlog.take(), 10) for _ in numbers]
        self.assertEqual([b.arrivals for b in batches], [some(number) for number in numbers])
        return batches

    def numbers(self) -> list[int]:
        return [s.number for s in self.spool.waiting()]

    async def nothing(self, take: Callable[[], object]) -> None:
        with self.assertRaises(TimeoutError):
            await asyncio.wait_for(take(), 0.05)  # type: ignore[arg-type]

    async def test_hot_and_cold_batches_come_in_the_order_in_which_they_came(self) -> None:
        await self.filled(*range(3 * HOT))
        self.assertEqual(len(self.backlog._hot), HOT)
        batches = await self.taken(*range(3 * HOT))
        self.assertEqual(self.spool.reads, 2 * HOT)
        self.assertFalse(any(b.again for b in batches))
        await self.nothing(self.backlog.take)

    async def test_old_ones_come_before_new_ones_after_a_restart(self) -> None:
        await self.filled(*range(6))
        for batch in (await self.taken(0, 1, 2))[1:]:
            self.backlog.finish(batch)
        await self.backlog.tidy()
        self.spool.close()
        self.backlog = self.start()
        await self.backlog.recall()
        self.assertEqual((self.backlog.waiting, self.backlog.size > 0), (12, True))
        await self.filled(6, 7)
        for batch in await self.taken(0, 3, 4, 5, 6, 7):
            self.backlog.finish(batch)
        await self.backlog.tidy()
        self.assertEqual(self.numbers(), [])

    async def test_what_is_put_back_comes_again_as_a_whole_and_stands_in_nobodys_way(self) -> None:
        await self.filled(0, 1, 2)
        first, second = await self.taken(0, 1)
        self.backlog.put_back(first)
        self.backlog.put_back(second)
        await self.taken(2)
        await self.nothing(self.backlog.take)
        for expected in (0, 1):
            batch = await self.backlog.take_again()
            self.assertTrue(batch.again)
            self.assertEqual(batch.arrivals, some(expected))
            if expected:
                self.backlog.finish(batch)
            else:
                self.backlog.put_back(batch)
        self.assertEqual((await self.backlog.take_again()).spooled, first.spooled)
        await self.nothing(self.backlog.take_again)
        await self.backlog.tidy()
        self.assertEqual(self.numbers(), [1, 3])

    async def test_who_waits_is_woken(self) -> None:
        takers = [asyncio.create_task(take()) for take in (self.backlog.take, self.backlog.take)]
        again = asyncio.create_task(self.backlog.take_again())
        await asyncio.sleep(0.02)
        await self.filled(0)
        done, waiting = await asyncio.wait(takers, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        self.assertEqual((len(done), len(waiting)), (1, 1))
        self.backlog.put_back(done.pop().result())
        self.assertEqual((await asyncio.wait_for(again, 10)).arrivals, some(0))
        await self.filled(1)
        self.assertEqual((await asyncio.wait_for(waiting.pop(), 10)).arrivals, some(1))

    async def test_figures(self) -> None:
        self.backlog = self.start(limit=100)
        self.assertEqual((self.backlog.waiting, self.backlog.size, self.backlog.age()), (0, 0, 0.0))
        await self.filled(0)
        one = self.backlog.size
        self.assertEqual(one, self.spool.waiting()[0].size)
        await asyncio.sleep(0.05)
        self.assertGreater(age := self.backlog.age(), 0.04)
        await self.filled(1, 2)
        self.assertEqual((self.backlog.waiting, self.backlog.size, self.backlog.full), (9, 3 * one, True))
        first, second = await self.taken(0, 1)
        self.backlog.finish(second)
        self.assertGreater(self.backlog.age(), age, "the oldest is not done")
        self.backlog.finish(first)
        self.assertEqual((self.backlog.waiting, self.backlog.size, self.backlog.full), (3, one, False))

    async def test_a_fault_of_the_spool_loses_no_batch_and_forgets_none_that_is_done(self) -> None:
        await self.filled(*range(HOT + 2))
        for batch in (await self.taken(*range(HOT)))[:2]:
            self.backlog.finish(batch)
        self.spool.full = True
        for attempt in (lambda: self.backlog.add(some(99)), self.backlog.tidy, self.backlog.take):
            for _ in range(3):
                with self.assertRaises(StoreFault):
                    await attempt()
        self.assertEqual(self.backlog.waiting, 3 * HOT)
        self.assertEqual(self.numbers(), list(range(1, HOT + 3)))
        self.spool.full = False
        await self.taken(HOT, HOT + 1)
        await self.filled(50)
        self.assertEqual(self.numbers(), [*range(3, HOT + 3), HOT + 3])
        await self.taken(50)

    async def test_batches_that_are_done_while_one_is_added_go_with_the_next(self) -> None:
        await self.filled(*range(HOT))
        batches = await self.taken(*range(HOT))
        adding = [asyncio.create_task(self.backlog.add(some(n))) for n in (10, 11)]
        tidying = asyncio.create_task(self.backlog.tidy())
        for batch in batches:
            await asyncio.sleep(0)
            self.backlog.finish(batch)
        await asyncio.gather(*adding, tidying)
        await self.backlog.tidy()
        self.assertEqual(self.numbers(), [HOT + 1, HOT + 2])

    async def test_a_spool_that_is_begun_anew_confuses_no_batch(self) -> None:
        await self.filled(*range(HOT + 2))
        (old,) = await self.taken(0)
        self.spool.close()
        self.path.write_bytes(b"no database" * 1000)
        with self.assertLogs("trackerdcs", "ERROR"):
            await self.filled(50, 51)
        self.backlog.finish(old)
        await self.taken(*range(1, HOT))
        for _ in range(2):  # those that were not in memory
            (gone,) = (await self.backlog.take()).arrivals
            self.assertIn("is gone", gone.refused)
        await self.backlog.tidy()
        self.assertEqual(len(self.numbers()), 2, "what is done of the old file removes nothing of the new one")
        for batch in await self.taken(50, 51):
            self.backlog.finish(batch)
        await self.backlog.tidy()
        self.assertEqual(self.numbers(), [])
