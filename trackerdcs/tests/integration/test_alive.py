"""The sign of life that a container's health check looks at."""

import asyncio
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.domain.codec import encode
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.messages import Status
from trackerdcs.domain.stand import BusConfig
from trackerdcs.services.buses import SIGN, open_bus
from trackerdcs.tests.servers import Mosquitto


class TestAlive(unittest.IsolatedAsyncioTestCase):
    async def test_it_is_given_while_the_broker_has_our_status(self) -> None:
        sign = Path(self.enterContext(tempfile.TemporaryDirectory()), "alive")
        self.enterContext(mock.patch.dict(os.environ, {SIGN: str(sign)}))
        clock, who = SystemClock(), Who("lab", "hv1", "b", "1")
        good, bad = Status("online", 1, 1, "b", "1"), Status("fault", 1, 1, "b", "1", "the token is refused")
        with Mosquitto() as broker:
            async with open_bus(BusConfig(port=broker.port), "a", "lab/hv1", will_of(who, clock)) as bus:
                await bus.publish(who.topic("frame"), b"{}")
                self.assertFalse(sign.exists())
                await bus.publish(who.topic("status"), encode(good), retain=True)
                self.assertEqual(sign.read_text(), "online \n")
                await bus.publish(who.topic("status"), encode(bad), retain=True)
                self.assertEqual(sign.read_text(), "fault the token is refused\n")
                sign.unlink()
                broker.freeze()
                with self.assertRaises((BusDown, TimeoutError)):
                    await self.within(bus.publish(who.topic("status"), encode(good), retain=True))
                self.assertFalse(sign.exists())
                broker.thaw()

    async def test_a_sign_that_cannot_be_given_is_said_and_nothing_else(self) -> None:
        self.enterContext(mock.patch.dict(os.environ, {SIGN: "/proc/no/alive"}))
        clock, who = SystemClock(), Who("lab", "hv1", "b", "1")
        with Mosquitto() as broker:
            async with open_bus(BusConfig(port=broker.port), "a", "lab/hv1", will_of(who, clock)) as bus:
                with self.assertLogs("trackerdcs.adapters.bus_alive", "WARNING") as logs:
                    await bus.publish(who.topic("status"), encode(Status("online", 1, 1, "b", "1")), retain=True)
        self.assertIn("no sign of life: /proc/no/alive", logs.output[0])

    @staticmethod
    async def within(job):
        async with asyncio.timeout(0.5):
            await job
