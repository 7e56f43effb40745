"""The embedded broker: what it lacks is measured, what we mended stays mended, and it starts and stops cleanly."""

import asyncio
import os
import threading
import time
import unittest

from trackerdcs.adapters.broker_amqtt import EmbeddedBroker
from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.contract.bus_case import QUIET_S, TOPIC, connected, soon
from trackerdcs.tests.servers import free_port
from trackerdcs.tests.waiting import until


class EmbeddedBrokerTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.port = free_port()
        self.config = BusConfig(port=self.port)
        await self.enterAsyncContext(EmbeddedBroker(port=self.port))

    async def test_a_port_in_use_is_named(self) -> None:
        with self.assertRaisesRegex(ConfigError, f"127.0.0.1:{self.port}.*in use"):
            await EmbeddedBroker(port=self.port).__aenter__()

    async def test_only_this_machine_may_connect(self) -> None:
        with self.assertRaisesRegex(ConfigError, "127.0.0.1 only, got 0.0.0.0"):
            EmbeddedBroker(host="0.0.0.0")

    async def test_it_keeps_no_session_of_a_client_that_is_gone(self) -> None:
        """The declared lack, with a client that asks for a persistent session all the same."""
        loader = MqttBus(self.config, "loader", persistent=True)
        inbox = loader.subscribe(TOPIC)
        async with loader, MqttBus(self.config, "device") as device:
            await soon(device.publish(TOPIC, b"1"))
            await soon(anext(inbox))
        async with MqttBus(self.config, "device") as device:
            await soon(device.publish(TOPIC, b"2"))
        loader = MqttBus(self.config, "loader", persistent=True)
        inbox = loader.subscribe(TOPIC)
        async with loader:
            await connected(loader)
            with self.assertRaises(TimeoutError):
                await asyncio.wait_for(anext(inbox), QUIET_S)

    async def test_many_clients_at_once_get_what_is_retained_under_their_own_filters(self) -> None:
        """amqtt alone sends each newcomer what matches the filters of all, and leaves some without an answer."""
        topics = [f"dcs/v1/lab/hv{i}/status" for i in range(12)]
        async with MqttBus(self.config, "first") as first:
            for topic in topics:
                await soon(first.publish(topic, topic.encode(), retain=True))
        buses = [MqttBus(self.config, f"client{i}") for i in range(12)]
        inboxes = [bus.subscribe(topic) for bus, topic in zip(buses, topics, strict=True)]
        began = time.monotonic()
        await asyncio.gather(*(self.enterAsyncContext(bus) for bus in buses))
        self.assertTrue(all(bus.connected for bus in buses), f"after {time.monotonic() - began:.1f} s")
        for topic, inbox in zip(topics, inboxes, strict=True):
            delivery = await soon(anext(inbox))
            self.assertEqual((delivery.topic, delivery.payload, delivery.retained), (topic, topic.encode(), True))
        await asyncio.sleep(QUIET_S)
        for inbox in inboxes:
            inbox.end()
            self.assertEqual([d.topic async for d in inbox], [])

    async def test_it_says_nothing_of_itself(self) -> None:
        async with MqttBus(self.config, "a") as bus:
            inbox = bus.subscribe("$SYS/#")
            with self.assertRaises(TimeoutError):
                await asyncio.wait_for(anext(inbox), QUIET_S)


class LeakTest(unittest.TestCase):
    def test_twenty_starts_leave_no_thread_and_no_file_descriptor(self) -> None:
        async def one_life() -> None:
            config = BusConfig(port=free_port())
            a = MqttBus(config, "a")
            inbox = a.subscribe(TOPIC)
            async with EmbeddedBroker(port=config.port), a, MqttBus(config, "b") as b:
                await soon(b.publish(TOPIC, b"x"))
                await soon(anext(inbox))

        async def settled(threads: int) -> None:
            await until(lambda: threading.active_count() <= threads)

        threads = threading.active_count()
        asyncio.run(one_life())
        asyncio.run(settled(threads))
        files = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            asyncio.run(one_life())
        asyncio.run(settled(threads))
        self.assertLessEqual(len(os.listdir("/proc/self/fd")), files)
