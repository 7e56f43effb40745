"""A loader that leaves: not before what the broker held for it is safe."""

import asyncio
import unittest
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest import mock

from trackerdcs.app import load_loop
from trackerdcs.domain.errors import StoreFault
from trackerdcs.tests.loader_rig import Rig
from trackerdcs.tests.waiting import until

QUIET_S = 0.2


class TestLoadLeave(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.enterContext(mock.patch.object(load_loop, "QUIET_S", QUIET_S))
        self.rig = Rig(heartbeat=60.0)

    async def test_it_ends_when_nothing_is_left(self) -> None:
        async with self._leaving() as leaving:
            await asyncio.wait_for(leaving, 30)
        self.rig.check(self, *range(10))

    async def test_it_stays_while_what_it_has_taken_cannot_be_spooled(self) -> None:
        self.rig.spool.full = True
        async with self._leaving() as leaving:
            await until(lambda: self.rig.loop._receiver.fault)
            await asyncio.sleep(4 * QUIET_S)
            self.assertFalse(leaving.done(), "its session would end, and the messages with it")
            self.rig.spool.full = False
            await asyncio.wait_for(leaving, 30)
        self.rig.check(self, *range(10))

    async def test_it_stays_while_the_spool_of_the_last_start_cannot_be_read(self) -> None:
        waiting = self.rig.spool.waiting
        self.rig.spool.waiting = mock.Mock(side_effect=StoreFault("no such disk"))  # type: ignore[method-assign]
        async with self._leaving() as leaving:
            await asyncio.sleep(4 * QUIET_S)
            self.assertFalse(leaving.done())
            self.rig.spool.waiting = waiting  # type: ignore[method-assign]
            await asyncio.wait_for(leaving, 30)
        self.rig.check(self, *range(10))

    async def test_it_stays_while_the_broker_does_not_answer(self) -> None:
        answers = asyncio.Event()
        answers.set()
        async with self._leaving(answers) as leaving:
            answers.clear()
            await asyncio.sleep(4 * QUIET_S)
            self.assertFalse(leaving.done(), "what the broker holds may still be there")
            answers.set()
            await asyncio.wait_for(leaving, 30)

    @asynccontextmanager
    async def _leaving(self, answers: asyncio.Event | None = None) -> AsyncIterator[asyncio.Task[None]]:
        """A loader that leaves, with ten frames that the broker has kept for it."""
        rig = self.rig
        async with rig.device, rig.witness, rig.loader, rig.inlet:
            if answers is not None:
                rig.inlet.leave = answers.wait  # type: ignore[method-assign, assignment]
            watching = asyncio.create_task(rig.watch())
            await rig.send_frames(*range(10))
            leaving = asyncio.create_task(rig.loop.run(leave=True))
            await asyncio.sleep(0)
            yield leaving
            await asyncio.sleep(0.1)
            for task in (leaving, watching):
                task.cancel()
            await asyncio.gather(leaving, watching, return_exceptions=True)
