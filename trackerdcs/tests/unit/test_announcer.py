"""What a device says of itself, on a broker in memory."""

import asyncio
import itertools
import unittest
from unittest.mock import patch

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app.announcer import IN_FLIGHT, Announcer, Who, will_of
from trackerdcs.domain.codec import decode
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.messages import Ack, Event, Meta, Status
from trackerdcs.tests.waiting import until

POSTS = 300
WHO = Who("s", "d", "boot", "0.0.0")
META = Meta("hv", "m", "1", "driver", "0.0.0", True, "boot", 1.0, {})


class TestAnnouncer(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.enterContext(patch("trackerdcs.app.announcer.POSTS", POSTS))
        self.broker = MemoryBroker()
        self.me = await self.enterAsyncContext(MemoryBus(self.broker, "me"))
        self.bus = await self.enterAsyncContext(MemoryBus(self.broker, "device", will_of(WHO, SystemClock())))
        self.seen: list[tuple[str, bytes]] = []
        self.fault: str | None = None
        self.announcer = self.announce(heartbeat=10.0)

    def announce(self, heartbeat: float) -> Announcer:
        announcer = Announcer(WHO, self.bus, SystemClock(), lambda: self.fault, heartbeat)
        for job in (self.listen(), announcer.births(), announcer.run()):
            task = asyncio.create_task(job)
            self.addCleanup(task.cancel)
        return announcer

    async def listen(self) -> None:
        async for delivery in self.me.subscribe("dcs/v1/s/d/+"):
            self.seen.append((delivery.topic.rsplit("/", 1)[1], delivery.payload))
            delivery.acknowledge()

    async def said(self, *leaves: str) -> list[bytes]:
        """What was said since the last call, which must be on these leaves, in this order."""
        await until(lambda: len(self.seen) >= len(leaves))
        await asyncio.sleep(0.05)
        seen, self.seen = self.seen, []
        self.assertEqual([leaf for leaf, _ in seen], list(leaves))
        return [payload for _, payload in seen]

    def four_heartbeats(self) -> bool:
        return [leaf for leaf, _ in self.seen].count("status") >= 4

    async def logged(self, lines: list[str]) -> None:
        for _ in range(100):
            if lines:
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)

    async def test_status_at_connect_meta_when_it_is_known_and_nothing_without_a_reason(self):
        (status,) = await self.said("status")
        self.assertEqual(decode(Status, status).state, "online")
        self.announcer.introduce(META)
        (meta,) = await self.said("meta")
        self.assertEqual(decode(Meta, meta), META)
        self.announcer.refresh()
        await self.said()

    async def test_a_fault_is_said_at_once_and_its_end_too(self):
        (before,) = await self.said("status")
        self.fault = "no answer"
        self.announcer.refresh()
        (fault,) = await self.said("status")
        self.assertEqual((decode(Status, fault).state, decode(Status, fault).error), ("fault", "no answer"))
        self.assertGreater(decode(Status, fault).since, decode(Status, before).since)
        self.fault = "no answer still"
        self.announcer.refresh()
        (still,) = await self.said("status")
        self.assertEqual(decode(Status, still).since, decode(Status, fault).since)
        self.fault = None
        self.announcer.refresh()
        (after,) = await self.said("status")
        self.assertEqual(decode(Status, after).state, "online")

    async def test_the_status_is_repeated_as_heartbeat(self):
        await self.said("status")
        self.announce(heartbeat=0.05)
        await until(self.four_heartbeats)

    async def test_what_is_said_in_between_delays_no_heartbeat(self):
        await self.said("status")
        busy = self.announce(heartbeat=0.1)

        async def talk() -> None:
            for n in itertools.count():
                busy.answer(Ack(f"i{n}", "cli", "done", 1))
                await asyncio.sleep(0.03)

        talking = asyncio.create_task(talk())
        await until(self.four_heartbeats)
        talking.cancel()

    async def test_acks_go_before_events_and_no_flood_of_events_drops_one(self):
        await self.said("status")
        self.broker.stop()
        await asyncio.sleep(0.02)
        self.announcer.answer(Ack("i", "cli", "done", 1))
        for _ in range(POSTS + 1):
            self.announcer.report("bad_message")
        with self.assertLogs("trackerdcs.app.announcer", "ERROR") as logs:
            self.broker.start()
            await self.logged(logs.output)
        leaves = [leaf for leaf, _ in self.seen if leaf in ("ack", "event")]
        self.assertEqual((leaves[0], leaves.count("ack"), leaves.count("event")), ("ack", 1, POSTS))

    async def test_acks_do_not_wait_for_each_other_and_keep_their_order(self):
        await self.said("status")
        publish, sent, go_on = self.bus.publish, [], asyncio.Event()

        async def slow(topic: str, payload: bytes, *, retain: bool = False) -> None:
            sent.append(payload)
            await go_on.wait()
            await publish(topic, payload, retain=retain)

        with patch.object(self.bus, "publish", slow):
            for n in range(IN_FLIGHT):
                self.announcer.answer(Ack(f"i{n}", "cli", "done", 1))
            await until(lambda: len(sent) == IN_FLIGHT)
            self.assertEqual([decode(Ack, payload).id for payload in sent], [f"i{n}" for n in range(IN_FLIGHT)])
            self.assertEqual(self.seen, [])
            go_on.set()
            await until(lambda: len(self.seen) >= IN_FLIGHT)
            await asyncio.sleep(0.05)
        self.assertEqual(len(self.seen), IN_FLIGHT, "each once")

    async def test_what_the_broker_did_not_take_is_sent_again_and_the_rest_is_not(self):
        await self.said("status")
        publish, refused = self.bus.publish, ["i1"]

        async def picky(topic: str, payload: bytes, *, retain: bool = False) -> None:
            if topic.endswith("/ack") and decode(Ack, payload).id in refused:
                refused.clear()
                raise BusDown("not sent")
            await publish(topic, payload, retain=retain)

        with patch.object(self.bus, "publish", picky):
            for n in range(3):
                self.announcer.answer(Ack(f"i{n}", "cli", "done", 1))
            await asyncio.sleep(0.05)
            self.announcer.refresh()
            self.announcer.report("reconnect")
            await asyncio.sleep(0.05)
        acks = [decode(Ack, payload).id for leaf, payload in self.seen if leaf == "ack"]
        self.assertEqual(acks, ["i0", "i2", "i1"])

    async def test_acks_and_events_wait_for_the_broker_in_their_order(self):
        self.announcer.introduce(META)
        await self.said("status", "meta")
        self.broker.stop()
        await asyncio.sleep(0.02)
        self.announcer.answer(Ack("i", "cli", "done", 1))
        self.announcer.report("reconnect", "cable", {"n": 1})
        await asyncio.sleep(0.02)
        self.broker.start()
        await asyncio.sleep(0.05)
        leaves = [leaf for leaf, _ in self.seen if leaf in ("ack", "event")]
        self.assertEqual(leaves, ["ack", "event"])
        event = decode(Event, self.seen[-1][1])
        self.assertEqual((event.event, event.why, event.data), ("reconnect", "cable", {"n": 1}))

    async def test_what_is_too_much_is_dropped_from_the_old_end_and_said(self):
        await self.said("status")
        self.broker.stop()
        await asyncio.sleep(0.02)
        for n in range(POSTS + 3):
            self.announcer.answer(Ack(f"i{n}", "cli", "done", 1))
        with self.assertLogs("trackerdcs.app.announcer", "ERROR") as logs:
            self.broker.start()
            await self.logged(logs.output)
        self.assertIn("3 acks or events dropped", logs.output[0])
        acks = [decode(Ack, payload).id for leaf, payload in self.seen if leaf == "ack"]
        self.assertEqual((len(acks), acks[0]), (POSTS, "i3"))

    async def test_a_text_that_is_no_text_ends_nothing(self):
        await self.said("status")
        self.fault = "half a pair \ud800"
        self.announcer.refresh()
        self.announcer.report("bad_message", "\udfff")
        self.announcer.answer(Ack("i", "cli", "failed", 1, why="\ud800"))
        status, ack, event = await self.said("status", "ack", "event")
        self.assertEqual(decode(Status, status).error, "half a pair \\ud800")
        self.assertEqual((decode(Event, event).why, decode(Ack, ack).why), ("\\udfff", "\\ud800"))
        self.announcer.refresh()
        await self.said()

    async def test_when_it_is_gone_the_status_says_offline(self):
        await self.said("status")
        self.broker.cut("device")
        status = decode(Status, (await self.said("status", "status"))[0])
        self.assertEqual((status.state, status.error, status.boot), ("offline", "last will: connection lost", "boot"))


if __name__ == "__main__":
    unittest.main()
