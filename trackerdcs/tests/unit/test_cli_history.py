"""`trackerdcs history` against a SQLite file that somebody else has open for writing."""

import asyncio
import csv
import io
import json
import tempfile
import time
import unittest
from collections.abc import Mapping
from pathlib import Path

from typer.testing import CliRunner, Result

from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.cli.history import ROWS, newest, span, utc
from trackerdcs.cli.main import app
from trackerdcs.domain.series import FieldValue, Point, Selection

STAND = """\
stand: bench
data: {data}
devices:
  hv1: {{driver: iseg_shr, link: {{resource: "TCPIP::127.0.0.1::15001::SOCKET"}}}}
"""
SECOND = 10**9


class History(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "stand.yaml"
        self.file.write_text(STAND.format(data=self.folder))
        self.now = time.time_ns()

    async def asyncSetUp(self) -> None:
        # The debug mode of tests reports a slow machine on stderr, which is looked at here.
        asyncio.get_running_loop().slow_callback_duration = 60.0
        self.series = SqliteSeries(self.folder / "series.sqlite")
        self.addAsyncCleanup(self.series.close)

    async def store(self, quantity: str, values: Mapping[float, FieldValue]) -> None:
        """Values by their age in s."""
        tags = (("stand", "bench"), ("device", "hv1"), ("channel", "ch0"))
        points = [Point("hv", tags, self.now - int(age * SECOND), {quantity: v}) for age, v in values.items()]
        self.assertEqual(await self.series.write(points), [])

    async def history(self, quantity: str = "v_mon", *more: str, device: str = "hv1") -> Result:
        return await asyncio.to_thread(self.run_history, quantity, *more, device=device)

    def run_history(self, quantity: str = "v_mon", *more: str, device: str = "hv1") -> Result:
        args = ["history", "-f", str(self.file), "--device", device, "--channel", "ch0", "--quantity", quantity, *more]
        return CliRunner().invoke(app, args)

    async def test_csv(self) -> None:
        await self.store("v_mon", {30: -50.125, 10: -1e-9, 90: 3.0})
        result = await self.history("v_mon", "--last", "60s", "--format", "csv")
        self.assertEqual((result.exit_code, result.stderr), (0, ""))
        rows = list(csv.reader(io.StringIO(result.stdout)))
        times = [self.now - 30 * SECOND, self.now - 10 * SECOND]
        self.assertEqual(rows[0], ["time", "ts_ns", "value"])
        self.assertEqual(
            rows[1:], [[utc(times[0]), str(times[0]), "-50.125"], [utc(times[1]), str(times[1]), "-1e-09"]]
        )

    async def test_json(self) -> None:
        await self.store("state", {30: 'on, "really"'})
        result = await self.history("state", "--last", "1m", "--format", "json")
        ts = self.now - 30 * SECOND
        self.assertEqual(json.loads(result.stdout), [{"time": utc(ts), "ts_ns": ts, "value": 'on, "really"'}])

    async def test_a_short_table_shows_every_sample(self) -> None:
        await self.store("v_mon", {float(age): age / 2 for age in range(ROWS)})
        lines = (await self.history()).stdout.splitlines()
        self.assertEqual(lines[0], f"bench/hv1 ch0 v_mon in V, times in UTC: {ROWS} samples")
        self.assertEqual(len(lines), ROWS + 1)
        self.assertRegex(lines[-2], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z +0.5$")

    async def test_a_long_table_shows_parts_and_hides_no_spike(self) -> None:
        await self.store("v_mon", {float(age): -5000.0 if age == 333 else -1.0 for age in range(600)})
        lines = (await self.history("v_mon", "--last", "10m")).stdout.splitlines()
        self.assertRegex(lines[0], r"v_mon in V, times in UTC: \d{3} samples in \d+ parts of .*(s|min)$")
        self.assertLessEqual(len(lines), ROWS + 2)
        self.assertEqual(lines[1].split(), ["from", "mean", "lowest", "highest", "samples"])
        self.assertEqual(min(float(line.split()[2]) for line in lines[2:]), -5000.0)

    async def test_a_long_table_of_texts_shows_the_changes(self) -> None:
        await self.store("state", {float(age): "on" if 100 < age <= 200 else "off" for age in range(300)})
        lines = (await self.history("state")).stdout.splitlines()
        self.assertEqual(lines[0], "bench/hv1 ch0 state, times in UTC: 300 samples, 3 changes")
        self.assertEqual([line.split()[1] for line in lines[1:]], ["off", "on", "off", "off"])
        self.assertEqual(lines[-1].split()[::2], [utc(self.now), "(newest)"])

    async def test_a_time_of_which_nothing_is_known_is_said(self) -> None:
        known = [float(age) for age in range(300) if not 100 < age <= 200]
        await self.store("state", dict.fromkeys(known, "on"))
        await self.store("v_mon", dict.fromkeys(known, -50.0))
        lines = (await self.history("state")).stdout.splitlines()[1:]
        gap = "  -- nothing stored for 2 min --"
        self.assertEqual([line if line == gap else line.split()[1] for line in lines], ["on", gap, "on", "on"])
        self.assertRegex((await self.history("v_mon")).stdout, r"\n  -- nothing stored for 8\d s --\n")

    async def test_nothing_in_this_time(self) -> None:
        await self.store("v_mon", {7200: 1.0, 8000: 2.0})
        await self.store("state", {7200: "off"})
        for quantity in ("v_mon", "state"):
            result = await self.history(quantity, "--last", "1h", "--format", "csv")
            self.assertEqual((result.exit_code, result.stdout), (0, "time,ts_ns,value\n"))
            self.assertIn(f"its newest value is of {utc(self.now - 7200 * SECOND)}", result.stderr)

    async def test_an_unknown_series(self) -> None:
        await self.store("v_mon", {1: 1.0})
        for quantity, device, instead in (
            ("v_mno", "hv1", "iseg_shr reads there: v_set, .*v_mon"),
            ("state", "hv1", "iseg_shr has it, but has not read it so far"),
            ("v_mon", "hv9", "the devices of stand bench in .*stand.yaml, with their channels: hv1"),
        ):
            result = await self.history(quantity, device=device)
            self.assertEqual((result.exit_code, result.stdout), (1, ""))
            self.assertRegex(result.stderr, f"nothing was ever stored of bench/{device} ch0 {quantity}; {instead}")

    async def test_no_store(self) -> None:
        result = await self.history()
        self.assertEqual((result.exit_code, result.stdout), (1, ""))
        self.assertRegex(
            result.stderr, r"series.sqlite: there is no such file.*the store in .*stand.yaml; another: --file"
        )
        self.assertFalse((self.folder / "series.sqlite").exists())

    async def test_it_reads_while_somebody_writes(self) -> None:
        await self.store("v_mon", {1: 1.0})
        await self.series._in_thread("BEGIN IMMEDIATE", lambda db: self.assertEqual(self.run_history().exit_code, 0))

    async def test_the_newest_of_very_many(self) -> None:
        await self.store("v_mon", {age / 1000: 1.0 for age in range(3000)} | {9e8: 1.0})
        window = Selection("bench", "hv1", "ch0", "v_mon", 0, 2**62)
        self.assertEqual(await newest(self.series, window), self.now)


class Spans(unittest.TestCase):
    def test_units(self) -> None:
        for text, seconds in [("60s", 60), ("10m", 600), ("2h", 7200), ("7d", 604800)]:
            self.assertEqual(span(text), seconds)

    def test_what_is_none(self) -> None:
        for text in ("", "60", "s", "-5s", "0s", "1.5h", "5y", "٣s", "999999999999d"):
            with self.subTest(text):
                result = CliRunner().invoke(app, ["history", "--device=a", "--quantity=b", f"--last={text}"])
                self.assertEqual(result.exit_code, 2)
                self.assertIn("60s, 10m, 2h or 7d", result.stderr)


if __name__ == "__main__":
    unittest.main()
