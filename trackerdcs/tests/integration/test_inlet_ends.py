"""What ends a loader's connection with a real broker, and what is said of it."""

import asyncio
import time
from unittest import mock

from trackerdcs.adapters import inlet_mqtt5
from trackerdcs.tests.inlet_case import Inbox, InletCase
from trackerdcs.tests.waiting import until


class TestEnds(InletCase):
    async def test_a_second_inlet_of_the_same_name_is_a_fault_and_no_busy_loop(self) -> None:
        server = self.server()
        with self.assertLogs("trackerdcs.adapters.inlet_mqtt5", "INFO") as logs:
            async with self.inlet() as inlet:
                async with self.inlet() as other:
                    await until(lambda: inlet.fault and other.fault)
                    for _ in range(30):
                        await asyncio.sleep(0.1)
                        for each in (inlet, other):
                            self.assertIn("another loader of this name", each.fault or "")
                self.assertLess(server.log().count("as loader"), 30)
                said = [line for line in logs.output if "another loader" in line]
                self.assertEqual(len(said), 2, logs.output)
                with mock.patch.object(inlet_mqtt5, "SETTLED_S", 0.5):
                    wire = inlet._wire
                    await self.publish(b"1")
                    await Inbox(inlet).take(1)  # it works meanwhile
                    if wire is not None:
                        wire.abort()
                    await until(lambda: inlet.fault is None)

    async def test_a_refused_login_is_a_fault_and_one_line_and_heals(self) -> None:
        server = self.server("allow_anonymous false")
        with self.assertLogs("trackerdcs", "WARNING") as logs:
            async with self.inlet() as inlet:
                self.assertIn("not authorized", inlet.fault or "")
                await until(lambda: server.log().count("not authorised") > 2)
                self.assertEqual(len(logs.output), 1, logs.output)
                server._config_lines = ()
                await asyncio.to_thread(server.restart)
                await until(lambda: inlet._up)
                self.assertIsNone(inlet.fault)

    async def test_a_broker_that_is_down_is_said_once_and_is_no_fault(self) -> None:
        server = self.server()
        server.kill()
        with self.assertLogs("trackerdcs", "INFO") as logs:
            async with self.inlet() as inlet:
                await asyncio.sleep(1)
                self.assertIsNone(inlet.fault)
                await asyncio.to_thread(server.restart)
                await self.publish(b"")
                await until(lambda: inlet._up)
        said = [line for line in logs.output if "inlet_mqtt5" in line]
        self.assertEqual([line.split(":")[0] for line in said], ["WARNING", "INFO", "INFO"], said)

    async def test_a_frozen_broker_is_left_after_two_keepalives(self) -> None:
        server = self.server()
        async with self.inlet(keepalive=1) as inlet:
            await self.publish(b"1")
            await Inbox(inlet).take(1, acknowledge=False)
            began = time.monotonic()
            server.freeze()
            with self.assertLogs("trackerdcs", "WARNING") as logs:
                await until(lambda: inlet._wire is None)
            self.assertGreater(time.monotonic() - began, 0.9)
            self.assertIn("nothing heard for 2 s", logs.output[0])
            server.thaw()
            inbox = Inbox(inlet)
            await inbox.take(1)
            self.assertEqual(inbox.payloads(), [b"1"])

    async def test_an_inlet_that_ends_waits_for_no_frozen_broker(self) -> None:
        server = self.server()
        async with self.inlet() as inlet:
            server.freeze()
            assert inlet._wire is not None and inlet._wire._transport is not None
            inlet._wire._transport.write(b"x" * 50_000_000)  # more than the kernel takes: the goodbye stays behind it
            began = time.monotonic()
        self.assertLess(time.monotonic() - began, 5)
        server.thaw()
