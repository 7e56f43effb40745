"""What pages are told of the stands: the present first, each message once, and nobody waits for who is slow."""

import asyncio
import json
import unittest
from typing import Any

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.app import live_hub
from trackerdcs.app.live_hub import BEHIND, LiveHub, Watcher
from trackerdcs.domain import topics
from trackerdcs.domain.codec import encode
from trackerdcs.domain.messages import Ack, Alarm, Frame, RunNote
from trackerdcs.tests.fake_device import META
from trackerdcs.tests.waiting import until
from trackerdcs.tests.web_case import LaterClock

HV1 = topics.of_device("bench", "hv1", "frame")


def frame(seq: int, volt: float = -50.0) -> bytes:
    return encode(Frame(ts=10**18 + seq, seq=seq, boot="b1", sw="0", kind="hv", ch={"ch0": {"v_mon": volt}}))


class HubCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.brokers = {name: MemoryBroker() for name in ("bench", "other")}
        self.clock, self.buses = LaterClock(), dict[str, MemoryBus]()
        for name, broker in self.brokers.items():
            self.buses[name] = await self.enterAsyncContext(MemoryBus(broker, f"web-{name}"))
        self.speaker = await self.enterAsyncContext(MemoryBus(self.brokers["bench"], "hv1"))
        self.hub = LiveHub(self.buses, self.clock)

    async def begin(self) -> None:
        running = asyncio.create_task(self.hub.run())
        self.addCleanup(running.cancel)
        await asyncio.sleep(0.02)

    async def say(self, topic: str, payload: bytes, retain: bool = True) -> None:
        await self.speaker.publish(topic, payload, retain=retain)

    async def batch(self, watcher: Watcher) -> dict[str, Any]:
        async with asyncio.timeout(5):
            found: dict[str, Any] = json.loads(await anext(watcher))
            return found

    async def news(self, watcher: Watcher) -> list[Any]:
        """The next batch that says something."""
        while not (said := (await self.batch(watcher))["said"]):
            pass
        return list(said)


class Said(HubCase):
    async def test_first_the_whole_of_the_stands_that_were_asked_for_then_what_is_new(self) -> None:
        await self.begin()
        other = await self.enterAsyncContext(MemoryBus(self.brokers["other"], "hv9"))
        await other.publish(topics.of_device("other", "hv9", "frame"), frame(7), retain=True)
        await self.say(HV1, frame(1))
        await until(lambda: len(self.hub._stands["bench"].states) == 1)
        self.clock.later += 3
        watcher = self.hub.watch({"bench"})
        whole = await self.batch(watcher)
        self.assertEqual((whole["whole"], whole["stands"]), (True, {"bench": True}))
        ((topic, age, kept, message),) = whole["said"]
        self.assertEqual((topic, kept, message["seq"]), ("bench/hv1/frame", False, 1))
        self.assertAlmostEqual(age, 3, delta=0.5)
        await self.say(HV1, frame(2))
        await other.publish(topics.of_device("other", "hv9", "frame"), frame(8), retain=True)
        ((topic, age, kept, message),) = await self.news(watcher)
        self.assertEqual((topic, kept, message["seq"]), ("bench/hv1/frame", False, 2))
        both = await self.batch(self.hub.watch(self.hub.stands))
        self.assertEqual({each[0] for each in both["said"]}, {"bench/hv1/frame", "other/hv9/frame"})

    async def test_what_the_broker_has_only_kept_says_so(self) -> None:
        await self.say(HV1, frame(1))
        await self.begin()
        await until(lambda: self.hub._stands["bench"].states)
        ((_, _, kept, _),) = (await self.batch(self.hub.watch({"bench"})))["said"]
        self.assertTrue(kept)

    async def test_an_ack_is_told_once_to_who_comes_in_between(self) -> None:
        await self.begin()
        await self.say(topics.of_device("bench", "hv1", "ack"), encode(Ack("1", "web", "done", 1)), retain=False)
        await until(lambda: self.hub._stands["bench"].passing)
        watcher = self.hub.watch({"bench"})
        self.assertEqual(len((await self.batch(watcher))["said"]), 1)
        await self.say(HV1, frame(1))
        self.assertEqual([each[0] for each in await self.news(watcher)], ["bench/hv1/frame"])

    async def test_a_backlog_leaves_as_the_newest_of_each(self) -> None:
        await self.begin()
        watcher = self.hub.watch({"bench"})
        await self.batch(watcher)
        for seq in range(50):
            await self.say(HV1, frame(seq))
        said = await self.news(watcher)
        self.assertEqual([each[3]["seq"] for each in said], [49])
        self.assertEqual((await self.batch(watcher))["said"], [], "and not again")

    async def test_a_cleared_topic_is_told_and_forgotten(self) -> None:
        await self.begin()
        topic = topics.run("bench", "r1")
        await self.say(topic, encode(RunNote("done", 1, 1, "ph1", "b1", 0, "pedenoise")))
        await until(lambda: self.hub._stands["bench"].states)
        watcher = self.hub.watch({"bench"})
        await self.batch(watcher)
        await self.say(topic, b"")
        ((topic, _, _, message),) = await self.news(watcher)
        self.assertEqual((topic, message), ("bench/run/r1", None))
        self.assertEqual((await self.batch(self.hub.watch({"bench"})))["said"], [])

    async def test_what_is_outside_the_contract_is_counted_logged_once_and_not_shown(self) -> None:
        await self.begin()
        watcher = self.hub.watch({"bench"})
        with self.assertLogs("trackerdcs.app.live_hub", "WARNING") as logs:
            for payload in (b"{", b'{"v":1,"ts":NaN}', b"\xff", frame(1).replace(b'"v":1', b'"v":2')):
                await self.say(HV1, payload, retain=False)
            await self.say("dcs/v1/bench/Hv1/frame", frame(1), retain=False)
            await until(lambda: self.hub.bad == 5)
        self.assertEqual(len(logs.output), 2)
        await self.say(HV1, frame(5))
        self.assertEqual([each[3]["seq"] for each in await self.news(watcher)], [5])

    async def test_a_meta_is_known_to_who_asks(self) -> None:
        await self.begin()
        self.assertIsNone(self.hub.meta("bench", "hv1"))
        self.assertIsNone(self.hub.meta("nowhere", "hv1"))
        await self.say(topics.of_device("bench", "hv1", "meta"), encode(META))
        await until(lambda: self.hub.meta("bench", "hv1") == META)


