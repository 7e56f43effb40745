"""Outbox and replay on a broker in memory and a real journal file: nothing leaves the journal before it is stored."""

import asyncio
import tempfile
import unittest
from collections.abc import Iterable
from pathlib import Path
from typing import Literal
from unittest.mock import patch

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.journal_sqlite import SqliteJournal
from trackerdcs.app import outbox as outbox_module
from trackerdcs.app.outbox import BUFFER, Outbox
from trackerdcs.app.replay import MARKS, WINDOW, Ages, Replay
from trackerdcs.domain.codec import encode, encode_stored
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.messages import Status
from trackerdcs.ports import Entry

FRAME, REPLAY, STORED = "dcs/v1/s/d/frame", "dcs/v1/s/d/replay", "dcs/v1/s/stored"
LOADER = "dcs/v1/site/loader/status"


class SickJournal(SqliteJournal):
    """A journal on a disk that is full, if `sick` says so."""

    sick: str | None = None

    def append(self, entries: Iterable[Entry]) -> None:
        if self.sick:
            raise StoreFault(self.sick)
        super().append(entries)


class Bench(unittest.IsolatedAsyncioTestCase):
    """One device's outbox and replay, and a client that sees everything."""

    async def asyncSetUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.journal = SickJournal(Path(folder.name, "j.sqlite"))
        self.addCleanup(self.journal.close)
        self.broker = MemoryBroker()
        self.bus = await self.enterAsyncContext(MemoryBus(self.broker, "device"))
        self.me = await self.enterAsyncContext(MemoryBus(self.broker, "me"))
        self.seen: dict[str, list[bytes]] = {FRAME: [], REPLAY: []}
        self.outbox = Outbox(FRAME, self.bus, self.journal)
        self.replay = Replay("s", "d", "boot", self.bus, self.journal, self.outbox, SystemClock(), unconfirmed=0.1)
        jobs = (self.listen(), self.outbox.keep(), self.outbox.send(), self.replay.confirm())
        for job in (*jobs, self.replay.watch_loaders(), self.replay.run()):
            task = asyncio.create_task(job)
            self.addCleanup(task.cancel)
        await asyncio.sleep(0)

    async def listen(self) -> None:
        async for delivery in self.me.subscribe(FRAME, REPLAY):
            self.seen[delivery.topic].append(delivery.payload)
            delivery.acknowledge()

    def put(self, *seqs: int) -> None:
        for seq in seqs:
            self.replay.ages.went_out(seq, SystemClock().monotonic())
            self.outbox.put(Entry("boot", seq, b"%d" % seq))

    async def stored(self, *ranges: tuple[int, int], boot: str = "boot") -> None:
        await self.me.publish(STORED, encode_stored({"d": {boot: list(ranges)}}))

    async def loader(self, state: Literal["online", "offline", "fault"] = "online") -> None:
        await self.me.publish(LOADER, encode(Status(state, 1, 1, "l", "1")), retain=True)

    async def until(self, condition, what: str) -> None:
        for _ in range(1000):
            if condition():
                return
            await asyncio.sleep(0.01)
        self.fail(f"{what}: {self.seen}, journal {self.journal.oldest(9)}")


