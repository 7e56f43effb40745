"""A loader's way in on a real broker: its window and its session."""

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from unittest import mock

from trackerdcs.adapters import inlet_wire
from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.inlet_mqtt5 import Mqtt5Inlet
from trackerdcs.adapters.mqtt5_packets import HEAD
from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.inlet_case import OTHER, TOPIC, Inbox, InletCase
from trackerdcs.tests.proxy import Proxy
from trackerdcs.tests.servers import shipped_lines
from trackerdcs.tests.waiting import until


class TestWindow(InletCase):
    async def many(self, *lines: str) -> None:
        self.server(*lines)
        payloads = [b"%d" % i for i in range(5000)]
        async with self.inlet() as inlet:
            await self.publish(*payloads)
            inbox = Inbox(inlet)
            await inbox.take(len(payloads), acknowledge=False)
            self.assertEqual(inbox.payloads(), payloads)
            self.assertEqual(inlet._wire and len(inlet._wire._arrivals), 0)

    async def test_default_settings_of_the_broker(self) -> None:
        await self.many()

    async def test_the_shipped_configuration(self) -> None:
        await self.many(*shipped_lines())

    async def test_nobody_gulps_and_the_rest_waits_with_the_broker(self) -> None:
        server = self.server()
        payloads = [b"%0200d" % i for i in range(10_000)]
        with mock.patch.multiple(inlet_wire, HELD=2000, GULP=500):
            async with self.inlet(keepalive=1) as inlet:
                wire = inlet._wire
                assert wire is not None
                await self.publish(*payloads)
                await until(lambda: wire._stopped)
                await asyncio.sleep(4)  # a broker ends a session of 1 s after 1.5 s of silence
                self.assertLess(len(wire._arrivals), 2000 + (1 << 18) // 200)
                inbox = Inbox(inlet)
                await inbox.take(len(payloads))
                self.assertEqual(inbox.payloads(), payloads)
                self.assertIs(inlet._wire, wire)
        self.assertNotIn("exceeded timeout", server.log())

    async def test_a_message_that_is_too_large_is_refused_and_its_neighbours_come(self) -> None:
        self.server()
        async with self.inlet() as inlet:
            for payload in (b"before", b"x" * 10_000_000, b"after"):
                await self.publish(payload)
            inbox = Inbox(inlet)
            await inbox.take(3)
            before, refused, after = inbox.arrivals
            self.assertEqual((before.payload, after.payload), (b"before", b"after"))
            self.assertEqual((refused.topic, len(refused.payload)), (TOPIC, HEAD))
            self.assertRegex(refused.refused, r"^100000\d\d bytes: a loader takes 1048576 at most$")
            wire = inlet._wire
            assert wire is not None
            self.assertEqual((wire._rest, wire._skip, wire._bytes), (b"", 0, 0))
        async with self.inlet() as inlet:  # it was acknowledged
            await self.publish(b"new")
            inbox = Inbox(inlet)
            await inbox.take(1)
            self.assertEqual(inbox.payloads(), [b"new"])

    async def test_tls_with_pauses(self) -> None:
        if shutil.which("openssl") is None:
            self.skipTest("openssl is not on this machine")
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        order = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout own.key -out own.crt -subj /CN=own"
        order += " -addext subjectAltName=IP:127.0.0.1"
        subprocess.run(order.split(), cwd=folder, check=True, capture_output=True)
        folder.chmod(0o755)
        self.server(f"certfile {folder}/own.crt", f"keyfile {folder}/own.key")
        config = BusConfig(port=self.port, ca=str(folder / "own.crt"))
        payloads = [b"%0500d" % i for i in range(3000)]
        with mock.patch.multiple(inlet_wire, HELD=300, GULP=100):
            async with Mqtt5Inlet(config, "loader", [TOPIC]) as inlet, MqttBus(config, "device") as device:
                async with asyncio.timeout(60):
                    await asyncio.gather(*(device.publish(TOPIC, payload) for payload in payloads))
                inbox = Inbox(inlet)
                await inbox.take(len(payloads))
                self.assertEqual(inbox.payloads(), payloads)


class TestSession(InletCase):
    async def test_what_is_not_acknowledged_comes_again_after_a_cut_and_after_a_restart(self) -> None:
        server = self.server()
        proxy = Proxy("127.0.0.1", self.port)
        self.addAsyncCleanup(proxy.close)
        async with self.inlet(port=proxy.port) as inlet:
            await self.publish(b"1")
            await Inbox(inlet).take(1)
            await self.publish(b"2", b"3")
            first = await inlet.gulp(1.0)
            for number, disturb in enumerate((proxy.cut, server.restart)):
                wire = inlet._wire
                await asyncio.to_thread(disturb) if number else proxy.cut()
                await until(lambda wire=wire: inlet._wire not in (None, wire))  # type: ignore[misc]
                first.acknowledge()  # of a connection that has ended: nothing
                inbox = Inbox(inlet)
                await inbox.take(2, acknowledge=False)
                self.assertEqual(inbox.payloads(), [b"2", b"3"])
        async with self.inlet(port=proxy.port) as inlet:
            inbox = Inbox(inlet)
            await inbox.take(2)
            await self.publish(b"4")
            await inbox.take(3)
            self.assertEqual(inbox.payloads(), [b"2", b"3", b"4"])

    async def test_a_session_outlives_its_inlet_and_what_is_retained_comes_once(self) -> None:
        self.server()
        await self.publish(b"kept", retain=True)
        async with self.inlet() as inlet:
            inbox = Inbox(inlet)
            await inbox.take(1)
            self.assertEqual(inbox.arrivals, [Arrival(TOPIC, b"kept", True)])
        await self.publish(*(b"%d" % i for i in range(500)))
        async with self.inlet() as inlet:
            inbox = Inbox(inlet)
            await inbox.take(500)
            await self.publish(b"end")
            await inbox.take(501)
            self.assertEqual(inbox.payloads(), [*(b"%d" % i for i in range(500)), b"end"])

    async def test_former_filters_are_given_up(self) -> None:
        self.server()
        async with self.inlet(TOPIC, OTHER):
            pass
        async with self.inlet(TOPIC, former=(OTHER, "dcs/v1/never/+/frame")) as inlet:
            await self.publish(b"other", topic=OTHER)
            await self.publish(b"ours")
            inbox = Inbox(inlet)
            await inbox.take(1)
            self.assertEqual(inbox.payloads(), [b"ours"])

    async def test_who_leaves_gets_what_the_broker_holds_and_no_session_stays(self) -> None:
        self.server()
        async with self.inlet():
            pass
        await self.publish(*(b"%d" % i for i in range(300)))
        async with self.inlet() as inlet:
            await inlet.leave()
            await self.publish(b"too late")
            inbox = Inbox(inlet)
            await inbox.take(300, acknowledge=False)  # and its last doubts end with the session
            self.assertEqual(inbox.payloads(), [b"%d" % i for i in range(300)])
            with self.assertRaises(TimeoutError):
                await asyncio.wait_for(inlet.gulp(0.0), 0.3)
        await self.publish(b"nobody's")
        await self.nothing_is_kept()

    async def test_who_is_interrupted_while_leaving_leaves_what_the_broker_holds_to_the_next(self) -> None:
        self.server()
        async with self.inlet():
            pass
        await self.publish(b"kept")
        with contextlib.suppress(asyncio.CancelledError):
            async with self.inlet() as inlet:
                await inlet.leave()
                raise asyncio.CancelledError
        async with self.inlet() as inlet:
            inbox = Inbox(inlet)
            await inbox.take(1)
            self.assertEqual(inbox.payloads(), [b"kept"])

    async def test_who_leaves_while_the_broker_is_down_leaves_when_it_is_back(self) -> None:
        server = self.server()
        async with self.inlet() as inlet:
            server.kill()
            await until(lambda: inlet._wire is None)
            leaving = asyncio.create_task(inlet.leave())
            await asyncio.sleep(0.1)
            self.assertFalse(leaving.done())
            await asyncio.to_thread(server.restart)
            await asyncio.wait_for(leaving, 30)
        await self.publish(b"nobody's")
        await self.nothing_is_kept()

    async def test_a_gulp_that_is_cancelled_loses_nothing(self) -> None:
        self.server()
        async with self.inlet() as inlet:
            for linger in (0.0, 60.0):
                waiting = asyncio.create_task(inlet.gulp(linger))
                if linger:
                    await self.publish(b"1")
                await asyncio.sleep(0.1)
                waiting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await waiting
            await self.publish(b"2")
            inbox = Inbox(inlet)
            await inbox.take(2)
            self.assertEqual(inbox.payloads(), [b"1", b"2"])
