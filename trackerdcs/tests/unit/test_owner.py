"""The owner of an instrument that is slow, hangs, or answers and cannot be read."""

import asyncio
import threading
import unittest
from collections.abc import Collection
from unittest.mock import patch

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app import owner as owner_module
from trackerdcs.app.owner import Owner
from trackerdcs.app.worker import Worker
from trackerdcs.domain.errors import ConfigError, LinkLost
from trackerdcs.domain.instrument import Channel, Identity, Quantity, Snapshot
from trackerdcs.domain.stand import DeviceConfig, LinkConfig

CHANNELS = {"ch0": Channel({"v_mon": Quantity("V")})}


class Instrument:
    """Link and driver in one: waits where the test says so, and counts."""

    kind = "hv"

    def __init__(self) -> None:
        self.connected = False
        self.connects = self.polls = 0
        self.sim = True
        self.identifies, self.answers = threading.Event(), threading.Event()
        self.identifies.set()
        self.answers.set()
        self.error: Exception | None = None

    def connect(self) -> None:
        self.connected = True
        self.connects += 1

    def drop(self) -> None:
        self.connected = False

    def query(self, command: str, timeout: float | None = None) -> str:
        raise NotImplementedError

    def order(self, command: str) -> None:
        raise NotImplementedError

    def lines(self, timeout: float | None = None) -> list[str]:
        raise NotImplementedError

    def channels(self) -> dict[str, Channel]:
        return CHANNELS

    def identify(self) -> Identity:
        self.identifies.wait(10)
        return Identity("v", "m", "1", "1", self.sim)

    def poll(self, channels: Collection[str] | None = None) -> Snapshot:
        self.polls += 1
        number = self.polls
        self.answers.wait(10)
        if self.error:
            self.drop()
            raise self.error
        return Snapshot({"ch0": {"v_mon": float(number)}})


class TestOwner(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.enterContext(patch.object(owner_module, "PATIENCE", 0.05))
        self.it = Instrument()
        config = DeviceConfig("driver", LinkConfig("TCPIP::127.0.0.1::1::SOCKET"), sim=True, period=0.01)
        self.owner = Owner("d", config, self.it, self.it, Worker("d"), SystemClock())

    async def asyncTearDown(self):
        self.it.identifies.set()
        self.it.answers.set()
        await self.owner.close()

    async def test_who_answers_slowly_is_known_when_it_has_answered(self):
        self.it.identifies.clear()
        self.assertEqual((await self.owner.snapshot(CHANNELS)).bad["ch0"]["v_mon"], "the link hangs")
        self.assertIsNone(self.owner.identity)
        self.it.identifies.set()
        for _ in range(100):
            if (found := await self.owner.snapshot(CHANNELS)).ch:
                break
            await asyncio.sleep(0.01)
        self.assertEqual(found.ch["ch0"]["v_mon"], float(self.it.polls))
        self.assertTrue(self.owner.identity)
        self.assertEqual((self.it.connects, self.owner.connects), (1, 1))

    async def test_a_wrong_instrument_that_answers_slowly_ends_the_service_too(self):
        self.it.identifies.clear()
        self.it.sim = False
        await self.owner.snapshot(CHANNELS)
        self.it.identifies.set()
        with self.assertRaises(ConfigError):
            for _ in range(10):
                await self.owner.snapshot(CHANNELS)

    async def test_a_poll_that_hangs_is_asked_once_and_its_late_values_are_never_shown(self):
        await self.owner.snapshot(CHANNELS)
        self.it.answers.clear()
        for _ in range(5):
            self.assertEqual((await self.owner.snapshot(CHANNELS)).bad["ch0"]["v_mon"], "the link hangs")
        self.assertEqual(self.it.polls, 2)
        self.it.answers.set()
        self.assertEqual((await self.owner.snapshot(CHANNELS)).bad["ch0"]["v_mon"], "the poll took too long")
        self.assertEqual((await self.owner.snapshot(CHANNELS)).ch["ch0"]["v_mon"], 3.0)
        self.assertIsNone(self.owner.fault)

    async def test_who_connects_and_cannot_be_read_is_not_connected_again_at_each_poll(self):
        self.it.error = LinkLost("reset")
        for _ in range(20):
            await self.owner.snapshot(CHANNELS)
        self.assertEqual(self.it.connects, 1)
        self.assertEqual(self.owner.fault, "reset")

    async def test_a_fault_of_the_driver_is_logged_once(self):
        self.it.error = ZeroDivisionError("bug")
        with patch.object(self.it, "drop"), self.assertLogs("trackerdcs.app.owner", "ERROR") as logs:
            for _ in range(5):
                await self.owner.snapshot(CHANNELS)
        self.assertEqual(len(logs.records), 1)


if __name__ == "__main__":
    unittest.main()
