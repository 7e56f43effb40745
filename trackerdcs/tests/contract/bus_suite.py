"""What every Bus promises, as tests. Whoever has a Bus runs them: test_bus.py."""

import asyncio
import contextlib

from trackerdcs.domain.errors import BusDown
from trackerdcs.ports import Will
from trackerdcs.tests.contract.bus_case import PATIENCE_S, QUIET_S, STATUS, TOPIC, BusCase, connected, soon
from trackerdcs.tests.waiting import until


class BusSuite(BusCase):
    """The contract."""

    async def test_wildcards_select(self) -> None:
        bus, inbox = await self.bus("a", "dcs/v1/+/+/event", "dcs/v1/lab/alarm/#")
        for topic in (TOPIC, "dcs/v1/lab/hv1/ack", "dcs/v1/lab/alarm/hot", "dcs/v1/lab/alarm"):
            await soon(bus.publish(topic, b"x"))
        topics = [t for t, _, _ in await self.take(inbox, 3)]
        self.assertEqual(topics, [TOPIC, "dcs/v1/lab/alarm/hot", "dcs/v1/lab/alarm"])
        await self.nothing(inbox)

    async def test_order_is_kept_and_nothing_is_doubled(self) -> None:
        bus, inbox = await self.bus("a", "dcs/v1/#")
        for i in range(100):
            await soon(bus.publish(TOPIC, str(i).encode()))
        self.assertEqual([p for _, p, _ in await self.take(inbox, 100)], [str(i).encode() for i in range(100)])
        await self.nothing(inbox)

    async def test_payloads_arrive_unchanged(self) -> None:
        bus, inbox = await self.bus("a", TOPIC)
        payloads = [b"", "µA, °C, 模块".encode(), bytes(range(256)) * 800]
        for payload in payloads:
            await soon(bus.publish(TOPIC, payload))
        self.assertEqual([p for _, p, _ in await self.take(inbox, 3)], payloads)

    async def test_retained_messages_are_flagged_and_an_empty_one_clears(self) -> None:
        bus, live = await self.bus("a", STATUS)
        await soon(bus.publish(STATUS, b"1", retain=True))
        await soon(bus.publish(STATUS, b"2", retain=True))
        self.assertEqual(await self.take(live, 2), [(STATUS, b"1", False), (STATUS, b"2", False)])
        _, late = await self.bus("b", "dcs/v1/#")
        self.assertEqual(await self.take(late), [(STATUS, b"2", True)])
        await soon(bus.publish(STATUS, b"", retain=True))
        self.assertEqual(await self.take(late), [(STATUS, b"", False)])
        _, later = await self.bus("c", "dcs/v1/#")
        await self.nothing(later)

    async def test_a_subscription_made_while_connected_gets_what_is_retained_and_what_comes(self) -> None:
        bus, _ = await self.bus("a")
        await soon(bus.publish(STATUS, b"1", retain=True))
        inbox = bus.subscribe(STATUS)
        self.assertEqual(await self.take(inbox), [(STATUS, b"1", True)])
        await soon(bus.publish(STATUS, b"2", retain=True))
        self.assertEqual(await self.take(inbox), [(STATUS, b"2", False)])

    async def test_what_is_published_after_subscribing_arrives(self) -> None:
        bus, _ = await self.bus("a")
        for i in range(8):
            inbox = bus.subscribe(f"dcs/v1/lab/hv{i}/event")
            await soon(bus.publish(f"dcs/v1/lab/hv{i}/event", b"x"))
            await self.take(inbox)

    async def test_leaving_publishes_the_will_retained(self) -> None:
        _, inbox = await self.bus("watcher", STATUS)
        will = Will(STATUS, lambda why: f"offline: {why}".encode())
        async with self.make("mortal", will=will) as bus:
            await connected(bus)
        self.assertEqual(await self.take(inbox), [(STATUS, b"offline: stopped", False)])
        await self.nothing(inbox)
        _, late = await self.bus("late", STATUS)
        self.assertEqual(await self.take(late), [(STATUS, b"offline: stopped", True)])

    async def test_abrupt_death_publishes_the_last_will_retained(self) -> None:
        _, inbox = await self.bus("watcher", STATUS)
        calls: list[str] = []

        def payload(why: str) -> bytes:
            calls.append(why)
            return f"{why} {len(calls)}".encode()

        mortal, _ = await self.bus("mortal", will=Will(STATUS, payload))
        for life in (1, 2):
            await self.cut("mortal")
            want = f"last will: connection lost {life}".encode()
            self.assertEqual(await self.take(inbox), [(STATUS, want, False)])
            async with asyncio.timeout(PATIENCE_S):
                while len(calls) == life:  # the broker may know of the end before the client does
                    await asyncio.sleep(0.005)
            await connected(mortal)
        self.assertEqual(len(calls), 3)
        _, late = await self.bus("late", STATUS)
        self.assertEqual(await self.take(late), [(STATUS, b"last will: connection lost 2", True)])

    async def test_subscriptions_are_in_force_again_after_a_restart_of_the_broker(self) -> None:
        bus, inbox = await self.bus("a", TOPIC)
        edges = bus.connection()
        self.assertTrue(await soon(anext(edges)))
        await self.stop_broker()
        self.assertFalse(await soon(anext(edges)))
        self.assertFalse(bus.connected)
        await self.start_broker()
        self.assertTrue(await soon(anext(edges)))
        self.assertTrue(bus.connected)
        other, _ = await self.bus("b")
        await soon(other.publish(TOPIC, b"again"))
        self.assertEqual(await self.take(inbox), [(TOPIC, b"again", False)])

    async def test_nothing_is_queued_while_disconnected(self) -> None:
        bus, inbox = await self.bus("a", TOPIC)
        await self.stop_broker()
        await until(lambda: not bus.connected)
        for _ in range(3):
            with self.assertRaises(BusDown):
                await asyncio.wait_for(bus.publish(TOPIC, b"old"), 0.1)
        await self.start_broker()
        await connected(bus)
        await soon(bus.publish(TOPIC, b"new"))
        self.assertEqual(await self.take(inbox), [(TOPIC, b"new", False)])
        await self.nothing(inbox)

    async def test_a_bus_enters_and_leaves_without_a_broker(self) -> None:
        await self.stop_broker()
        async with asyncio.timeout(PATIENCE_S):
            async with self.make("a", will=Will(STATUS, str.encode)) as bus:
                inbox = bus.subscribe(TOPIC)
                self.assertFalse(bus.connected)
                with self.assertRaises(BusDown):
                    await bus.publish(TOPIC, b"x")
            self.assertEqual([d async for d in inbox], [])
            self.assertEqual([up async for up in bus.connection()], [False])

    async def test_a_connection_that_ends_before_the_acknowledgement_raises(self) -> None:
        bus, _ = await self.bus("a")
        await self.mute("a")
        unanswered = [asyncio.create_task(bus.publish(TOPIC, b"x")) for _ in range(3)]
        _, waiting = await asyncio.wait(unanswered, timeout=QUIET_S)
        self.assertEqual(len(waiting), 3)
        await self.cut("a")
        for task in unanswered:
            with self.assertRaises(BusDown):
                await soon(task)
        await self.mute("a", False)
        await connected(bus)
        await soon(bus.publish(TOPIC, b"y"))

    async def test_what_was_not_acknowledged_is_not_sent_again(self) -> None:
        _, inbox = await self.bus("watcher", TOPIC)
        bus, _ = await self.bus("a")
        await self.mute("a")
        task = asyncio.create_task(bus.publish(TOPIC, b"x"))
        self.assertEqual(await self.take(inbox), [(TOPIC, b"x", False)])
        await self.cut("a")
        with self.assertRaises(BusDown):
            await soon(task)
        await self.mute("a", False)
        await connected(bus)
        await soon(bus.publish(TOPIC, b"y"))
        self.assertEqual(await self.take(inbox), [(TOPIC, b"y", False)])
        await self.nothing(inbox)

    async def test_a_full_queue_is_counted_and_logged_once(self) -> None:
        publisher, _ = await self.bus("b")
        bus, inbox = await self.bus("a", TOPIC, queue=5)
        with self.assertLogs("trackerdcs", "ERROR") as logs:
            for i in range(12):
                await soon(publisher.publish(TOPIC, str(i).encode()))
            await until(lambda: bus.dropped == 7)
        self.assertEqual(len(logs.output), 1)
        self.assertIn(TOPIC, logs.output[0])
        self.assertEqual([p for _, p, _ in await self.take(inbox, 5)], [b"0", b"1", b"2", b"3", b"4"])
        await soon(publisher.publish(TOPIC, b"room"))
        self.assertEqual(await self.take(inbox), [(TOPIC, b"room", False)])
        self.assertEqual(bus.dropped, 7)

    async def test_a_persistent_session_gets_again_what_did_not_fit(self) -> None:
        publisher, _ = await self.bus("b")
        bus, inbox = await self.bus("a", TOPIC, queue=5, persistent=True)
        sent = [str(i).encode() for i in range(12)]
        with self.assertLogs("trackerdcs", "ERROR"):
            for payload in sent:
                await soon(publisher.publish(TOPIC, payload))
            await until(lambda: bus.dropped == 7)
        fit = [p for _, p, _ in await self.take(inbox, 5)]
        self.assertEqual(fit, sent[:5])
        if "persistent_sessions" in self.lacks:
            await self.nothing(inbox)
            return
        again: set[bytes] = set()
        while len(again) < 7:
            again |= {p for _, p, _ in await self.take(inbox)}
        self.assertEqual(again, set(sent[5:]))
        await self.nothing(inbox)

    async def test_a_broken_or_slow_consumer_does_not_stop_the_others(self) -> None:
        bus, good = await self.bus("a", TOPIC)

        async def break_at_once() -> None:
            async for delivery in bus.subscribe(TOPIC):
                raise ValueError(delivery.topic)

        broken = asyncio.create_task(break_at_once())
        never_read = bus.subscribe(TOPIC)
        await asyncio.sleep(0)
        for i in range(50):
            await soon(bus.publish(TOPIC, str(i).encode()))
        self.assertEqual(len({p for _, p, _ in await self.take(good, 50)}), 50)
        with self.assertRaises(ValueError):
            await soon(broken)
        self.assertEqual((await soon(anext(never_read))).payload, b"0")

    async def test_acknowledging_in_any_order_twice_and_too_late_is_harmless(self) -> None:
        bus, inbox = await self.bus("a", TOPIC)
        for i in range(4):
            await soon(bus.publish(TOPIC, str(i).encode()))
        deliveries = [await soon(anext(inbox)) for _ in range(4)]
        for delivery in (deliveries[2], deliveries[0], deliveries[2]):
            delivery.acknowledge()
        await self.cut("a")
        await until(lambda: not bus.connected)
        deliveries[1].acknowledge()
        await connected(bus)
        deliveries[3].acknowledge()
        await soon(bus.publish(TOPIC, b"on"))
        self.assertEqual(await self.take(inbox), [(TOPIC, b"on", False)])

    async def test_a_persistent_session_gets_again_what_was_not_acknowledged(self) -> None:
        publisher, _ = await self.bus("b")
        bus, inbox = await self.bus("a", TOPIC, persistent=True)
        for payload in (b"acknowledged", b"kept"):
            await soon(publisher.publish(TOPIC, payload))
        await self.take(inbox)
        kept = await soon(anext(inbox))
        self.assertEqual(kept.payload, b"kept")
        await self.stack.aclose()

        publisher, _ = await self.bus("b")
        await soon(publisher.publish(TOPIC, b"while away"))
        bus = self.make("a", persistent=True)
        await self.stack.enter_async_context(bus)
        await connected(bus)
        inbox = bus.subscribe(TOPIC)
        if "persistent_sessions" in self.lacks:
            await self.nothing(inbox)
            return
        self.assertEqual(await self.take(inbox, 2), [(TOPIC, b"kept", False), (TOPIC, b"while away", False)])
        await self.nothing(inbox)

    async def test_a_clean_session_gets_nothing_of_the_time_before(self) -> None:
        bus, inbox = await self.bus("a", TOPIC)
        await soon(bus.publish(TOPIC, b"not acknowledged"))
        await soon(anext(inbox))
        await self.cut("a")
        await until(lambda: not bus.connected)
        await connected(bus)
        await self.nothing(inbox)

    async def test_a_client_id_is_taken_over(self) -> None:
        old, _ = await self.bus("same")
        edges = old.connection()
        self.assertTrue(await soon(anext(edges)))
        new = self.make("same")
        await self.stack.enter_async_context(new)
        await connected(new)
        if "take_over" in self.lacks:
            with self.assertRaises(TimeoutError):
                await asyncio.wait_for(anext(edges), QUIET_S)
        else:
            self.assertFalse(await soon(anext(edges)))

    async def test_a_shared_subscription_gives_each_message_to_one(self) -> None:
        inboxes = [(await self.bus(name, f"$share/group/{TOPIC}"))[1] for name in ("a", "b")]
        publisher, _ = await self.bus("c")
        sent = [str(i).encode() for i in range(10)]
        for payload in sent:
            await soon(publisher.publish(TOPIC, payload))
        got: list[bytes] = []
        for inbox in inboxes:
            with contextlib.suppress(TimeoutError):
                while True:
                    delivery = await asyncio.wait_for(anext(inbox), QUIET_S)
                    delivery.acknowledge()
                    got.append(delivery.payload)
        self.assertEqual(sorted(got), [] if "shared_subscriptions" in self.lacks else sent)

    async def test_the_edges_of_the_connection(self) -> None:
        bus, _ = await self.bus("a")
        edges, slow = bus.connection(), bus.connection()
        self.assertTrue(await soon(anext(edges)))
        with self.assertLogs("trackerdcs", "INFO") as logs:
            for _ in range(2):
                await self.cut("a")
                self.assertFalse(await soon(anext(edges)))
                self.assertTrue(await soon(anext(edges)))
        self.assertEqual(sum("disconnected" in line for line in logs.output), 2)
        await self.stack.aclose()
        self.assertEqual([up async for up in edges], [False])
        self.assertEqual([up async for up in slow][-1], False)
