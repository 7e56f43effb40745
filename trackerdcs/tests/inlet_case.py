"""For tests: a loader's way in on a real broker of its own, and a device that publishes."""

import asyncio
import unittest

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.inlet_mqtt5 import Mqtt5Inlet
from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.servers import Mosquitto
from trackerdcs.tests.waiting import full_speed

TOPIC = "dcs/v1/bench/hv1/frame"
OTHER = "dcs/v1/other/hv1/frame"


class Inbox:
    """What an inlet has brought, in the order in which it came."""

    def __init__(self, inlet: Mqtt5Inlet) -> None:
        self._inlet = inlet
        self.arrivals: list[Arrival] = []

    def payloads(self) -> list[bytes]:
        return [a.payload for a in self.arrivals]

    async def take(self, number: int, acknowledge: bool = True) -> None:
        async with asyncio.timeout(60):
            while len(self.arrivals) < number:
                gulp = await self._inlet.gulp(0.0)
                self.arrivals += gulp.arrivals
                if acknowledge:
                    gulp.acknowledge()


class InletCase(unittest.IsolatedAsyncioTestCase):
    """A broker of its own, and a device that publishes."""

    async def asyncSetUp(self) -> None:
        full_speed()

    def server(self, *lines: str) -> Mosquitto:
        server = Mosquitto(lines)
        self.addCleanup(server.stop)
        self.port = server.port
        return server

    def inlet(self, *filters: str, former: tuple[str, ...] = (), keepalive: int = 10, port: int = 0) -> Mqtt5Inlet:
        config = BusConfig(port=port or self.port)
        return Mqtt5Inlet(config, "loader", filters or [TOPIC], former, keepalive)

    async def publish(self, *payloads: bytes, topic: str = TOPIC, retain: bool = False) -> None:
        async with MqttBus(BusConfig(port=self.port), "device") as device, asyncio.timeout(60):
            await asyncio.gather(*(device.publish(topic, payload, retain=retain) for payload in payloads))

    async def nothing_is_kept(self) -> None:
        """The broker has no session any more: only what is sent from now on comes."""
        async with self.inlet() as inlet:
            await self.publish(b"marker")
            inbox = Inbox(inlet)
            await inbox.take(1)
            self.assertEqual(inbox.payloads(), [b"marker"])
