"""Cases of a kill, judged by the truth of the instrument; integration/test_kill.py runs them for each supply."""

import asyncio
import contextlib
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from trackerdcs.adapters.kill_socket import KillClient, KillSocket
from trackerdcs.app import kill_way
from trackerdcs.domain import topics
from trackerdcs.domain.messages import Ack
from trackerdcs.tests.channel_case import ChannelCase, Trace
from trackerdcs.tests.device_bench import DeviceBench, device_bench
from trackerdcs.tests.waiting import until

V = -80.0
KILL_RATE = 150.0
SOON = 1.0 + 1.0
"""The rule's second, and one for a machine that has other things to do."""


async def kill(bench: DeviceBench, payload: bytes = b"", user: str = "cli", retain: bool = False) -> None:
    await bench.me.publish(topics.kill("s", user), payload, retain=retain)


class KillCase(ChannelCase):
    """A channel and its truth."""

    def setUp(self) -> None:
        super().setUp()
        self.config = self.limited(kill_rate=KILL_RATE)

    def volts(self) -> float:
        return abs(float(self.sim.truth()["ch0"]["v"]))

    def is_on(self) -> bool:
        return bool(self.sim.truth()["ch0"]["on"])

    async def higher(self, bench: DeviceBench) -> asyncio.Task[Ack]:
        """A command on its way up from V."""
        rising = asyncio.create_task(bench.command("set_voltage", v=-600.0, wait=20))
        await until(lambda: self.volts() > abs(V) + 10)
        return rising

    async def ended(self, bench: DeviceBench) -> None:
        await self.event(bench, "kill_ended")
        self.assertFalse(self.is_on())

    async def ended_as_killed(self, command: asyncio.Task[Ack]) -> None:
        ack = await command
        self.assertEqual((ack.state, ack.why), ("failed", "killed"))


class ByTopic(KillCase):
    async def test_rule_08_a_kill_goes_down_at_the_kill_rate_fails_what_runs_and_latches(self) -> None:
        async with self.at(self.config, V) as bench:
            rising = await self.higher(bench)
            with Trace(self.sim) as trace:
                began = time.monotonic()
                await kill(bench, b"any payload")
                await bench.until(lambda: [e for e in bench.events if e.event == "killed"], "killed")
                while trace.points and trace.points[-1][2] > trace.highest() - 1.0:
                    await asyncio.sleep(0.01)
                self.assertLess(time.monotonic() - began, SOON)
                waits = asyncio.create_task(bench.command("off", wait=20))
                await self.ended(bench)
            await self.ended_as_killed(rising)
            self.assertEqual((await waits).state, "done")
            self.assertLess(trace.switched_off_at(), 12.0)
            self.assertLess(trace.fastest(-1), 1.1 * KILL_RATE)
            self.assertGreater(trace.fastest(-1, 0.3), 0.5 * KILL_RATE)
            ack = await bench.command("on")
            self.assertEqual(ack.state, "refused")
            self.assertIn("killed by cli", ack.why or "")
            self.assertEqual((await bench.command("clear_trip")).state, "done")
            await bench.command("set_voltage", v=-20.0)
            self.assertEqual((await bench.command("on")).state, "done")

    async def test_rule_08_a_second_kill_switches_off_at_once_the_same_one_twice_does_not(self) -> None:
        async with self.at(self.limited(kill_rate=10.0, ramp_down=10.0), V) as bench:
            coming_down = asyncio.create_task(bench.command("off", wait=20))
            await until(lambda: self.volts() < abs(V) - 1)
            await kill(bench, b'{"id": "one"}')
            await self.ended_as_killed(coming_down)
            await until(lambda: self.volts() < abs(V) - 3)
            await kill(bench, b'{"id": "one", "reason": "the same again"}')
            await asyncio.sleep(0.3)
            self.assertGreater(self.volts(), abs(V) / 2)
            await kill(bench, b'{"id": "two"}')
            await self.ended(bench)
            self.assertIn("second kill", await self.event(bench, "kill_emergency"))

    async def test_rule_08_a_flood_of_commands_delays_no_kill(self) -> None:
        async with self.at(self.config, V) as bench:
            flooding = asyncio.create_task(self.flood(bench))
            await asyncio.sleep(0.3)
            began = time.monotonic()
            await kill(bench)
            await until(lambda: self.volts() < abs(V) - 3)
            self.assertLess(time.monotonic() - began, SOON)
            await self.ended(bench)
            flooding.cancel()

    async def flood(self, bench: DeviceBench) -> None:
        payload = b'{"v":1,"id":"f%d","cmd":"set_voltage","ch":"ch0","args":{"v":-900},"ts":1,"expires":2}'
        for number in itertools.count():
            await bench.me.publish(topics.command("s", "d", "cli"), payload % number)
            if number % 40 == 0:
                await asyncio.sleep(0.02)


