"""The lease of a run: none is forgotten where an answer is lost, none waits for another, none lapses unsaid."""

import asyncio
import itertools
import unittest
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app.requester import Unknown
from trackerdcs.app.run_lease import RunLease
from trackerdcs.domain.messages import Ack, Value

A, B = ("hv1", "ch0"), ("hv2", "ch0")
Said = tuple[str, dict[str, Value]]


class Devices:
    """Devices that answer as they are told to: by command and device, in turn; the last answer again and again."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers, self.asked = answers, defaultdict[str, list[float]](list)

    async def request(self, stand: str, device: str, cmd: str, *_: Any) -> AsyncIterator[Ack | Unknown]:
        key = f"{cmd}_{device}"
        self.asked[key].append(SystemClock().monotonic())
        turn = self.answers.get(key, ["done"])
        said = turn.pop(0) if len(turn) > 1 else turn[0]
        if said == "slow":
            await asyncio.sleep(5.0)
        if said in ("lost", "slow"):
            yield Unknown("no answer in 1 s")
        elif said == "refused":
            yield Ack("1", "b", "refused", 1, why="leased by expert")
        else:
            yield Ack("1", "b", "done", 1, readback={} if said == "done" else {"renewed": said == "renewed"})


def lease(devices: Devices, seconds: float = 0.4) -> RunLease:
    return RunLease(devices, "s", seconds, SystemClock())  # type: ignore[arg-type]


class TestTake(unittest.IsolatedAsyncioTestCase):
    async def test_what_may_be_held_although_nobody_said_so_is_given_back(self) -> None:
        devices = Devices(lease_hv2=["lost"], release_hv2=["lost", "done"])
        self.assertIn("hv2.ch0: no answer", await lease(devices).take([A, B]) or "")
        self.assertEqual((len(devices.asked["release_hv1"]), len(devices.asked["release_hv2"])), (1, 2))

    async def test_what_another_one_holds_is_left_alone(self) -> None:
        devices = Devices(lease_hv2=["refused"])
        self.assertIn("leased by expert", await lease(devices).take([A, B]) or "")
        self.assertEqual((len(devices.asked["release_hv1"]), len(devices.asked["release_hv2"])), (1, 0))


class TestKeep(unittest.IsolatedAsyncioTestCase):
    async def kept(self, devices: Devices, until: float, seconds: float = 0.4) -> tuple[list[str], list[str]]:
        lost: list[str] = []
        lapsed: list[str] = []
        task = asyncio.create_task(lease(devices, seconds).keep([A, B], lost.append, lapsed.append))
        await asyncio.sleep(until)
        task.cancel()
        await asyncio.wait({task})
        return lost, lapsed

    async def test_one_that_does_not_answer_lets_no_other_run_out(self) -> None:
        devices = Devices(lease_hv1=["slow"])
        await self.kept(devices, 1.0)
        asked = devices.asked["lease_hv2"]
        self.assertGreater(len(asked), 5)
        self.assertLess(max(b - a for a, b in itertools.pairwise(asked)), 0.35)

    async def test_one_that_was_lost_and_taken_again_is_said(self) -> None:
        self.assertEqual(await self.kept(Devices(lease_hv1=["renewed"], lease_hv2=["renewed"]), 0.3), ([], []))
        lost, lapsed = await self.kept(Devices(lease_hv1=["renewed", "taken", "renewed"]), 0.5)
        self.assertEqual((lost, len(lapsed)), ([], 1))
        self.assertIn("hv1.ch0", lapsed[0])

    async def test_one_that_cannot_be_held_is_lost_once(self) -> None:
        lost, lapsed = await self.kept(Devices(lease_hv2=["done", "refused"]), 1.0)
        self.assertEqual((lost, lapsed), (["hv2.ch0: leased by expert"], []))


if __name__ == "__main__":
    unittest.main()
