"""The desk on a disk that is full or does not answer: commands go on."""

import asyncio
import threading
import time
import unittest
from pathlib import Path
from unittest.mock import patch

from trackerdcs.adapters.bus_queues import Received
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.app import command_memory
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.messages import Ack, AckState
from trackerdcs.tests.desk_case import TOPIC, DeskCase


class BrokenLog(SqliteCommandLog):
    """A log on a disk that is full."""

    broken = True

    def recall(self, newest: int) -> list[Ack]:
        if self.broken:
            raise StoreFault("disk full")
        return super().recall(newest)

    def record(self, *acks: Ack) -> None:
        if self.broken:
            raise StoreFault("disk full")
        super().record(*acks)


class HangingLog(SqliteCommandLog):
    """A log on a disk that does not answer until it is let go, or takes all but one state."""

    def __init__(self, path: Path, hard: AckState | None = None) -> None:
        super().__init__(path)
        self.hard = hard
        self.answers = threading.Event()
        self.answers.set()

    def recall(self, newest: int) -> list[Ack]:
        if self.hard is None:
            self.answers.wait(10)
        return super().recall(newest)

    def record(self, *acks: Ack) -> None:
        if self.hard in (None, *(ack.state for ack in acks)):
            self.answers.wait(10)
        super().record(*acks)


class TestCommandMemory(DeskCase):
    async def test_a_log_that_cannot_be_written_stops_no_command_and_is_a_fault(self):
        self.desk = self.make(BrokenLog(self.path))
        await self.desk.end_interrupted()
        await self.send(self.command("off"))
        await self.send(self.command("off"))
        self.assertEqual(self.states(), ["accepted", "done", "done"])
        self.assertEqual(len(self.executed), 1)
        self.assertIn("disk full", self.desk.fault or "")

    async def test_what_a_full_disk_did_not_take_is_written_down_when_it_has_space_again(self):
        log = BrokenLog(self.path)
        self.addCleanup(log.close)
        self.desk = self.make(log)
        with patch.object(command_memory, "RETRY", 0.02):
            await self.send(self.command("off"))
            await self.until(lambda: "done" in self.states(), "done")
            self.assertIn("disk full", self.desk.fault or "")
            log.broken = False
            await self.until(lambda: self.desk.fault is None, "well again, without another command", 3.0)
        self.assertEqual([a.state for a in self.log.recall(9)], ["done"])

    async def test_a_disk_that_hangs_holds_no_command_up(self):
        log = HangingLog(self.path)
        self.addCleanup(log.close)
        self.addCleanup(log.answers.set)
        self.desk = self.make(log)
        log.answers.clear()
        with patch.object(command_memory, "START_PATIENCE", 0.1):
            await self.desk.end_interrupted()
        began = time.monotonic()
        for n in range(20):
            await self.desk.handle(Received(TOPIC, self.command("off", f"i{n}"), False, lambda: None))
        await self.until(lambda: "done" in self.states("i19"), "done")
        self.assertLess(time.monotonic() - began, 2.0)
        self.assertEqual([self.states(f"i{n}")[0] for n in range(20)], ["accepted"] * 20)
        self.assertIn("no answer", self.desk.fault or "")
        log.answers.set()
        await self.until(lambda: self.desk.fault is None, "well again")
        self.assertEqual({a.state for a in self.log.recall(99)}, {"failed", "done"})

    async def test_what_was_taken_and_not_begun_when_the_service_stops_has_its_end(self):
        log = HangingLog(self.path, "accepted")
        self.addCleanup(log.close)
        self.addCleanup(log.answers.set)
        self.desk = self.make(log)
        log.answers.clear()
        handling = asyncio.create_task(self.desk.handle(Received(TOPIC, self.command("on"), False, lambda: None)))
        await asyncio.sleep(0.05)
        handling.cancel()
        await asyncio.wait({handling})
        self.assertEqual([(a.state, a.why) for a in self.acks], [("failed", "the service stops")])
        self.assertEqual(self.executed, [])

    async def test_a_flood_of_nonsense_neither_delays_a_command_nor_makes_an_executed_one_unknown(self):
        with patch.object(command_memory, "REMEMBERED", 100):
            await self.send(self.command("off"))
            began = time.monotonic()
            for n in range(2000):
                await self.desk.handle(Received(TOPIC, self.command("explode", f"n{n}"), False, lambda: None))
            await self.send(self.command("off"))
            self.assertLess(time.monotonic() - began, 5.0)
        self.assertEqual(self.states(), ["accepted", "done", "done"])
        self.assertEqual(len(self.executed), 1)

    async def test_what_is_done_stays_done_when_the_next_move_comes_while_it_is_written_down(self):
        log = HangingLog(self.path, "done")
        self.addCleanup(log.close)
        self.addCleanup(log.answers.set)
        self.desk = self.make(log)
        log.answers.clear()
        await self.send(self.command("on"))
        self.assertEqual(self.states(), ["accepted"])
        await self.send(self.command("off", "i2"))
        await self.until(lambda: "accepted" in self.states("i2"), "taken")
        log.answers.set()
        await self.until(lambda: "done" in self.states("i2"), "done")
        self.assertEqual((self.states(), self.states("i2")), (["accepted", "done"], ["accepted", "done"]))


if __name__ == "__main__":
    unittest.main()