class TestOutbox(Bench):
    async def test_a_frame_is_in_the_journal_before_it_is_on_the_bus(self):
        at_publish: list[int] = []
        publish = self.bus.publish

        async def spy(topic: str, payload: bytes, *, retain: bool = False) -> None:
            at_publish.append(len(self.journal))
            await publish(topic, payload, retain=retain)

        with patch.object(self.bus, "publish", spy):
            self.put(0)
            await self.until(lambda: self.seen[FRAME] == [b"0"], "published")
        self.assertEqual(at_publish, [1])
        self.assertEqual(self.broker.retained[FRAME], b"0")

    async def test_who_waits_for_a_frame_is_told_when_it_is_out_or_cannot_go_out(self):
        waiting = [asyncio.get_running_loop().create_future() for _ in range(2)]
        self.outbox.put(Entry("boot", 0, b"0"), waiting[:1])
        await waiting[0]
        self.assertEqual(self.broker.retained[FRAME], b"0")
        self.broker.cut("device")
        self.outbox.put(Entry("boot", 1, b"1"), waiting[1:])
        await waiting[1]

    async def test_confirmed_frames_leave_the_journal_and_others_stay(self):
        self.put(0, 1, 2, 3)
        await self.until(lambda: len(self.journal) == 4, "journaled")
        await self.stored((0, 1), (3, 3))
        await self.until(lambda: [e.seq for e in self.journal.oldest(9)] == [2], "trimmed")

    async def test_confirmations_of_others_and_nonsense_do_not_matter(self):
        self.put(0)
        await self.until(lambda: len(self.journal) == 1, "journaled")
        await self.me.publish(STORED, encode_stored({"other": {"boot": [(0, 9)]}}))
        with self.assertLogs("trackerdcs.app.replay", "WARNING"):
            await self.me.publish(STORED, b'{"d":{"boot":[[9,0]]}}')
            await asyncio.sleep(0.05)
        self.assertEqual(len(self.journal), 1)

    async def test_nothing_is_published_late_on_the_live_topic_after_an_outage(self):
        self.broker.stop()
        await asyncio.sleep(0.02)
        self.put(0, 1)
        await self.until(lambda: len(self.journal) == 2, "journaled")
        await asyncio.sleep(0.05)
        self.broker.start()
        await self.until(lambda: self.bus.connected and self.me.connected, "back")
        self.put(2)
        await self.until(lambda: self.seen[FRAME] == [b"2"], "only the new one")
        await self.loader()
        await self.until(lambda: {b"0", b"1"} <= set(self.seen[REPLAY]), "the old ones as replay")
        self.assertEqual(self.seen[FRAME], [b"2"])

    async def test_with_a_failing_journal_frames_go_out_and_are_journaled_when_it_works_again(self):
        self.journal.sick = "disk full"
        self.put(0, 1)
        await self.until(lambda: self.seen[FRAME] == [b"0", b"1"], "published all the same")
        self.assertIn("disk full", self.outbox.fault or "")
        self.assertEqual(self.outbox.take_lost(), [])
        self.journal.sick = None
        self.put(2)
        await self.until(lambda: len(self.journal) == 3, "journaled late")
        await self.until(lambda: self.outbox.fault is None, "well again")

    async def test_what_does_not_fit_into_memory_is_declared_lost_and_nothing_else(self):
        self.journal.sick = "disk full"
        self.put(*range(BUFFER + 5))
        await self.until(lambda: self.outbox.fault is not None, "fault seen")
        self.assertEqual(self.outbox.take_lost(), [(0, 4)])
        self.assertEqual(self.outbox.take_lost(), [])
        self.journal.sick = None
        self.put(BUFFER + 5)
        await self.until(lambda: len(self.journal) == BUFFER + 1, "the rest is journaled")
        self.assertEqual(self.journal.oldest(1)[0].seq, 5)

    async def test_what_was_stored_without_the_journal_is_not_declared_lost(self):
        self.journal.sick = "disk full"
        self.put(*range(10))
        await self.until(lambda: self.outbox.fault is not None, "fault seen")
        await self.stored((0, 9))
        await asyncio.sleep(0.02)
        self.put(*range(10, BUFFER + 10))
        await self.until(lambda: self.seen[FRAME][-1:] == [b"%d" % (BUFFER + 9)], "went out")
        self.assertEqual(self.outbox.take_lost(), [])

    async def test_what_is_in_memory_only_at_the_end_is_declared_lost(self):
        self.put(0)
        await self.until(lambda: len(self.journal) == 1, "journaled")
        self.journal.sick = "disk full"
        self.put(1, 2, 3)
        await self.until(lambda: self.outbox.fault is not None, "fault seen")
        await self.stored((2, 2))
        await asyncio.sleep(0.02)
        self.outbox.give_up()
        self.assertEqual(self.outbox.take_lost(), [(1, 1), (3, 3)])

    async def test_a_hanging_disk_holds_no_frame_back(self):
        blocked = asyncio.Event()
        loop, append = asyncio.get_running_loop(), self.journal.append

        def hang(entries: Iterable[Entry]) -> None:
            asyncio.run_coroutine_threadsafe(blocked.wait(), loop).result(10)
            append(entries)

        with patch.object(outbox_module, "PATIENCE", 0.05), patch.object(self.journal, "append", hang):
            self.put(0)
            await self.until(lambda: self.seen[FRAME] == [b"0"], "published")
            self.put(1)
            await self.until(lambda: self.seen[FRAME] == [b"0", b"1"], "published")
            self.assertIn("no answer", self.outbox.fault or "")
            blocked.set()
            self.put(2)
            self.put(3)
            await self.until(lambda: len(self.seen[FRAME]) == 4, "published")
        self.put(4)
        await self.until(lambda: len(self.journal) == 5, "all journaled in the end")
        self.assertIsNone(self.outbox.fault)


