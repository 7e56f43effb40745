"""A command is sent once, to a device that is there, and followed to its end."""

import asyncio
import unittest
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app import requester
from trackerdcs.app.requester import Requester, Unknown
from trackerdcs.domain.errors import BusDown, CommandRefused, ContractError
from trackerdcs.domain.messages import Ack, Status
from trackerdcs.tests.fake_device import META, FakeDevice
from trackerdcs.tests.witness import Witness


class RequesterCase(unittest.IsolatedAsyncioTestCase):
    ack_wait = 2.0

    def setUp(self) -> None:
        self.broker = MemoryBroker()
        shorter = patch.object(requester, "STATUS_WAIT_S", 0.2)
        shorter.start()
        self.addCleanup(shorter.stop)

    @asynccontextmanager
    async def bench(self, *script: Any, bad: tuple[str, ...] = ()) -> AsyncIterator[FakeDevice]:
        self.bus = MemoryBus(self.broker, "cli")
        self.requester = Requester(self.bus, SystemClock(), "cli", self.ack_wait)
        witness = Witness(MemoryBus(self.broker, "witness"), bad)
        async with MemoryBus(self.broker, "device") as bus, self.bus, witness, FakeDevice(bus, script) as device:
            yield device

    async def request(self, cmd: str = "set_voltage", wait: float = 5.0, **args: Any) -> list[Ack | Unknown]:
        answers = self.requester.request("s", "d", cmd, "ch0", args or {"v": -50.0}, "first light", wait)
        return [answer async for answer in answers]


class Sent(RequesterCase):
    async def test_acks_come_as_they_are_given_and_the_last_is_final(self) -> None:
        async with self.bench("accepted", "done") as device:
            await device.is_there()
            answers = await self.request()
            self.assertEqual([a.state for a in answers if isinstance(a, Ack)], ["accepted", "done"])
            self.assertEqual(answers[-1].readback, {"v_set": -50.0, "i_mon": -1.2e-7})  # type: ignore[union-attr]
            self.assertEqual(self.requester.meta, META)
            ((topic, command, retained),) = device.commands
            self.assertEqual((topic, retained), ("dcs/v1/s/d/cmd/cli", False))
            self.assertEqual((command.cmd, command.ch, command.args), ("set_voltage", "ch0", {"v": -50.0}))
            self.assertEqual((command.reason, command.by), ("first light", None))
            self.assertEqual(command.expires - command.ts, 5 * 10**9)
            self.assertLess(abs(SystemClock().now() - command.ts), 60 * 10**9)
            uuid.UUID(command.id)

    async def test_each_command_has_an_id_of_its_own(self) -> None:
        async with self.bench("done") as device:
            await device.is_there()
            await self.request()
            await self.request()
            self.assertEqual(len({command.id for _, command, _ in device.commands}), 2)

    async def test_a_refusal_ends_it(self) -> None:
        async with self.bench("refused", "done") as device:
            await device.is_there()
            (answer,) = await self.request()
            self.assertEqual((answer.state, answer.why), ("refused", "out of range"))  # type: ignore[union-attr]

    async def test_a_repeated_ack_is_shown_once_and_those_of_others_never(self) -> None:
        async with self.bench("accepted", "accepted") as device:
            await device.is_there()
            asking = asyncio.create_task(self.request())
            await asyncio.sleep(0.05)
            await device.say("ack", Ack("other", "cli", "failed", 1), retain=False)
            await device.say("ack", Ack(device.commands[0][1].id, "web", "failed", 1), retain=False)
            await device.say("ack", Ack(device.commands[0][1].id, "cli", "done", 1), retain=False)
            self.assertEqual([a.state for a in await asking if isinstance(a, Ack)], ["accepted", "done"])

    async def test_once_accepted_it_may_take_its_time(self) -> None:
        self.ack_wait = 0.2
        async with self.bench("accepted") as device:
            await device.is_there()
            asking = asyncio.create_task(self.request())
            await asyncio.sleep(0.35)
            await device.say("ack", Ack(device.commands[0][1].id, "cli", "done", 1), retain=False)
            self.assertEqual([a.state for a in await asking if isinstance(a, Ack)], ["accepted", "done"])

    async def test_what_one_device_says_of_itself_is_not_believed_of_the_next(self) -> None:
        async with self.bench("done") as device:
            await device.is_there()
            await self.request()
            with self.assertRaises(CommandRefused):
                [answer async for answer in self.requester.request("s", "other", "off")]
            self.assertIsNone(self.requester.meta)

    async def test_a_device_with_a_fault_is_there(self) -> None:
        async with self.bench("done") as device:
            await device.is_there("fault")
            self.assertEqual(len(await self.request()), 1)


