"""What counts of what the rest of a stand says, on a clock that the test turns."""

import asyncio
import contextlib
import unittest
from collections.abc import AsyncIterator

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.app.neighbours import Neighbours
from trackerdcs.domain import topics
from trackerdcs.domain.codec import encode
from trackerdcs.domain.dependence import Surroundings
from trackerdcs.domain.messages import Event, Frame, Interlock
from trackerdcs.domain.stand import ChannelConfig, DeviceConfig, LinkConfig

START = 10**18
SECOND = 10**9
LV = DeviceConfig("hmp4040", LinkConfig("TCPIP::127.0.0.1::1::SOCKET"), channels={"ch1": ChannelConfig(module="m")})


class HandClock:
    """Both clocks, set by hand."""

    def __init__(self) -> None:
        self.wall, self.ticks = START, 100.0

    def now(self) -> int:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    def pass_by(self, seconds: float) -> None:
        self.wall += int(seconds * SECOND)
        self.ticks += seconds


class TestNeighbours(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.clock, self.broker, self.seq = HandClock(), MemoryBroker(), 0
        self.events: list[tuple[str, str]] = []
        around = Surroundings({"ch0": ("box",)}, {"lv": LV})
        self.heard = Neighbours("s", around, self.clock, lambda device, e: self.events.append((device, e.event)))

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[MemoryBus]:
        async with MemoryBus(self.broker, "me") as bus:
            task = asyncio.create_task(self.heard.listen(bus))
            await asyncio.sleep(0)
            try:
                yield bus
            finally:
                task.cancel()

    async def say(self, bus: MemoryBus, leaf: str, payload: bytes, device: str = "lv") -> None:
        await bus.publish(topics.of_device("s", device, leaf), payload, retain=leaf == "frame")
        await asyncio.sleep(0.01)

    def frame(self, **more: object) -> bytes:
        self.seq += 1
        said: dict[str, object] = {"ts": self.clock.wall, "ch": {"ch1": {"on": True}}, "mod": {"ch1": "m"}} | more
        return encode(Frame(seq=self.seq, boot="b", sw="0", kind="lv", **said))  # type: ignore[arg-type]

    async def test_a_frame_counts_for_three_periods(self) -> None:
        async with self.listening() as bus:
            self.assertIsNone(self.heard.reading("lv", "ch1"))
            await self.say(bus, "frame", self.frame())
            self.assertEqual(self.heard.reading("lv", "ch1"), {"on": True})
            self.clock.pass_by(2.9)
            self.assertEqual(self.heard.reading("lv", "ch1"), {"on": True})
            self.clock.pass_by(0.2)
            self.assertIsNone(self.heard.reading("lv", "ch1"))

    async def test_neither_what_is_kept_nor_what_is_replayed_nor_nonsense_counts(self) -> None:
        async with MemoryBus(self.broker, "lv") as lv:
            await lv.publish(topics.of_device("s", "lv", "frame"), self.frame(), retain=True)
        async with self.listening() as bus:
            await asyncio.sleep(0.01)
            await self.say(bus, "replay", self.frame())
            with self.assertLogs("trackerdcs.app.neighbours", "WARNING"):
                await self.say(bus, "frame", b"{}")
            self.assertIsNone(self.heard.reading("lv", "ch1"))
            await self.say(bus, "frame", self.frame())
            self.assertIsNotNone(self.heard.reading("lv", "ch1"))

    async def test_what_is_bad_or_uncertain_is_no_reading(self) -> None:
        async with self.listening() as bus:
            await self.say(bus, "frame", self.frame(unc={"ch1": {"on": "two answers"}}))
            self.assertEqual(self.heard.reading("lv", "ch1"), {})
            await self.say(bus, "frame", self.frame(ch={}, bad={"ch1": {"on": "timeout"}}))
            self.assertEqual(self.heard.reading("lv", "ch1"), {})

    async def test_a_module_is_where_the_file_says_until_its_device_says_otherwise(self) -> None:
        self.assertEqual(self.heard.bound("m"), [("lv", "ch1")])
        async with self.listening() as bus:
            await self.say(bus, "frame", self.frame(mod={"ch2": "m"}))
        self.assertEqual(self.heard.bound("m"), [("lv", "ch2")])
        self.clock.pass_by(60.0)
        self.assertEqual(self.heard.bound("m"), [("lv", "ch2")], "what was last said stays so")

    async def test_a_clock_set_back_makes_nothing_old(self) -> None:
        async with self.listening() as bus:
            await self.say(bus, "frame", self.frame())
            last = self.clock.wall
            self.clock.wall -= 3600 * SECOND
            for i in range(8):
                self.clock.pass_by(1.0)
                unc = {"-": {"ts": "the clock stepped back by 3600 s"}}
                await self.say(bus, "frame", self.frame(ts=last + 1 + i, unc=unc))
                self.assertIsNotNone(self.heard.reading("lv", "ch1"), f"{i + 1} s after")

    async def test_our_own_clock_may_be_set_while_we_listen(self) -> None:
        async with self.listening() as bus:
            await self.say(bus, "frame", self.frame())
            source = self.clock.wall
            for hours in (1, -2):
                self.clock.wall += hours * 3600 * SECOND
                self.clock.pass_by(1.0)
                source += SECOND
                await self.say(bus, "frame", self.frame(ts=source))
                self.assertIsNotNone(self.heard.reading("lv", "ch1"), f"set by {hours} h")

    async def test_clocks_that_are_set_here_or_at_the_guard_make_no_interlock_unknown(self) -> None:
        async with self.listening() as bus:
            guard, seq = 0, 0
            for here, there in ((0, 0), (3600, 0), (-3600, 0), (0, 3600), (0, -3600), (0, -60), (0, 0)):
                self.clock.wall += here * SECOND
                guard += (there - here) * SECOND
                for _ in range(5):
                    self.clock.pass_by(1.0)
                    seq += 1
                    said = Interlock("ok", "kill", self.clock.wall + guard, 1, seq, "g")
                    await bus.publish(topics.interlock("s", "box"), encode(said), retain=True)
                    await asyncio.sleep(0.001)
                    self.assertEqual(self.heard.interlock("box"), said, f"here {here} s, there {there} s")

    async def test_an_interlock_counts_for_three_repetitions(self) -> None:
        async with self.listening() as bus:
            said = Interlock("ok", "kill", self.clock.wall, self.clock.wall, 7, "g")
            await bus.publish(topics.interlock("s", "box"), encode(said), retain=True)
            await asyncio.sleep(0.01)
            self.assertEqual(self.heard.interlock("box"), said)
            self.clock.pass_by(3.1)
            self.assertIsNone(self.heard.interlock("box"))
            await bus.publish(topics.interlock("s", "box"), encode(said), retain=True)
            await asyncio.sleep(0.01)
            self.assertIsNone(self.heard.interlock("box"), "the same message again is no news")

    async def test_events_are_handed_on(self) -> None:
        async with self.listening() as bus:
            await self.say(bus, "event", encode(Event("emergency_off", self.clock.wall, "b", ch="ch1")))
        self.assertEqual(self.events, [("lv", "emergency_off")])


if __name__ == "__main__":
    unittest.main()
