"""The end of a run: whatever stores and importer do, the record gets a final state, and is said when it has it."""

import asyncio
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.runs_memory import MemoryRuns
from trackerdcs.app.bridge_finish import Finisher
from trackerdcs.app.bridge_parts import Parts
from trackerdcs.app.run_keeper import RunKeeper, StoreQueue
from trackerdcs.app.run_work import OpenRun, Work
from trackerdcs.domain.errors import StoreDown, StoreFault
from trackerdcs.domain.messages import Command, Event
from trackerdcs.domain.run import Condition, Run
from trackerdcs.domain.topics import Topic
from trackerdcs.tests.waiting import until

RUN = Run("a" * 32, "finalizing", stand="s", device="ph2acf1", start=1, end=2**62, number=7)


class TestFinish(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.work, self.store, self.queue, self.clock = Work(folder), MemoryRuns(), StoreQueue(), SystemClock()
        self.keeper = RunKeeper(self.clock)
        self.final: list[Run] = []
        task = asyncio.create_task(self.queue.run())
        self.addCleanup(task.cancel)

    def finisher(self, *outcomes: Run | Exception) -> Finisher:
        async def conditions() -> dict[str, Condition]:
            return {"s/hv1/ch0/v_mon": Condition(3, -1.0)}

        parts = mock.create_autospec(Parts, instance=True)
        parts.work, parts.store, parts.queue, parts.keeper = self.work, self.store, self.queue, self.keeper
        parts.conditions = lambda run, channels: asyncio.ensure_future(conditions())
        parts.imported = mock.Mock(side_effect=outcomes)
        self.imported, self.parts = parts.imported, parts
        return Finisher(parts, lambda run, opened: self.final.append(run), self.clock)

    def opened(self) -> OpenRun:
        opened = OpenRun(RUN, "folder", channels=(("hv1", "ch0"),))
        self.work.note(opened)
        return opened

    async def test_a_store_that_is_away_is_waited_for(self) -> None:
        done = Run(RUN.id, "done")
        finisher = self.finisher(StoreDown("away"), done)
        finisher.begin(self.opened())
        await until(lambda: finisher.fault)
        self.assertEqual((len(self.final), len(list(self.work.opened()))), (0, 1))
        await until(lambda: self.final)
        self.assertEqual(self.final, [done])
        self.assertIsNone(finisher.fault)
        await until(lambda: not list(self.work.opened()))

    async def test_a_damaged_note_of_a_run_that_the_store_has_at_its_end_is_no_fault_for_ever(self) -> None:
        self.opened()
        finisher, looked = self.finisher(), mock.Mock(side_effect=[StoreDown("away"), Run(RUN.id, "done")])
        with mock.patch.object(self.store, "run", looked), mock.patch("trackerdcs.app.bridge_finish.RETRY", 0.1):
            finisher.mend(RUN)
            await until(lambda: finisher.fault)
            await until(lambda: not list(self.work.opened()))
        self.assertIsNone(finisher.fault)

    async def test_an_importer_that_fails_leaves_a_failed_run(self) -> None:
        with self.assertLogs("trackerdcs.app.bridge_finish", "ERROR"):
            self.finisher(ValueError("no")).begin(self.opened())
            await until(lambda: self.final)
        (final,) = self.final
        self.assertEqual((final.state, final.failure.code if final.failure else ""), ("failed", "not_imported"))
        await until(lambda: self.store.run(RUN.id))

    async def test_a_store_that_is_full_is_asked_again_by_the_next_start(self) -> None:
        self.store.put_run = mock.Mock(side_effect=StoreFault("disk is full"))  # type: ignore[method-assign]
        finisher = self.finisher(StoreFault("disk is full"))
        with self.assertLogs("trackerdcs.app.bridge_finish", "ERROR"):
            finisher.begin(self.opened())
            await until(lambda: finisher.fault)
        self.assertEqual([run.state for run in self.final], ["failed"])
        self.assertEqual([each.run.id for each in self.work.opened()], [RUN.id])

    async def test_a_look_at_the_slow_control_that_fails_keeps_no_run_from_its_end(self) -> None:
        finisher = self.finisher(Run(RUN.id, "done"))

        async def conditions() -> dict[str, Condition]:
            raise ValueError("never thought of")

        self.parts.conditions = lambda run, channels: asyncio.ensure_future(conditions())
        with self.assertLogs("trackerdcs.app.bridge_finish", "ERROR"):
            finisher.begin(self.opened())
            await until(lambda: self.final)

    async def test_a_write_that_no_store_can_take_is_given_up_alone(self) -> None:
        self.queue.put(mock.Mock(side_effect=OverflowError("too large for a document")))
        self.queue.put(lambda: self.store.put_run(RUN))
        await until(lambda: self.store.run(RUN.id))

    async def test_each_time_that_the_store_goes_away_is_said(self) -> None:
        for _ in range(2):
            with self.assertLogs("trackerdcs.app.run_keeper", "WARNING") as logs:
                self.queue.put(mock.Mock(side_effect=StoreFault("disk is full")))
                self.queue.put(lambda: self.store.put_run(RUN))
                await until(lambda: len(logs.output) == 2)
            self.assertIn("refuses", logs.output[0])
            self.assertIn("again", logs.output[1])

    async def test_what_was_heard_meanwhile_is_in_the_record(self) -> None:
        self.keeper.tell(Topic("s", "cmd", "hv1", "cli"), Command("c1", "off", 6, 7, "ch0", reason="r"))
        self.keeper.tell(Topic("s", "event", "hv1"), Event("trip", 9, "b", "ch0", "limit"))
        self.keeper.tell(Topic("s", "event", "hv9"), Event("trip", 9, "b", "ch0", "elsewhere"))
        finisher = self.finisher(Run(RUN.id, "done"))
        finisher.begin(self.opened())
        await until(lambda: self.final)
        (run,) = self.imported.call_args.args
        self.assertEqual(run.commands, ("c1",))
        self.assertEqual([(e.source, e.event, e.text) for e in run.events], [("hv1.ch0", "trip", "limit")])
        self.assertIn("s/hv1/ch0/v_mon", run.conditions)


if __name__ == "__main__":
    unittest.main()
