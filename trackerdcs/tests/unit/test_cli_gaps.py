"""`trackerdcs gaps` and what `doctor` says, on the record of a loader that goes on writing."""

import json
import os
import tempfile
import time
import unittest
from pathlib import Path
from unittest.mock import patch

from typer.testing import CliRunner, Result

from trackerdcs.adapters.gaps_sqlite import SqliteGaps
from trackerdcs.cli.doctor_findings import from_gaps
from trackerdcs.cli.main import app
from trackerdcs.domain.gaps import Piece
from trackerdcs.services.gap_records import records

STAND = """\
stand: bench
data: {data}
devices:
  hv1: {{driver: iseg_shr, link: {{resource: "TCPIP::127.0.0.1::15001::SOCKET"}}}}
"""
S = 10**9
HOUR = 3600 * S


class TestGaps(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "stand.yaml"
        self.file.write_text(STAND.format(data=self.folder))
        self.record = self.new_record("loader")
        self.start = (time.time_ns() // HOUR - 2) * HOUR
        self.stored(0, 99)
        lost = Piece("bench", "hv1", "5f1c0a9b2e77", "lost", 105, 109, cause="disk \x1b[31mfull")
        self.record.add([lost])
        self.stored(110, 200)
        self.record.add([Piece("bench", "env1", "c0ffee", "stored", 0, 5, 8 * 10**18, 8 * 10**18, since=1, until=2)])

    def new_record(self, name: str) -> SqliteGaps:
        record = SqliteGaps(self.folder / f"{name}.gaps.sqlite")
        self.addCleanup(record.close)
        return record

    def stored(self, first: int, last: int, record: SqliteGaps | None = None) -> None:
        at = self.start + HOUR
        piece = Piece("bench", "hv1", "5f1c0a9b2e77", "stored", first, last, since=at, until=at)
        times = {"first_ts": self.start + first * S, "last_ts": self.start + last * S}
        (record or self.record).add([Piece(**{**piece.__dict__, **times})])

    def run_it(self, *more: str) -> Result:
        with patch.dict(os.environ, {"TZ": "UTC-05:30"}):
            time.tzset()
            try:
                return CliRunner().invoke(app, ["gaps", "-f", str(self.file), *more])
            finally:
                os.environ.pop("TZ")
                time.tzset()

    def at(self, seq: int) -> str:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.start // S + seq + 19800))

    def test_a_line_a_boot_and_its_gaps_in_local_time(self) -> None:
        result = self.run_it("--stand", "bench")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertNotIn("\x1b", result.stdout)
        head, boot, missing, lost, total = result.stdout.splitlines()
        self.assertIn("UTC+0530", head)
        columns = head.split("(")[0].replace("first frame", "").replace("last frame", "").replace("on its way", "way")
        self.assertEqual(columns.split(), ["device", "boot", "stored", "lost", "parked", "missing", "way"])
        expected = ["hv1", "5f1c0a9b2e77", *self.at(0).split(), *self.at(200).split(), "191", "5", "0", "5", "0"]
        self.assertEqual(boot.split(), expected)
        between = f"5 frames, between {self.at(99)} and {self.at(110)}"
        self.assertEqual(missing.split(), f"missing seq 100 to 104, {between}".split())
        self.assertEqual(lost.split(), f"lost seq 105 to 109, {between}: disk ?[31mfull".split())
        self.assertEqual(total, "5 frames are missing, 5 are declared lost")

    def test_what_another_loader_has_stored_is_not_missing(self) -> None:
        self.stored(100, 104, self.new_record("loader-b"))
        self.assertIn("\n0 frames are missing, 5 are", self.run_it().stdout)

    def test_longer_ago_another_device_and_a_clock_beyond_dates(self) -> None:
        text = self.run_it("--since", "36500d", "--device", "env1").stdout
        self.assertRegex(text, r"env1 +c0ffee +\S+( \S+)? +\S+( \S+)? +6 +0 +0 +0 +0\nnothing is missing\n")
        result = self.run_it("--device", "hv9")
        self.assertEqual((result.exit_code, result.stdout), (0, ""))
        self.assertIn("nothing of bench/hv9 was heard in the last 7d", result.stderr)

    def test_json_has_all_ranges(self) -> None:
        (found,) = json.loads(self.run_it("--json").stdout)
        self.assertEqual((found["device"], found["stored"], found["begin"]), ("hv1", 191, self.start))
        self.assertEqual([(s["fate"], s["first"], s["last"]) for s in found["spans"][:1]], [("missing", 100, 104)])

    def test_what_is_not_there(self) -> None:
        result = self.run_it("--stand", "other")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("stands in", result.stderr)
        (self.folder / "loader.gaps.sqlite.damaged-1").write_text("x")
        self.assertIn("loader.gaps.sqlite.damaged-1", self.run_it().stderr)
        self.record.close()
        for path in self.folder.glob("*.sqlite"):
            path.unlink()
        result = self.run_it()
        self.assertEqual(result.exit_code, 1)
        self.assertIn("no gap record in", result.stderr)
        self.assertEqual(list(from_gaps(self.folder, "bench", time.time_ns())), [])

    def test_the_doctor_says_it_in_one_line(self) -> None:
        (finding,) = from_gaps(self.folder, "bench", time.time_ns())
        self.assertEqual(finding.grade, "WARN")
        self.assertIn("gaps of bench in the last 7 days: 5 frames missing, 5 declared lost, of hv1", finding.text)
        self.stored(100, 109)
        (finding,) = from_gaps(self.folder, "bench", time.time_ns())
        self.assertEqual((finding.grade, finding.text), ("OK", "gaps of bench in the last 7 days: none"))
        self.record.close()
        records(self.folder)[0].write_bytes(b"no database" * 1000)
        (finding,) = from_gaps(self.folder, "bench", time.time_ns())
        self.assertIn("cannot be read", finding.text)


if __name__ == "__main__":
    unittest.main()
