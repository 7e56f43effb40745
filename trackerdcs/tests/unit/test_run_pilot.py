"""The pilot of a run: what it does when something is lost, is not known, or will not end."""

import asyncio
import logging
import tempfile
import unittest
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app.run_pilot import Pilot
from trackerdcs.app.run_work import OUTPUT, OpenRun, Work, with_run
from trackerdcs.domain.ph2acf.needs import Finding
from trackerdcs.domain.ph2acf.setup import BridgeConfig, RecipeConfig, Violated
from trackerdcs.domain.run import Check, Run, RunModule
from trackerdcs.ports_runs import Born


class Obedient:
    """A program that ends by SIGINT, unless it is `deaf`."""

    born = Born(1, "b:1")

    def __init__(self, deaf: bool = False) -> None:
        self.deaf, self.running, self.rc = deaf, True, None
        self.signals: list[str] = []

    def interrupt(self) -> None:
        self.signals.append("INT")
        self.running = self.deaf

    def kill(self) -> None:
        self.signals.append("KILL")
        self.running = False


class TestPilot(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        logging.disable(logging.WARNING)
        self.addCleanup(logging.disable, logging.NOTSET)
        self.here = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.ok: bool | None = True
        self.violated: Violated = "abort"
        self.patience = 0.5

    def findings(self) -> Iterator[Finding]:
        yield Finding(Check("lv", self.ok, "why"), self.violated, self.patience)

    def pilot(self, child: Obedient | None, recipe: RecipeConfig | None = None) -> Pilot:
        bridge = BridgeConfig({}, sim=True, period=0.1, stop_wait=0.3)
        opened = OpenRun(Run("a" * 32, "configuring", start=SystemClock().now()), str(self.here))
        work = Work(self.here)
        return Pilot(
            opened,
            child,
            bridge,
            recipe or RecipeConfig(),
            (),
            {},
            work,
            self.findings,
            lambda run: None,
            SystemClock(),
        )

    async def test_what_is_lost_ends_the_run_at_once_and_what_is_not_known_after_a_while(self) -> None:
        for ok, least in ((False, 0.0), (None, 0.5)):
            with self.subTest(ok=ok):
                self.ok, child = True, Obedient()
                pilot = self.pilot(child)
                following = asyncio.create_task(pilot.follow())
                await asyncio.sleep(0.3)
                self.ok, began = ok, SystemClock().monotonic()
                run = await asyncio.wait_for(following, 10)
                self.assertGreaterEqual(SystemClock().monotonic() - began, least)
                self.assertEqual((run.state, run.failure.code if run.failure else ""), ("aborted", "condition_lost"))
                self.assertEqual([event.event for event in run.events], ["need_lost"])
                self.assertEqual(child.signals[0], "INT")

    async def test_a_module_that_says_another_fuse_id_than_the_stand_file_is_said_at_once(self) -> None:
        line = "29.05.2025 15:59:48: |140489373334007|I| FuseID from LpGBT optical group 0 on Board 0: 0xec2acd51\n"
        (self.here / OUTPUT).write_text(line)
        for expected, codes in (({"m-1": "0xEC2ACD51"}, []), ({"m-1": "51"}, ["fuse_mismatch"]), ({"m-2": "51"}, [])):
            with self.subTest(expected):
                pilot = self.pilot(Obedient())
                pilot._fuse_ids = expected
                pilot.open = with_run(pilot.open, replace(pilot.run, modules=(RunModule("m-1"),)))
                following = asyncio.create_task(pilot.follow())
                await asyncio.sleep(0.15)
                self.assertEqual([w.code for w in pilot.run.warnings], codes)
                self.assertEqual(pilot.run.modules[0].fuse_id, "ec2acd51")
                following.cancel()

    async def test_one_that_floods_is_ended(self) -> None:
        (self.here / OUTPUT).write_bytes(b"tick\n" * 100)
        child = Obedient()
        with mock.patch("trackerdcs.app.run_pilot.FLOOD", 499):
            run = await asyncio.wait_for(self.pilot(child).follow(), 10)
        self.assertEqual((run.state, run.failure.code if run.failure else ""), ("finalizing", "flood"))

    async def test_what_is_lost_is_noted_and_comes_back(self) -> None:
        self.violated, child = "note", Obedient()
        following = asyncio.create_task(self.pilot(child).follow())
        for self.ok in (True, False, None, True):
            await asyncio.sleep(0.35)
        child.running = False
        run = await asyncio.wait_for(following, 10)
        self.assertEqual([event.event for event in run.events], ["need_lost", "need_met"])
        self.assertEqual(run.state, "finalizing")

    async def test_who_does_not_hear_an_interrupt_is_killed(self) -> None:
        child = Obedient(deaf=True)
        pilot = self.pilot(child)
        following = asyncio.create_task(pilot.follow())
        pilot.end("aborted", "somebody")
        run = await asyncio.wait_for(following, 10)
        self.assertEqual(child.signals[:2], ["INT", "KILL"])
        self.assertIn("by somebody", run.failure.text if run.failure else "")

    async def test_a_talking_program_does_not_hang(self) -> None:
        child = Obedient()
        following = asyncio.create_task(self.pilot(child, RecipeConfig(idle=0.6)).follow())
        for _ in range(5):
            with (self.here / OUTPUT).open("a") as out:
                out.write("a word\n")
            await asyncio.sleep(0.3)
        self.assertEqual(child.signals, [])
        run = await asyncio.wait_for(following, 10)
        self.assertEqual(run.failure.code if run.failure else "", "hang")


if __name__ == "__main__":
    unittest.main()
