"""One owner per device: what is kept of another one is waited for, what is heard of it live decides."""

import asyncio
import time
import unittest
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app.announcer import Who
from trackerdcs.app.sole_owner import SoleOwner
from trackerdcs.domain.codec import encode
from trackerdcs.domain.errors import InUse
from trackerdcs.domain.messages import Status
from trackerdcs.tests.waiting import until

ME = Who("s", "hv1", "mine", "0")
HEARTBEAT = 0.2


class TestSoleOwner(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.broker = MemoryBroker()
        self.events: list[tuple[str, str]] = []

    @asynccontextmanager
    async def owner(self, silence: float = 30.0) -> AsyncIterator[tuple[SoleOwner, MemoryBus]]:
        async with MemoryBus(self.broker, "other") as other, MemoryBus(self.broker, "me") as me:
            yield SoleOwner(ME, me, SystemClock(), 0.05, HEARTBEAT, silence), other

    async def says(self, bus: MemoryBus, state: Literal["online", "offline", "fault"], boot: str = "theirs") -> None:
        await bus.publish(ME.topic("status"), encode(Status(state, 1, 1, boot, "0")), retain=True)

    async def test_rule_20_a_device_of_which_nothing_or_its_end_is_kept_is_free_at_once(self) -> None:
        async with self.owner() as (owner, _):
            await owner.alone()
        async with MemoryBus(self.broker, "x") as bus:
            await self.says(bus, "offline")
        began = time.monotonic()
        async with self.owner() as (owner, _):
            await owner.alone()
        self.assertLess(time.monotonic() - began, HEARTBEAT)

    async def test_rule_20_an_owner_that_repeats_its_status_is_named_one_that_does_not_is_dead(self) -> None:
        async with MemoryBus(self.broker, "x") as bus:
            await self.says(bus, "online")
        began = time.monotonic()
        async with self.owner() as (owner, _):
            await owner.alone()
        self.assertGreaterEqual(time.monotonic() - began, HEARTBEAT)
        async with self.owner() as (owner, other):
            waiting = asyncio.create_task(owner.alone())
            await asyncio.sleep(HEARTBEAT / 2)
            await self.says(other, "fault")
            with self.assertRaisesRegex(InUse, "another owner of hv1 says that it is fault: boot theirs"):
                await waiting

    async def test_rule_20_an_owner_that_ends_while_it_is_listened_for_is_not_waited_for(self) -> None:
        async with MemoryBus(self.broker, "x") as bus:
            await self.says(bus, "online")
        async with self.owner() as (owner, other):
            waiting = asyncio.create_task(owner.alone())
            await asyncio.sleep(0.01)
            await self.says(other, "offline")
            began = time.monotonic()
            await waiting
            self.assertLess(time.monotonic() - began, HEARTBEAT / 2)

    async def test_rule_20_without_a_broker_nobody_is_waited_for(self) -> None:
        self.broker.stop()
        async with MemoryBus(self.broker, "me") as me:
            await SoleOwner(ME, me, SystemClock(), 60.0).alone()

    async def test_rule_20_an_owner_that_appears_later_is_a_fault_and_an_event_until_it_ends(self) -> None:
        async with self.owner(silence=0.3) as (owner, other):
            await owner.alone()
            watching = asyncio.create_task(owner.watch(lambda event, why: self.events.append((event, why))))
            await self.says(other, "online", "mine")
            await asyncio.sleep(0.01)
            self.assertIsNone(owner.fault)
            for _ in range(2):
                await self.says(other, "online")
            await until(lambda: owner.fault)
            self.assertIn("boot theirs", owner.fault or "")
            self.assertEqual([event for event, _ in self.events], ["foreign_owner"])
            await self.says(other, "offline")
            await until(lambda: owner.fault is None)
            await self.says(other, "fault")
            await until(lambda: owner.fault)
            await until(lambda: owner.fault is None)  # silent
            watching.cancel()


if __name__ == "__main__":
    unittest.main()
