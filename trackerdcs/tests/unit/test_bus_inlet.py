"""A loader's way in over any bus: in order, bounded, acknowledged by the gulp."""

import asyncio
import unittest
from unittest import mock

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.bus_queues import Subscription
from trackerdcs.app import bus_inlet
from trackerdcs.app.bus_inlet import BusInlet
from trackerdcs.domain.batch import Arrival
from trackerdcs.tests.waiting import until


class TestBusInlet(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.broker = MemoryBroker()
        self.bus = MemoryBus(self.broker, "loader", persistent=True)
        self.inlet = BusInlet(self.bus, ["a/+", "b"])
        await self.enterAsyncContext(self.bus)
        await self.enterAsyncContext(self.inlet)

    def unacknowledged(self) -> int:
        return len(self.broker._sessions["loader"].unacknowledged)

    async def gulped(self, number: int) -> list[Arrival]:
        arrivals: list[Arrival] = []
        async with asyncio.timeout(30):
            while len(arrivals) < number:
                gulp = await self.inlet.gulp(0.0)
                arrivals += gulp.arrivals
                gulp.acknowledge()
        return arrivals

    async def test_what_comes_is_gulped_in_order_and_acknowledged_then(self) -> None:
        self.broker.publish("c", b"not ours", False)
        self.broker.publish("a/1", b"1", False)
        self.broker.publish("b", b"2", False)
        gulp = await self.inlet.gulp(0.1)
        self.assertEqual(gulp.arrivals, [Arrival("a/1", b"1"), Arrival("b", b"2")])
        self.assertEqual(self.unacknowledged(), 2)
        gulp.acknowledge()
        gulp.acknowledge()
        self.assertEqual(self.unacknowledged(), 0)
        with self.assertRaises(TimeoutError):
            await asyncio.wait_for(self.inlet.gulp(0.0), 0.05)
        self.broker.publish("b", b"3", False)  # the gulp that was cancelled has taken nothing with it
        self.assertEqual(await self.gulped(1), [Arrival("b", b"3")])
        self.assertIsNone(self.inlet.fault)
        await self.inlet.leave()

    async def test_what_the_broker_had_kept_says_so(self) -> None:
        self.broker.publish("kept", b"x", True)
        async with BusInlet(self.bus, ["kept"]) as inlet:
            self.assertEqual((await inlet.gulp(0.0)).arrivals, [Arrival("kept", b"x", True)])

    async def test_a_gulp_is_whole_at_once_when_there_is_much(self) -> None:
        with mock.patch.object(bus_inlet, "GULP", 10):
            for i in range(10):
                self.broker.publish("b", b"%d" % i, False)
            gulp = await asyncio.wait_for(self.inlet.gulp(600.0), 30)
            self.assertEqual(len(gulp.arrivals), 10)
            gulping = asyncio.create_task(self.inlet.gulp(1.0))
            for payload in (b"x", b"y"):
                self.broker.publish("b", payload, False)
                for _ in range(10):
                    await asyncio.sleep(0)
            self.assertEqual([a.payload for a in (await gulping).arrivals], [b"x", b"y"])

    async def test_a_gulp_has_no_more_bytes_than_a_spool_takes_at_once(self) -> None:
        large = b"x" * (bus_inlet.GULP_BYTES // 2)
        for payload in (large, large, b"1", large + large + large, b"2", b"3"):
            self.broker.publish("b", payload, False)
        sizes = [[len(a.payload) for a in (await self.inlet.gulp(0.05)).arrivals] for _ in range(3)]
        self.assertEqual(sizes, [[len(large)] * 2, [1], [3 * len(large)]])
        self.assertEqual([a.payload for a in (await self.inlet.gulp(0.05)).arrivals], [b"2", b"3"])

    async def test_nobody_gulps_and_the_bus_holds_the_rest(self) -> None:
        with mock.patch.object(bus_inlet, "GULP", 10):
            for i in range(500):
                self.broker.publish("b", b"%d" % i, False)
            await until(lambda: len(self.inlet._waiting) >= 20)
            for _ in range(50):
                await asyncio.sleep(0)
            self.assertEqual(len(self.inlet._waiting), 20)
            self.assertEqual([a.payload for a in await self.gulped(500)], [b"%d" % i for i in range(500)])
            self.assertEqual(self.unacknowledged(), 0)

    async def test_a_listener_that_fails_is_no_silence(self) -> None:
        class Broken(MemoryBus):
            """Cannot subscribe."""

            def subscribe(self, *filters: str) -> Subscription:
                raise ZeroDivisionError("a bug")

        assert self.inlet._task is not None
        for end in (self.inlet._task.cancel, lambda: None):
            gulping = asyncio.create_task(self.inlet.gulp(0.0))
            await asyncio.sleep(0.01)
            end()
            with self.assertRaises(asyncio.CancelledError):
                await asyncio.wait_for(gulping, 5)
        async with BusInlet(Broken(self.broker, "broken"), ["b"]) as inlet:
            with self.assertRaises(ZeroDivisionError):
                await asyncio.wait_for(inlet.gulp(0.0), 5)
