"""The page about calibrating: what it says to type is typed against the demonstrator, and what it promises is there."""

import os
import time
import unittest
from pathlib import Path

from trackerdcs.adapters.runs_sqlite import SqliteRuns
from trackerdcs.domain.run import FINAL_STATES, RunQuery
from trackerdcs.tests.documents import blocks
from trackerdcs.tests.running_demo import LIMIT_S, AgainstTheDemo
from trackerdcs.tests.service import TRACKERDCS
from trackerdcs.tests.typed import run_block

PAGE = Path(__file__).parents[3] / "doc" / "how-to" / "calibrate.md"


class Page(AgainstTheDemo):
    def test_what_it_says(self) -> None:
        shell = self.environment | {"PATH": f"{Path(TRACKERDCS).parent}:{os.environ['PATH']}"}
        power, start, abort = (b.text for b in blocks(str(PAGE), PAGE.read_text("utf-8")) if b.language == "sh")

        def typed(text: str) -> str:
            done = run_block(text, shell, LIMIT_S)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return done.stdout

        typed(power)
        said = typed(start)
        self.assertIn("done, state configuring, run ", said)
        id = said.rpartition("run ")[2].split()[0]
        store = SqliteRuns(self.demo.data / "runs.sqlite", guest=True)
        self.addCleanup(store.close)
        self.assertIn("state aborted", typed(abort))
        deadline = time.monotonic() + LIMIT_S
        while (run := store.run(id)) is None or run.state not in FINAL_STATES:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
        self.assertEqual((run.state, run.why, run.sim), ("aborted", "first light", True))
        self.assertIn("demo/hv1/ch0/i_mon", run.conditions)
        self.assertEqual(store.runs(RunQuery(module="demo-module-1"))[0].id, id)


del AgainstTheDemo  # a case without a page is no test

if __name__ == "__main__":
    unittest.main()
