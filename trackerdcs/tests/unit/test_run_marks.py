"""Which run a frame belongs to: only what is said live and lately, and only while its program runs."""

import asyncio
import unittest
from dataclasses import replace

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.app.announcer import Who
from trackerdcs.app.run_marks import BELIEVED, RunMarks
from trackerdcs.app.run_speaker import RunSpeaker
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.messages import RunNote
from trackerdcs.domain.run import Run
from trackerdcs.tests.waiting import until

ID, OTHER = "a" * 32, "b" * 32
NOTE = RunNote("running", 1, 1, "ph2acf1", "boot", 1, "pedenoise", channels={"hv1": ["ch0"], "lv1": ["ch1"]})


class Settable:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> int:
        return int(self.at * 1e9)

    def monotonic(self) -> float:
        return self.at


class TestMarks(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.clock, broker = Settable(), MemoryBroker()
        self.bus = await self.enterAsyncContext(MemoryBus(broker, "bridge"))
        self.device = await self.enterAsyncContext(MemoryBus(broker, "hv1"))
        self.marks = RunMarks("s", "hv1", self.clock)

    async def say(self, note: RunNote, id: str = ID, retain: bool = True) -> None:
        await self.bus.publish(topics.run("s", id), encode(note), retain=retain)
        await asyncio.sleep(0.02)

    def listen(self) -> None:
        task = asyncio.create_task(self.marks.listen(self.device))
        self.addCleanup(task.cancel)

    def of(self) -> dict[str, list[str]]:
        return self.marks.of(["ch0", "ch1"])

    async def test_a_retained_run_counts_only_when_it_is_said_again(self) -> None:
        await self.say(NOTE)
        self.listen()
        await asyncio.sleep(0.05)
        self.assertEqual(self.of(), {})
        await self.say(replace(NOTE, seq=2))
        self.assertEqual(self.of(), {"ch0": [ID]})

    async def test_a_run_that_is_not_said_any_more_is_dropped(self) -> None:
        self.listen()
        await asyncio.sleep(0.01)
        await self.say(NOTE)
        self.clock.at += BELIEVED
        self.assertEqual(self.of(), {"ch0": [ID]})
        self.clock.at += 0.1
        self.assertEqual(self.of(), {})

    async def test_two_runs_of_one_channel_and_the_end_of_each(self) -> None:
        self.listen()
        await asyncio.sleep(0.01)
        await self.say(NOTE)
        await self.say(replace(NOTE, channels={"hv1": ["ch0", "ch1"]}), OTHER)
        self.assertEqual(self.of(), {"ch0": [ID, OTHER], "ch1": [OTHER]})
        await self.say(replace(NOTE, seq=2, state="finalizing"))
        self.assertEqual(self.of(), {"ch0": [OTHER], "ch1": [OTHER]})
        await self.say(replace(NOTE, seq=1))
        self.assertEqual(self.of()["ch0"], [OTHER], "an older message says nothing")
        await self.bus.publish(topics.run("s", OTHER), b"", retain=True)
        await asyncio.sleep(0.02)
        self.assertEqual(self.of(), {})

    async def test_a_run_is_repeated_and_cleared_in_its_time(self) -> None:
        said: list[RunNote | None] = []

        async def hear() -> None:
            async for delivery in self.device.subscribe(topics.runs_of("s")):
                delivery.acknowledge()
                said.append(decode(RunNote, delivery.payload) if delivery.payload else None)

        speaker = RunSpeaker(Who("s", "ph2acf1", "boot", "0"), self.bus, self.clock, kept=3600.0, repeat=5.0)
        for job in (hear(), speaker.run()):
            task = asyncio.create_task(job)
            self.addCleanup(task.cancel)
        await asyncio.sleep(0.01)
        run = Run(ID, "running", calibration="pedenoise")
        speaker.say(run, (("hv1", "ch0"),))
        await until(lambda: len(said) == 1)
        self.clock.at += 5.1
        await until(lambda: len(said) == 2)
        speaker.say(replace(run, state="done"), (("hv1", "ch0"),))
        await until(lambda: len(said) == 3)
        assert said[2] is not None
        self.assertEqual((said[2].state, said[2].percent), ("done", 100.0))
        self.clock.at += 3590.0
        await asyncio.sleep(1.2)
        self.assertNotIn(None, said)
        self.clock.at += 20.0
        await until(lambda: None in said)


if __name__ == "__main__":
    unittest.main()
