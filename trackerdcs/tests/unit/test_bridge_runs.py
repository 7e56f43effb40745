"""Runs of a bridge: who is followed after a restart, and what is given back where the disk fails."""

import asyncio
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.process_group import ProcessGroups
from trackerdcs.adapters.runs_memory import MemoryRuns
from trackerdcs.app.bridge_parts import Parts
from trackerdcs.app.bridge_runs import BridgeRuns
from trackerdcs.app.run_work import OpenRun, Work
from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.ph2acf.setup import BridgeConfig, RecipeConfig
from trackerdcs.domain.run import Run
from trackerdcs.ports_runs import MARK, Born
from trackerdcs.tests.waiting import until


class TestRuns(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.here = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.parts = mock.create_autospec(Parts, instance=True)
        self.parts.work, self.parts.store = Work(self.here), MemoryRuns()
        self.parts.fuse_ids = {}
        for name in ("programs", "queue", "keeper", "scene", "speaker", "imported", "conditions"):
            setattr(self.parts, name, mock.Mock())
        self.parts.programs.sweep = lambda mark: 0
        self.parts.lease = mock.AsyncMock()
        self.runs = BridgeRuns(BridgeConfig({"x": RecipeConfig()}), self.parts, mock.Mock(), SystemClock())
        self.addCleanup(self.runs.stop)

    def opened(self, name: str) -> OpenRun:
        run = Run(name * 32, "running", calibration="x", start=SystemClock().now())
        opened = OpenRun(run, str(self.here), Born(1, name))
        self.parts.work.note(opened)
        return opened

    async def test_a_program_that_runs_is_followed_whatever_else_was_left(self) -> None:
        self.opened("a"), self.opened("b")
        living = mock.Mock(running=True, rc=None)
        self.parts.programs.adopt = lambda born: living if born.start == "a" else None
        with mock.patch.object(self.runs, "_finisher"):
            await self.runs.adopt()
        self.assertIn("a" * 32, self.runs.busy or "")

    async def test_a_program_whose_start_nobody_could_note_is_followed(self) -> None:
        """The bridge was killed between the start and its note."""
        self.parts.programs = ProcessGroups()
        opened = OpenRun(Run("c" * 32, "configuring", calibration="x", start=SystemClock().now()), str(self.here))
        self.parts.work.note(opened)
        child = self.parts.programs.start(
            ["/bin/sleep", "60"], self.here, {MARK: opened.run.id}, self.here / "o", ["lost board"]
        )
        self.addCleanup(child.kill)
        await self.runs.adopt()
        self.assertIn(opened.run.id, self.runs.busy or "")
        with mock.patch.object(self.runs, "_finisher"):
            ended = await asyncio.wait_for(self.runs.abort("shifter"), 10)
        self.assertEqual((ended and ended.state, child.running), ("aborted", False))

    async def test_a_bridge_that_was_killed_before_it_gave_the_voltage_back_does_so_at_its_start_and_once(self) -> None:
        opened = OpenRun(Run("d" * 32, "finalizing", start=1, end=2), "", channels=(("hv1", "ch0"),), lease=True)
        self.parts.scene.kinds = {"hv1": "hv"}
        self.parts.work.note(opened)
        with mock.patch.object(self.runs, "_finisher") as finisher:
            await self.runs.adopt()
        self.parts.lease.release.assert_awaited_once_with([("hv1", "ch0")])
        finisher.begin.assert_called_once_with(replace(opened, lease=False))

    async def test_a_run_whose_note_is_damaged_ends_as_failed(self) -> None:
        """One that the store knows, and one that only its folder knows."""
        parts, programs, final = self.parts, ProcessGroups(), mock.AsyncMock(return_value={})
        parts.programs, parts.imported, parts.conditions = programs, lambda run: replace(run, state="failed"), final
        parts.keeper.events.return_value, parts.keeper.commands.return_value = [], ()
        known = Run("e" * 32, "running", calibration="x", requested_by="shifter", start=5, stand="s")
        other = Run("f" * 32, "queued", calibration="y", stand="s", device="ph2acf1", requested=1)
        parts.store.put_run(known)
        folder = parts.work.make(other, "X.xml", b"")
        child = programs.start(["/bin/sleep", "60"], self.here, {MARK: other.id}, self.here / "o", [])
        for run in (known, other):
            parts.work.note(OpenRun(run, ""))
            (self.here / "open" / f"{run.id}.json").write_text('{"run": ')
        said: dict[str, Run] = {}
        parts.speaker.say = lambda run, channels: said.update({run.id: run})
        with self.assertLogs("trackerdcs.app.bridge_runs", "ERROR"):
            await self.runs.adopt()
        await until(lambda: len(said) == 2 and not list((self.here / "open").glob("*.json")))
        one, two = said[known.id], said[other.id]
        self.assertEqual({one.failure, two.failure}, {failure("note_damaged")})
        self.assertEqual((one.requested_by, one.start), ("shifter", 5))
        self.assertEqual((two.calibration, two.device, two.folder), ("y", "ph2acf1", str(folder)))
        self.assertEqual(len(list((self.here / "open").glob("*.damaged"))), 2)
        await until(lambda: not child.running)

    async def test_the_voltage_is_given_back_where_the_disk_fails(self) -> None:
        opened = self.opened("a")
        with mock.patch.object(self.parts.work, "close", side_effect=OSError("read-only")):
            await asyncio.wait_for(self.runs._never_began(opened, failure("not_started"), [("hv1", "ch0")]), 5)
        self.parts.lease.release.assert_awaited_once_with([("hv1", "ch0")])


if __name__ == "__main__":
    unittest.main()