class TestReplay(Bench):
    async def test_nothing_is_replayed_without_a_loader(self):
        self.put(0)
        await asyncio.sleep(0.4)
        self.assertEqual(self.seen[REPLAY], [])
        await self.loader()
        await self.until(lambda: self.seen[REPLAY][:1] == [b"0"], "replayed")

    async def test_a_loader_that_left_or_cannot_store_gets_no_replay(self):
        self.put(0)
        for state in ("offline", "fault"):
            await self.loader()
            await self.loader(state)
            await asyncio.sleep(0.3)
            self.assertEqual(self.seen[REPLAY], [], state)

    async def test_a_confirmed_frame_is_not_replayed(self):
        await self.loader()
        self.put(0, 1)
        await self.until(lambda: len(self.journal) == 2, "journaled")
        await self.stored((0, 0))
        await self.until(lambda: b"1" in self.seen[REPLAY], "replayed")
        self.assertNotIn(b"0", self.seen[REPLAY])

    async def test_earlier_boots_are_replayed_first_and_in_order(self):
        self.journal.append([Entry("earlier", n, b"e%d" % n) for n in range(3)])
        self.put(0)
        await asyncio.sleep(0.15)
        await self.loader()
        await self.until(lambda: b"0" in self.seen[REPLAY], "replayed")
        self.assertEqual(self.seen[REPLAY][:4], [b"e0", b"e1", b"e2", b"0"])
        await self.stored((0, 2), boot="earlier")
        await self.stored((0, 0))
        await self.until(lambda: len(self.journal) == 0, "all stored")

    async def test_at_most_a_window_waits_and_each_confirmation_opens_it(self):
        number = 2 * WINDOW + 10
        self.journal.append([Entry("earlier", n, b"%d" % n) for n in range(number)])
        await self.loader()
        await self.until(lambda: len(set(self.seen[REPLAY])) == WINDOW, "a window")
        await asyncio.sleep(0.05)
        self.assertEqual(len(set(self.seen[REPLAY])), WINDOW)
        await self.stored((0, WINDOW - 1), boot="earlier")
        await self.until(lambda: len(set(self.seen[REPLAY])) == 2 * WINDOW, "the next window")
        await self.stored((WINDOW, number - 1), boot="earlier")
        await self.until(lambda: len(self.journal) == 0, "all stored")

    async def test_unanswered_replays_come_less_and_less_often(self):
        await self.loader()
        self.put(0)
        await asyncio.sleep(1.3)
        self.assertIn(len(self.seen[REPLAY]), (3, 4), "at about 0.1, 0.2, 0.4, 0.8 s")


class TestAges(unittest.TestCase):
    def test_age_is_known_to_within_a_step(self):
        ages = Ages(step=1.0)
        for i in range(40):
            ages.went_out(i, 100 + 0.25 * i)
        self.assertEqual(ages.age(0, 110.0), 10.0)
        self.assertEqual(ages.age(3, 110.0), 10.0)
        self.assertEqual(ages.age(39, 110.0), 1.0)

    def test_what_is_older_than_all_marks_is_old(self):
        ages = Ages(step=1.0)
        for i in range(3 * MARKS):
            ages.went_out(i, float(i))
        self.assertEqual(ages.age(0, 1e6), float("inf"))
        self.assertEqual(ages.age(3 * MARKS - 1, 3.0 * MARKS), 1.0)


if __name__ == "__main__":
    unittest.main()
