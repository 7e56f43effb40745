"""`trackerdcs runs` on the files of a stand: what it prints, and what it says where there is nothing."""

import asyncio
import json
import tempfile
import unittest
from pathlib import Path

from typer.testing import CliRunner

from trackerdcs.adapters.runs_sqlite import SqliteRuns
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.cli.main import app
from trackerdcs.domain.run import RunModule, Zone
from trackerdcs.domain.series import Point
from trackerdcs.tests.join_case import MODULE, T0, S, made_run, result

STAND = """
stand: bench
data: {folder}
devices:
  hv1: {{driver: iseg_shr, sim: true, link: {{resource: "TCPIP::127.0.0.1::9::SOCKET"}}, channels: {{ch0: {{}}}}}}
"""


class TestRuns(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.file = self.folder / "stand.yaml"
        self.file.write_text(STAND.format(folder=self.folder))

    def fill(self) -> None:
        runs = SqliteRuns(self.folder / "runs.sqlite")
        runs.put_run(made_run("r1", zone=Zone(0, "assumed")))
        runs.put_run(made_run("r2", T0 + 1000 * S, modules=(RunModule("other"),)))
        runs.put_results("r1", 1, [result("r1")])
        runs.close()
        series = SqliteSeries(self.folder / "series.sqlite")
        tags = (("stand", "bench"), ("device", "hv1"), ("channel", "ch0"))
        points = [Point("hv", tags, T0 + i * S, {"v_mon": -1.0 * i}) for i in range(100) if not 40 <= i < 60]
        asyncio.run(series.write(points))
        asyncio.run(series.close())

    def run_it(self, *words: str, status: int = 0) -> tuple[str, str]:
        done = CliRunner().invoke(app, ["runs", *words, "--file", str(self.file)])
        self.assertEqual(done.exit_code, status, done.output)
        return done.stdout, done.stderr

    def test_before_anything_was_stored(self) -> None:
        self.assertIn("no such run", self.run_it("list")[1])
        self.assertIn("no run 'r1'", self.run_it("show", "r1", status=1)[1])
        self.assertFalse((self.folder / "runs.sqlite").exists(), "who reads makes no file")

    def test_list(self) -> None:
        self.fill()
        out, _ = self.run_it("list", "--module", MODULE)
        self.assertEqual([line.split()[0] for line in out.splitlines()], ["id", "r1"])
        out, err = self.run_it("list", "--limit", "1", "--format", "json")
        self.assertEqual([r["id"] for r in json.loads(out)["runs"]], ["r2"])
        self.assertIn("there are more", err)
        self.assertIn("expected one of", self.run_it("list", "--state", "gone", status=2)[1])
        self.assertIn("expected ns", self.run_it("list", "--since", "yesterday", status=1)[1])

    def test_conditions_say_gaps_and_doubts(self) -> None:
        self.fill()
        out, err = self.run_it("conditions", "r1", "-q", "v_mon", "--bucket", "10s")
        self.assertRegex(out, r"bench/hv1/ch0/v_mon +V +80 +-49.5 +-99 +0 +0.8 +1")
        self.assertIn("gap in bench/hv1/ch0/v_mon: 2026-05-28T20:27:40.123456789Z to", out)
        self.assertIn("time zone of the run's computer is assumed", err)
        out, _ = self.run_it("conditions", "r1", "-q", "v_mon", "--bucket", "10s", "--format", "csv")
        self.assertEqual(len(out.splitlines()), 10)
        self.assertIn("not measured here", self.run_it("conditions", "r1", "-q", "rh", status=1)[1])

    def test_show_results_at_and_noise(self) -> None:
        self.fill()
        self.assertRegex(self.run_it("show", "r1")[0], r"calibration +noise\n")
        self.assertRegex(self.run_it("results", "r1")[0], r"MPA +noise +2 +2.5")
        self.assertEqual(len(self.run_it("results", "r1", "--channels", "--format", "csv")[0].splitlines()), 4)
        self.assertRegex(self.run_it("at", str(T0))[0], rf"run +r1 +{MODULE}")
        out, _ = self.run_it("noise", MODULE, "-q", "v_mon", "--format", "json")
        (row,) = json.loads(out)["rows"]
        self.assertEqual(row["against"]["bench/hv1/ch0/v_mon"]["mean"], -49.5)
        self.assertIn("no run with a noise of nobody", self.run_it("noise", "nobody")[1])
