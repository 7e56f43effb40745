"""The KILL button over a broker in memory: what is sent, what is said of it, and that haste makes one kill."""

import asyncio
import json
import unittest
from typing import Any

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app.kill_button import AGAIN_S, SAME_S, KillButton
from trackerdcs.domain import topics
from trackerdcs.domain.codec import encode
from trackerdcs.domain.messages import Event
from trackerdcs.tests.waiting import until


class LaterClock(SystemClock):
    """A clock that can be set forward."""

    later = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.later


class TestKillButton(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.broker, self.clock = MemoryBroker(), LaterClock()
        self.owner = MemoryBus(self.broker, "owner")
        await self.enterAsyncContext(self.owner)
        self.kills: list[dict[str, Any]] = []
        self.obeys = True
        self.bus = MemoryBus(self.broker, "web")
        await self.enterAsyncContext(self.bus)
        self.button = KillButton(self.bus, "bench", "web", ["hv1"], self.clock, taken=0.2)
        for work in (self.own(), self.button.follow()):
            task = asyncio.create_task(work)
            self.addCleanup(task.cancel)
        await asyncio.sleep(0)

    async def own(self) -> None:
        """As a device does it, as far as it says something."""
        async for delivery in self.owner.subscribe(topics.kills_of("bench")):
            self.kills.append(json.loads(delivery.payload) | {"topic": delivery.topic, "retained": delivery.retained})
            if self.obeys:
                await self.say("killed")

    async def say(self, event: str, why: str | None = None, device: str = "hv1") -> None:
        message = Event(event, self.clock.now(), "boot", why=why)
        await self.owner.publish(topics.of_device("bench", device, "event"), encode(message))

    async def test_it_is_sent_by_somebody_for_a_reason(self) -> None:
        press = await self.button.press("deputy", "smoke\nX")
        self.assertEqual((press.sent, press.by, press.why), ("sent", "deputy", ""))
        (kill,) = self.kills
        self.assertEqual((kill["topic"], kill["retained"]), ("dcs/v1/bench/kill/web", False))
        self.assertEqual((kill["id"], kill["by"]), (press.id, "deputy"))
        self.assertEqual(kill["reason"], "deputy: smoke X")
        self.assertEqual(self.button.last, press)

    async def test_what_the_owner_says_is_kept(self) -> None:
        await self.button.press("deputy")
        self.assertEqual((self.button.answers, self.button.open), ({"hv1": "goes down"}, []))
        await self.say("trip")
        await self.say("killed", device="other")
        await self.say("kill_ended")
        await until(lambda: self.button.answers == {"hv1": "every channel was seen off"})

    async def test_a_refusal_is_not_hidden(self) -> None:
        self.obeys = False
        pressing = asyncio.create_task(self.button.press("deputy"))
        await until(lambda: self.kills)
        await self.say("kill_refused", "user 'web' is not among the command users of this stand")
        await pressing
        self.assertRegex(self.button.answers["hv1"] or "", "REFUSES: user 'web' is not among")
        self.assertEqual(self.button.open, ["hv1"])

    async def test_silence_is_no_answer(self) -> None:
        self.obeys = False
        with self.assertLogs("trackerdcs.app.kill_button", "WARNING") as logs:
            press = await self.button.press("deputy")
        self.assertEqual((press.sent, self.button.answers), ("sent", {"hv1": None}))
        self.assertIn("not obeyed or not heard by hv1", logs.output[0])

    async def test_a_double_click_is_one_kill(self) -> None:
        first, second = await asyncio.gather(self.button.press("deputy"), self.button.press("shifter1"))
        self.assertEqual(first, second)
        third = await self.button.press("deputy")
        self.assertEqual((third.id, {kill["id"] for kill in self.kills}), (first.id, {first.id}))

    async def test_a_later_press_is_a_second_kill_and_nothing_old_is_shown(self) -> None:
        first = await self.button.press("deputy")
        await self.say("kill_ended")
        self.clock.later = SAME_S
        self.obeys = False
        pressing = asyncio.create_task(self.button.press("deputy"))
        await until(lambda: len(self.kills) == 2)
        self.assertEqual(self.button.answers, {"hv1": None})
        self.assertNotEqual((await pressing).id, first.id)

    async def test_without_a_broker_it_is_not_sent(self) -> None:
        self.broker.stop()
        await until(lambda: not self.bus.connected)
        press = await self.button.press("deputy")
        self.assertEqual((press.sent, press.why), ("not sent", "the broker does not answer"))
        self.assertFalse(self.button.connected)
        self.broker.start()
        await until(lambda: self.bus.connected and self.owner.connected)
        again = await self.button.press("deputy")
        self.assertEqual((again.sent, again.id), ("sent", press.id))
        self.assertEqual(len(self.kills), 1)

    async def test_a_broker_that_does_not_confirm(self) -> None:
        self.broker.acknowledges = False
        press = await self.button.press("deputy")
        self.assertEqual((press.sent, press.why), ("unknown", "the broker has not confirmed it within 0.2 s"))
        self.broker.acknowledges = True
        self.clock.later = AGAIN_S / 2
        self.assertEqual((await self.button.press("deputy")).id, press.id)

    async def test_a_connection_that_ends_meanwhile(self) -> None:
        self.broker.acknowledges = False
        pressing = asyncio.create_task(self.button.press("deputy"))
        await asyncio.sleep(0.05)
        self.broker.cut("web")
        self.assertEqual((await pressing).sent, "unknown")

    async def test_a_browser_that_goes_away_stops_nothing(self) -> None:
        self.broker.acknowledges = False
        pressing = asyncio.create_task(self.button.press("deputy"))
        await asyncio.sleep(0.01)
        pressing.cancel()
        self.broker.acknowledges = True
        await until(lambda: self.button.last is not None)
        self.assertEqual(len(self.kills), 1)