class BySocket(KillCase):
    @contextlib.contextmanager
    def client(self, bench: DeviceBench) -> Iterator[KillClient]:
        assert bench.loop is not None and bench.loop.kills is not None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "d.kill")
            with KillSocket(path, bench.loop.kills.by_socket, bench.loop.kills.look):
                yield KillClient(path)

    async def test_rule_08_a_kill_by_the_socket_works_while_the_event_loop_is_blocked(self) -> None:
        async with self.at(self.config, V) as bench:
            with self.client(bench) as client:
                rising = await self.higher(bench)
                # Nothing of the loop runs until all is over: neither polls nor moves nor the bus.
                self.sim.faults.set("reset")
                first = client.kill("one", "test")
                self.assertEqual((first["device"], first["state"]), ("d", "killing"))
                end = time.monotonic() + 20
                while (last := client.look())["state"] != "down" and time.monotonic() < end:
                    time.sleep(0.02)
                self.assertEqual((last["state"], last["channels"]["ch0"]["down"]), ("down", True))
                self.assertFalse(self.is_on())
            await self.ended_as_killed(rising)
            await self.ended(bench)
            self.assertIn("killed by", (await bench.command("on")).why or "")
            self.assertFalse(self.is_on())

    async def test_rule_08_a_hanging_exchange_delays_a_kill_by_its_timeout_at_most(self) -> None:
        async with self.at(self.config, V) as bench:
            with self.client(bench) as client:
                self.sim.faults.set("hang")
                await asyncio.sleep(0.1)  # a poll hangs now
                client.kill("one", "test")
                await asyncio.sleep(0.3)
                self.sim.faults.clear("hang")
                began = time.monotonic()
                await until(lambda: self.volts() < abs(V) - 3)
                self.assertLess(time.monotonic() - began, 0.4 + SOON)  # 0.4 s is the link's timeout here
                await self.ended(bench)


class Stuck(KillCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(patch.object(kill_way, "NO_PROGRESS", 0.6))

    async def test_rule_08_without_progress_a_kill_switches_off(self) -> None:
        async with self.at(self.limited(kill_rate=1.0), V) as bench:
            self.sim.faults.set("ignore_set")
            await kill(bench)
            await asyncio.sleep(1.0)
            self.assertTrue(self.is_on())
            self.sim.faults.clear("ignore_set")
            await self.ended(bench)

    async def test_rule_19_a_kill_goes_on_after_a_restart(self) -> None:
        slow = self.limited(kill_rate=10.0)
        with tempfile.TemporaryDirectory() as folder:
            async with self.at(slow, V, data=Path(folder)) as bench:
                await kill(bench)
                await until(lambda: self.volts() < abs(V) - 2)
            self.assertTrue(self.is_on(), "ending a service switches nothing")
            async with device_bench(self.config, data=Path(folder), boot="boot2") as bench:
                await self.ended(bench)
                self.assertIn("killed", (await bench.command("on")).why or "")

    async def test_rule_08_a_kill_without_a_link_goes_on_when_it_is_back(self) -> None:
        async with self.at(self.config, V) as bench:
            self.sim.faults.set("refuse")
            await bench.until(lambda: bench.statuses[-1].state == "fault", "fault")
            await kill(bench)
            await bench.until(lambda: "killed by cli" in (bench.statuses[-1].error or ""), "said in the status")
            await asyncio.sleep(0.3)
            self.assertTrue(self.is_on())
            self.sim.faults.clear("refuse")
            await self.ended(bench)
            await bench.until(lambda: bench.statuses[-1].error == "ch0 tripped: killed by cli", "the link is well")
