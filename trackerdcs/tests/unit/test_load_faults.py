"""The loader's promise under faults: what was sent is stored or parked, and no claim is ever false."""

import asyncio
import time
import unittest
from collections.abc import Sequence
from unittest import mock

from trackerdcs.adapters.bus_memory import MemoryBus
from trackerdcs.adapters.bus_queues import Received
from trackerdcs.app.backlog import TIDY_S
from trackerdcs.domain.errors import BusDown, StoreFault
from trackerdcs.domain.gaps import Piece
from trackerdcs.domain.series import Point, RejectedPoint
from trackerdcs.tests.loader_rig import GONE, Rig, frame
from trackerdcs.tests.waiting import until


class TestLoadFaults(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.rig = Rig()

    async def test_a_store_that_is_down_loses_nothing_and_costs_two_log_lines(self) -> None:
        rig = Rig(heartbeat=60.0)  # both changes of the status are said at once
        with self.assertLogs("trackerdcs.app.storer", "INFO") as logs:
            async with rig.running():
                rig.series.down = GONE
                await rig.send_frames(*range(100))
                await until(lambda: any(s.state == "fault" for s in rig.statuses))
                tries = rig.series.writes
                await until(lambda: rig.series.writes > tries + 3)
                self.assertEqual(rig.confirmed, set())
                await until(lambda: rig.spool.messages() >= 100)
                self.assertGreaterEqual(rig.figure("waiting"), 100)
                rig.series.down = None
                await until(lambda: len(rig.confirmed) == 100)
                await until(lambda: rig.statuses[-1].state == "online")
                rig.check(self, *range(100))
        self.assertEqual(len(logs.output), 2, logs.output)
        self.assertIn(GONE, next(s.error or "" for s in rig.statuses if s.state == "fault"))

    async def test_full_dead_letters_hold_only_the_bad_messages(self) -> None:
        rig = Rig(heartbeat=60.0)  # no frame of its own among those that are counted
        rig.letters.full, rig.bad = True, {"dcs/v1/bench/hv1/frame"}
        with self.assertLogs("trackerdcs.app.parking", "WARNING") as logs:
            async with rig.running():
                for seq in range(0, 30, 2):
                    await rig.send(frame(seq).replace(b'"v":1', b'"v":2'))
                    await rig.send_frames(seq + 1)
                await until(lambda: len(rig.confirmed) == 15)
                self.assertEqual(rig.confirmed, set(range(1, 30, 2)))
                self.assertGreaterEqual(rig.spool.messages(), 15)
                await until(lambda: "no space" in (rig.statuses[-1].error or ""))
                rig.letters.full = False
                await until(lambda: len(rig.confirmed) == 30)
                rig.check(self, *range(30))
                await until(lambda: rig.statuses[-1].state == "online")
        self.assertEqual(len(logs.output), 3, logs.output)  # cannot be written, one bad topic, can be written again

    async def test_a_full_spool_leaves_the_rest_with_the_broker_and_goes_on(self) -> None:
        rig = Rig(heartbeat=60.0)
        with self.assertLogs("trackerdcs.app.receiver", "INFO") as logs:
            async with rig.running():
                rig.spool.full = True
                await rig.send_frames(*range(100))
                await until(lambda: any("no space" in (s.error or "") for s in rig.statuses))
                await asyncio.sleep(1.5 * TIDY_S)  # what tidies meanwhile has no say in this
                self.assertEqual(rig.statuses[-1].state, "fault")
                self.assertEqual(rig.confirmed, set())
                self.assertGreaterEqual(len(rig.broker._sessions["loader"].unacknowledged), 100)
                rig.spool.full = False
                await until(lambda: len(rig.confirmed) == 100 and rig.statuses[-1].state == "online")
                rig.check(self, *range(100))
                await until(lambda: not rig.broker._sessions["loader"].unacknowledged)
        self.assertEqual(len(logs.output), 2, logs.output)

    async def test_a_spool_at_its_limit_takes_nothing_until_there_is_room(self) -> None:
        rig = Rig(heartbeat=60.0)
        rig.loop.backlog._limit = 10_000
        async with rig.running():
            rig.series.down = GONE
            await rig.send_frames(0)
            await until(lambda: rig.series.writes)
            await rig.send_frames(*range(1, 100))
            await until(lambda: any("spool: full with" in (s.error or "") for s in rig.statuses))
            await rig.send_frames(*range(100, 200))
            await asyncio.sleep(1.5 * TIDY_S)  # what tidies meanwhile has no say in this
            self.assertGreaterEqual(len(rig.broker._sessions["loader"].unacknowledged), 100)
            self.assertEqual([s.state for s in rig.statuses if "full" in (s.error or "")][-1], "fault")
            self.assertLessEqual(sum(s.state == "online" for s in rig.statuses), 1, "it goes to fault and stays there")
            rig.series.down = None
            await until(lambda: len(rig.confirmed) == 200)
            rig.check(self, *range(200))

    async def test_a_message_that_trips_the_store_is_parked_and_the_others_stored(self) -> None:
        rig = self.rig
        rig.series.trips_over = 1.5
        async with rig.running():
            rig.series.down = GONE
            await rig.send_frames(0, 1, 2, 3, 4)
            await until(lambda: rig.series.writes > 1)
            rig.series.down = None
            await until(lambda: len(rig.confirmed) == 5)
            self.assertEqual([why for _, _, why in rig.letters.parked], ["ZeroDivisionError: a bug \\ud800"])
            rig.check(self, 0, 1, 2, 3, 4)

    async def test_a_bug_of_the_store_is_shown_and_nothing_is_parked_for_it(self) -> None:
        rig = self.rig
        with self.assertLogs("trackerdcs.app.storer", "INFO") as logs:
            async with rig.running() as loading:
                rig.series.breaks = True
                await rig.send_frames(0, 1, 2)
                await until(lambda: any(s.state == "fault" for s in rig.statuses))
                fault = next(s for s in rig.statuses if s.state == "fault")
                self.assertIn("ZeroDivisionError: a bug", fault.error or "")
                self.assertFalse(loading.done())
                rig.series.breaks = False
                await until(lambda: len(rig.confirmed) == 3)
                self.assertEqual(len(rig.letters), 0)
                rig.check(self, 0, 1, 2)
        self.assertEqual(len(logs.output), 2, logs.output)
        self.assertIn("Traceback", logs.output[0])

    async def test_a_bug_of_the_store_does_not_empty_a_batch_into_the_dead_letters(self) -> None:
        rig = self.rig
        async with rig.running():
            rig.series.down = GONE
            await rig.send_frames(0, 1, 2)
            await until(lambda: rig.spool.messages() >= 3)
            rig.series.breaks, rig.series.down = True, None
            await until(lambda: any("a bug" in (s.error or "") for s in rig.statuses))
            rig.series.breaks = False
            await until(lambda: len(rig.confirmed) == 3)
            self.assertEqual(len(rig.letters), 0)
            rig.check(self, 0, 1, 2)

    async def test_a_gap_record_that_fails_holds_nothing_back_and_is_made_up_for(self) -> None:
        rig = Rig(heartbeat=60.0)
        rig.record.full = True
        with self.assertLogs("trackerdcs.app.gap_keeper", "INFO") as logs:
            async with rig.running():
                await rig.send_frames(*range(10))
                await until(lambda: len(rig.confirmed) == 10)
                await until(lambda: "gap record: no space" in (rig.statuses[-1].error or ""))
                self.assertEqual(rig.statuses[-1].state, "online", "a fault would keep the journals from sending again")
                rig.check(self, *range(10))
                rig.record.full = False
                await rig.send_frames(10)
                await until(lambda: rig.record.ranges("stored") == [(0, 10)])
                await until(lambda: rig.statuses[-1].error is None)
                self.assertEqual(rig.record.false, [])
        self.assertEqual(len(logs.output), 2, logs.output)

    async def test_a_loader_killed_around_the_record_repeats_and_skips_nothing(self) -> None:
        rig = self.rig
        add, loop = rig.record.add, asyncio.get_running_loop()
        for start, after in ((0, False), (10, True)):
            dead = asyncio.Event()

            def add_and_die(pieces: Sequence[Piece], after: bool = after, dead: asyncio.Event = dead) -> None:
                if after:
                    add(pieces)
                asyncio.run_coroutine_threadsafe(_set(dead), loop)
                time.sleep(0.05)  # until the loader is gone
                raise StoreFault("killed")

            rig.record.add = add_and_die  # type: ignore[method-assign]
            rig.loop = rig.new_loop()
            async with rig.running() as loading:
                await rig.send_frames(*range(start, start + 10))
                await dead.wait()
                loading.cancel()
                await asyncio.gather(loading, return_exceptions=True)
                self.assertEqual(rig.confirmed, set(range(start)), "nothing is confirmed before it is recorded")
            rig.record.add = add  # type: ignore[method-assign]
            rig.loader = MemoryBus(rig.broker, "loader", rig.will, persistent=True)
            rig.device, rig.witness = MemoryBus(rig.broker, "device"), MemoryBus(rig.broker, "witness")
            rig.loop = rig.new_loop()
            async with rig.running():
                await until(lambda start=start: len(rig.confirmed) == start + 10)  # type: ignore[misc]
            rig.check(self, *range(start + 10))
            self.assertEqual(rig.record.ranges("stored"), [(0, start + 9)])
            rig.loader = MemoryBus(rig.broker, "loader", rig.will, persistent=True)
            rig.device, rig.witness = MemoryBus(rig.broker, "device"), MemoryBus(rig.broker, "witness")

    async def test_a_bus_cut_after_the_write_loses_nothing(self) -> None:
        await self._cut("write")

    async def test_a_bus_cut_while_acknowledging_loses_nothing(self) -> None:
        await self._cut("acknowledge")

    async def test_a_bus_cut_before_the_claim_loses_nothing(self) -> None:
        await self._cut("stored")

    async def _cut(self, at: str) -> None:
        rig = self.rig
        async with rig.running():
            _cut_once(self, rig, at)
            await rig.send_frames(*range(10))
            await until(lambda: set(rig.series.seqs) == set(range(10)) and rig.cuts == 1 and rig.loader.connected)
            await until(lambda: not rig.broker._sessions["loader"].unacknowledged)
            for seq in set(range(10)) - rig.confirmed:  # what the journal of the device would do
                await rig.send(frame(seq), "replay")
            await until(lambda: len(rig.confirmed) == 10)
            rig.check(self, *range(10))

    async def test_what_a_stopped_loader_held_goes_to_the_next_one(self) -> None:
        rig = self.rig
        async with rig.device, rig.witness:
            watching = asyncio.create_task(rig.watch())
            for start in (0, 20, 40):
                rig.loader = MemoryBus(rig.broker, "loader", rig.will, persistent=True)
                rig.loop = rig.new_loop()
                async with rig.loader, rig.inlet:
                    loading = asyncio.create_task(rig.loop.run())
                    rig.series.down = GONE if start < 40 else None
                    await rig.send_frames(*range(start, start + 20))
                    await until(lambda: rig.loop.tally.received >= 20)
                    if start == 40:
                        await until(lambda: len(rig.confirmed) == 60)
                    loading.cancel()
                    await asyncio.gather(loading, return_exceptions=True)
            rig.check(self, *range(60))
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def _set(event: asyncio.Event) -> None:
    event.set()


def _cut_once(test: unittest.TestCase, rig: Rig, at: str) -> None:
    """Cut the loader's connection once: after the first write, in the first acknowledgement, at the first claim."""

    def strike() -> None:
        if not rig.cuts:
            rig.cuts += 1
            rig.broker.cut("loader")

    if at == "write":
        write = rig.series.write

        async def write_then_cut(points: Sequence[Point]) -> list[RejectedPoint]:
            rejected = await write(points)
            if any(("device", "hv1") in p.tags for p in points):
                strike()
            return rejected

        rig.series.write = write_then_cut  # type: ignore[method-assign]
    elif at == "acknowledge":
        acknowledge = Received.acknowledge

        def acknowledge_then_cut(delivery: Received) -> None:
            acknowledge(delivery)
            if "/bench/" in delivery.topic:
                strike()

        patch = mock.patch.object(Received, "acknowledge", acknowledge_then_cut)
        patch.start()
        test.addCleanup(patch.stop)
    else:
        publish = rig.loader.publish

        async def cut_then_publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
            if topic.endswith("bench/stored"):
                strike()
            if not rig.loader.connected:
                raise BusDown("cut")
            await publish(topic, payload, retain=retain)

        rig.loader.publish = cut_then_publish  # type: ignore[method-assign]
