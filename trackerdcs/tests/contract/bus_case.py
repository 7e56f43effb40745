"""What the tests of a Bus share: how to get one of each kind, and how to break it."""

import asyncio
import unittest
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from typing import Any

from trackerdcs.adapters.broker_amqtt import EmbeddedBroker
from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain.stand import BusConfig
from trackerdcs.ports import Bus, Delivery, Lack
from trackerdcs.tests.proxy import Proxy
from trackerdcs.tests.servers import Mosquitto, free_port
from trackerdcs.tests.waiting import full_speed

PATIENCE_S = 10.0
QUIET_S = 0.15
TOPIC = "dcs/v1/lab/hv1/event"
STATUS = "dcs/v1/lab/hv1/status"


async def soon(what: Awaitable[Any]) -> Any:
    """What must happen, with a generous bound."""
    return await asyncio.wait_for(what, PATIENCE_S)


async def connected(bus: Bus) -> None:
    """Wait until the bus is connected and its subscriptions are in force."""
    async with asyncio.timeout(PATIENCE_S):
        async for up in bus.connection():
            if up:
                return


class BusCase(unittest.IsolatedAsyncioTestCase):
    """A broker and its clients. Subclasses say which."""

    lacks: frozenset[Lack] = frozenset()

    def make(self, client_id: str, **more: Any) -> Bus:
        raise NotImplementedError

    async def cut(self, client_id: str) -> None:
        """End a client's connection without a goodbye."""
        raise NotImplementedError

    async def mute(self, client_id: str, muted: bool = True) -> None:
        """Withhold from a client all answers of the broker."""
        raise NotImplementedError

    async def stop_broker(self) -> None:
        raise NotImplementedError

    async def start_broker(self) -> None:
        raise NotImplementedError

    async def asyncSetUp(self) -> None:
        full_speed()
        self.stack = await self.enterAsyncContext(AsyncExitStack())

    async def bus(self, client_id: str, *filters: str, **more: Any) -> tuple[Bus, AsyncIterator[Delivery]]:
        """An entered bus and its subscription, in force."""
        bus = self.make(client_id, **more)
        inbox = bus.subscribe(*filters)
        await self.stack.enter_async_context(bus)
        await connected(bus)
        return bus, inbox

    async def take(self, inbox: AsyncIterator[Delivery], number: int = 1) -> list[tuple[str, bytes, bool]]:
        """Receive and acknowledge."""
        taken = []
        for _ in range(number):
            delivery = await soon(anext(inbox))
            delivery.acknowledge()
            taken.append((delivery.topic, delivery.payload, delivery.retained))
        return taken

    async def nothing(self, inbox: AsyncIterator[Delivery]) -> None:
        """Nothing arrives."""
        with self.assertRaises(TimeoutError):
            delivery = await asyncio.wait_for(anext(inbox), QUIET_S)
            self.fail(f"unexpected {delivery.topic} {delivery.payload!r}")


class MemoryCase(BusCase):
    lacks = MemoryBus.lacks

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.broker = MemoryBroker()

    def make(self, client_id: str, **more: Any) -> Bus:
        return MemoryBus(self.broker, client_id, **more)

    async def cut(self, client_id: str) -> None:
        self.broker.cut(client_id)

    async def mute(self, client_id: str, muted: bool = True) -> None:
        self.broker.acknowledges = not muted

    async def stop_broker(self) -> None:
        self.broker.stop()

    async def start_broker(self) -> None:
        self.broker.start()


class MqttCase(BusCase):
    """Every client reaches the broker through a proxy of its own, where its connection is cut or muted."""

    port: int

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        await self.have_broker()
        self.proxies: dict[str, Proxy] = {}
        self.addAsyncCleanup(self.close_proxies)

    async def have_broker(self) -> None:
        raise NotImplementedError

    async def close_proxies(self) -> None:
        for proxy in self.proxies.values():
            await proxy.close()

    def make(self, client_id: str, **more: Any) -> Bus:
        if client_id not in self.proxies:
            self.proxies[client_id] = Proxy("127.0.0.1", self.port)
        return MqttBus(BusConfig(port=self.proxies[client_id].port), client_id, lacks=self.lacks, **more)

    async def cut(self, client_id: str) -> None:
        self.proxies[client_id].cut()

    async def mute(self, client_id: str, muted: bool = True) -> None:
        self.proxies[client_id].mute = muted


class EmbeddedCase(MqttCase):
    lacks = EmbeddedBroker.lacks

    async def have_broker(self) -> None:
        self.port = free_port()
        self.broker = EmbeddedBroker(port=self.port)
        await self.start_broker()
        self.addAsyncCleanup(self.stop_broker)

    async def stop_broker(self) -> None:
        await self.broker.__aexit__(None, None, None)

    async def start_broker(self) -> None:
        await self.broker.__aenter__()


class MosquittoCase(MqttCase):
    async def have_broker(self) -> None:
        self.broker = await asyncio.to_thread(Mosquitto)
        self.addCleanup(self.broker.stop)
        self.port = self.broker.port

    async def stop_broker(self) -> None:
        self.broker.kill()

    async def start_broker(self) -> None:
        await asyncio.to_thread(self.broker.restart)
