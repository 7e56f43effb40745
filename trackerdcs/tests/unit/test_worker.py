"""The worker of a link: order, exceptions, cancellation."""

import asyncio
import contextvars
import threading
import unittest
from functools import partial

from trackerdcs.app.worker import Priority, Worker

_who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


class TestWorker(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.worker = Worker("t")
        self.gate = threading.Event()
        self.busy = asyncio.create_task(self.worker.run(Priority.POLL, lambda: self.gate.wait(5)))
        await asyncio.sleep(0.02)

    async def asyncTearDown(self):
        self.gate.set()
        self.worker.stop()
        self.assertTrue(self.worker.join(5))

    async def test_what_waits_goes_by_priority_and_then_by_order(self):
        done: list[str] = []
        wanted = [
            (Priority.POLL, "poll"),
            (Priority.SET, "set1"),
            (Priority.SET, "set2"),
            (Priority.DOWN, "off"),
            (Priority.KILL, "kill"),
        ]
        tasks = [asyncio.create_task(self.worker.run(p, partial(done.append, name))) for p, name in wanted]
        await asyncio.sleep(0.02)
        self.gate.set()
        await asyncio.gather(*tasks)
        self.assertEqual(done, ["kill", "off", "set1", "set2", "poll"])

    async def test_an_exception_reaches_the_caller_and_the_worker_lives_on(self):
        self.gate.set()
        with self.assertRaises(ZeroDivisionError):
            await self.worker.run(Priority.SET, lambda: 1 // 0)
        self.assertEqual(await self.worker.run(Priority.SET, lambda: 7), 7)

    async def test_a_job_cancelled_in_the_queue_is_never_executed(self):
        done: list[str] = []
        task = asyncio.create_task(self.worker.run(Priority.SET, lambda: done.append("on")))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.gate.set()
        await self.worker.run(Priority.POLL, lambda: None)
        self.assertEqual(done, [])

    async def test_all_jobs_run_on_one_thread(self):
        self.gate.set()
        names = {await self.worker.run(Priority.POLL, lambda: threading.current_thread().name) for _ in range(5)}
        self.assertEqual(names, {"link-t"})

    async def test_a_job_runs_in_the_context_of_its_caller(self):
        async def ask(who: str) -> str:
            _who.set(who)
            return await self.worker.run(Priority.SET, _who.get)

        both = [asyncio.create_task(ask(who)) for who in ("a", "b")]
        self.gate.set()
        self.assertEqual(await asyncio.gather(*both), ["a", "b"])
        self.assertEqual(await self.worker.run(Priority.SET, _who.get), "nobody")

    async def test_a_closed_gate_refuses_what_sets_or_brings_down_queued_or_new(self):
        priorities = (Priority.SET, Priority.DOWN, Priority.POLL, Priority.KILL)
        queued = [self.worker.submit(p, partial(str, p)) for p in priorities]
        self.worker.close_gate("killed by somebody")
        self.gate.set()
        new = [self.worker.submit(p, partial(str, p)) for p in priorities]
        for sets, goes_on in ((queued[:2], queued[2:]), (new[:2], new[2:])):
            for future in sets:
                self.assertEqual(str(await asyncio.to_thread(future.exception, 5)), "killed by somebody")
            for future in goes_on:
                self.assertTrue(await asyncio.to_thread(future.result, 5))
        self.worker.open_gate()
        self.assertEqual(await self.worker.run(Priority.SET, lambda: 7), 7)

    async def test_stopping_does_not_wait_for_what_is_queued(self):
        done: list[str] = []
        task = asyncio.create_task(self.worker.run(Priority.SET, lambda: done.append("on")))
        await asyncio.sleep(0.02)
        self.worker.stop()
        self.gate.set()
        self.assertTrue(await asyncio.to_thread(self.worker.join, 5))
        self.assertEqual(done, [])
        task.cancel()


if __name__ == "__main__":
    unittest.main()