class Watched(HubCase):
    async def test_who_does_not_take_what_it_gets_is_let_go_and_nobody_waits(self) -> None:
        await self.begin()
        slow, quick = self.hub.watch({"bench"}), self.hub.watch({"bench"})
        for number in range(BEHIND + 2):
            self.hub._broadcast({}, float(number))
            await self.batch(quick)
        self.assertNotIn(slow, self.hub._watchers)
        self.assertIn(quick, self.hub._watchers)
        self.assertEqual(len([each async for each in slow]), BEHIND)

    async def test_all_who_look_at_the_same_get_the_same_bytes(self) -> None:
        watchers = [self.hub.watch({"bench"}) for _ in range(3)]
        for watcher in watchers:
            await self.batch(watcher)
        self.hub._broadcast({}, 1.0)
        one, other, third = [await anext(watcher) for watcher in watchers]
        self.assertTrue(one is other is third)

    async def test_something_is_said_every_second_and_never_to_who_has_left(self) -> None:
        await self.begin()
        here, gone = self.hub.watch({"bench"}), self.hub.watch({"bench"})
        await self.batch(here)
        self.hub.leave(gone)
        self.assertEqual((await self.batch(here))["said"], [])
        self.assertEqual(gone._queue.qsize(), 1)


class Broker(HubCase):
    async def test_gone_is_told_what_was_said_becomes_old_and_what_has_ended_meanwhile_goes(self) -> None:
        live_hub.AGAIN_S, before = 0.2, live_hub.AGAIN_S
        self.addCleanup(setattr, live_hub, "AGAIN_S", before)
        await self.begin()
        await self.say(HV1, frame(1))
        await self.say(topics.run("bench", "r1"), encode(RunNote("done", 1, 1, "ph1", "b1", 0, "pedenoise")))
        await until(lambda: len(self.hub._stands["bench"].states) == 2)
        watcher = self.hub.watch({"bench"})
        await self.batch(watcher)
        broker = self.brokers["bench"]
        broker.stop()
        while (batch := await self.batch(watcher))["stands"]["bench"]:
            pass
        said = batch["said"] or await self.news(watcher)
        self.assertEqual({each[0]: each[2] for each in said}, {"bench/hv1/frame": True, "bench/run/r1": True})
        del broker.retained[topics.run("bench", "r1")]
        broker.start()
        await until(lambda: len(self.hub._stands["bench"].states) == 1)
        (left,) = self.hub._stands["bench"].states.values()
        self.assertTrue(left.kept)

    async def test_lost_twice_in_a_moment_takes_away_nothing_that_is_still_said(self) -> None:
        live_hub.AGAIN_S, before = 0.3, live_hub.AGAIN_S
        self.addCleanup(setattr, live_hub, "AGAIN_S", before)
        await self.begin()
        alarm = Alarm("raised", "critical", 1, 1, 0, "b1", "silent")
        await self.say(topics.alarm("bench", "silent"), encode(alarm))
        await until(lambda: self.hub._stands["bench"].states)
        broker, bus = self.brokers["bench"], self.buses["bench"]
        for pause in (0.1, 0.8):
            broker.stop()
            await asyncio.sleep(0.05)
            broker.start()
            await until(lambda: bus.connected)
            for _ in range(int(pause / 0.05)):
                await asyncio.sleep(0.05)
                self.assertIn("bench/alarm/silent", self.hub._stands["bench"].states)