class NotSent(RequesterCase):
    async def refused(self, device: FakeDevice, pattern: str, cmd: str = "set_voltage") -> None:
        with self.assertRaisesRegex(CommandRefused, pattern):
            await self.request(cmd)
        self.assertEqual(device.commands, [])

    async def test_an_absent_device(self) -> None:
        async with self.bench() as device:
            await self.refused(device, r"s/d has no status at this broker.*nothing was sent")
            await self.refused(device, r"s/d has no status", "off")

    async def test_an_offline_device(self) -> None:
        async with self.bench() as device:
            await device.is_there("offline")
            await self.refused(device, r"s/d is offline \(gone for tea\): nothing was sent$")
            await self.refused(device, r"nothing was sent; start its service, or.*kill STAND --direct", "off")

    async def test_a_status_older_than_three_heartbeats(self) -> None:
        async with self.bench("done") as device:
            await device.is_there(age=31)
            await self.refused(device, r"status of s/d is 31 s old.*nothing was sent")
            await device.is_there(age=28)
            await self.request()
            self.assertEqual(len(device.commands), 1)

    async def test_the_clock_never_stands_in_the_way_of_the_safe_direction(self) -> None:
        async with self.bench("done") as device:
            await device.is_there(age=3600)
            await self.request("off")
            self.assertEqual([command.cmd for _, command, _ in device.commands], ["off"])

    async def test_a_heartbeat_heard_now_counts_whatever_its_clock_says(self) -> None:
        async with self.bench("done") as device:
            asking = asyncio.create_task(self.request())
            await asyncio.sleep(0.01)
            await device.is_there(age=3600, retain=False)
            self.assertEqual(len(await asking), 1)
            await device.is_there()

    async def test_a_status_outside_the_contract(self) -> None:
        async with self.bench(bad=("dcs/v1/s/d/status",)) as device:
            await device.say("status", b"{")
            await self.refused(device, "status of s/d is outside the contract.*nothing was sent")

    async def test_without_a_broker(self) -> None:
        async with self.bench() as device:
            await device.is_there()
            self.broker.stop()
            with self.assertRaisesRegex(BusDown, "nothing was sent"):
                await self.request()
            self.broker.start()
            self.assertEqual(device.commands, [])

    async def test_what_is_no_number_or_no_name(self) -> None:
        async with self.bench("done") as device:
            await device.is_there()
            with self.assertRaises(ContractError):
                await self.request(v=float("nan"))
            with self.assertRaises(ContractError):
                [answer async for answer in self.requester.request("S", "d", "on")]
            self.assertEqual(device.commands, [])


class WhatBecameOfItIsUnknown(RequesterCase):
    ack_wait = 0.2

    async def test_no_answer(self) -> None:
        async with self.bench() as device:
            await device.is_there()
            (answer,) = await self.request()
            self.assertIsInstance(answer, Unknown)
            self.assertRegex(answer.why or "", "no answer in 0.2 s; it is not sent again by itself")
            await asyncio.sleep(0.05)
            self.assertEqual(len(device.commands), 1)

    async def test_accepted_and_no_end(self) -> None:
        async with self.bench("accepted") as device:
            await device.is_there()
            accepted, unknown = await self.request(wait=0.3)
            self.assertIsInstance(accepted, Ack)
            self.assertIsInstance(unknown, Unknown)
            self.assertRegex(unknown.why or "", "no final answer in 0.3 s")

    async def test_the_broker_does_not_confirm(self) -> None:
        async with self.bench() as device:
            await device.is_there()
            self.broker.acknowledges = False
            (answer,) = await self.request()
            self.broker.acknowledges = True
            self.assertIsInstance(answer, Unknown)
            self.assertRegex(answer.why or "", "broker has not confirmed")

    async def test_the_connection_ends_while_waiting(self) -> None:
        async with self.bench("accepted") as device:
            await device.is_there()
            asking = asyncio.create_task(self.request(wait=2.0))
            await asyncio.sleep(0.05)
            self.broker.cut("cli")
            await asyncio.sleep(0.1)  # it comes back by itself, and so does the end of the story
            id = device.commands[0][1].id
            await device.say("ack", Ack(id, "cli", "failed", 1, why="tripped"), retain=False)
            self.assertEqual([a.state for a in await asking if isinstance(a, Ack)], ["accepted", "failed"])

    async def test_a_status_that_comes_meanwhile_is_no_answer(self) -> None:
        async with self.bench() as device:
            await device.is_there()
            asking = asyncio.create_task(self.request())
            await asyncio.sleep(0.05)
            await device.say("status", Status("fault", 1, 1, "b1", "0", "link"))
            (answer,) = await asking
            self.assertIsInstance(answer, Unknown)


if __name__ == "__main__":
    unittest.main()
