"""Runs of a bridge: who is followed after a restart, and what is given back where the disk fails."""

import asyncio
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.runs_memory import MemoryRuns
from trackerdcs.app.bridge_parts import Parts
from trackerdcs.app.bridge_runs import BridgeRuns
from trackerdcs.app.run_work import OpenRun, Work
from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.ph2acf.setup import BridgeConfig, RecipeConfig
from trackerdcs.domain.run import Run
from trackerdcs.ports_runs import Born


class TestRuns(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.here = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.parts = mock.create_autospec(Parts, instance=True)
        self.parts.work, self.parts.store = Work(self.here), MemoryRuns()
        for name in ("programs", "queue", "keeper", "scene", "speaker", "imported", "conditions"):
            setattr(self.parts, name, mock.Mock())
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

    async def test_the_voltage_is_given_back_where_the_disk_fails(self) -> None:
        opened = self.opened("a")
        with mock.patch.object(self.parts.work, "close", side_effect=OSError("read-only")):
            await asyncio.wait_for(self.runs._never_began(opened, failure("not_started"), [("hv1", "ch0")]), 5)
        self.parts.lease.release.assert_awaited_once_with([("hv1", "ch0")])


if __name__ == "__main__":
    unittest.main()
