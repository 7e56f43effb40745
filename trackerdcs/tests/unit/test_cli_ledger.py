"""`trackerdcs ledger` on the file of a service that goes on writing."""

import json
import os
import sqlite3
import tempfile
import time
import unittest
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

from typer.testing import CliRunner, Result

from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.cli.main import app
from trackerdcs.domain.ledger import LedgerEntry

STAND = """\
stand: bench
data: {data}
devices:
  hv1: {{driver: iseg_shr, link: {{resource: "TCPIP::127.0.0.1::15001::SOCKET"}}}}
"""
READ = {"compliance": False, "on": True, "p_mon": 1.0, "ramp_up": 5.0, "state": "on", "v_mon": -5.0}


class TestLedger(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "stand.yaml"
        self.file.write_text(STAND.format(data=self.folder))
        self.path = self.folder / "hv1.ledger.sqlite"
        self.ledger = SqliteLedger(self.path)
        self.addCleanup(self.ledger.close)
        now = time.time_ns()
        self.ledger.append([LedgerEntry(now - 2 * 3600 * 10**9, "a", "started", args={"sw": "0.1"})])
        on: dict[str, Any] = {"id": "abcdefgh-1", "user": "web", "ch": "ch0"}
        self.entries = [
            LedgerEntry(now, "b", "accepted", by="deputy", cmd="on", reason="IV \x1b[31mcurve", ms=0.4, **on),
            LedgerEntry(now, "b", "order", order="on", readback={"on": True}, verdict="agrees", ms=3.0, **on),
            *(
                LedgerEntry(now + n * 10**8, "b", "order", order="set_voltage", value=-5.0 * n, verdict="agrees", **on)
                for n in range(1, 11)
            ),
            LedgerEntry(now, "b", "order", order="set_voltage", value=-55.0, verdict="unknown", why="no answer", **on),
            LedgerEntry(now, "b", "failed", cmd="on", why="the link is gone", ms=1234.0, **on),
            LedgerEntry(now, "b", "event", ch="ch0", event="trip", why="soft limit", readback=READ),
            LedgerEntry(now, "b", "order", ch="ch0", order="off", verdict="agrees", why="soft limit", ms=2.0),
        ]
        self.ledger.append(self.entries)

    def run_it(self, *more: str, stand: str = "bench", device: str = "hv1") -> Result:
        with patch.dict(os.environ, {"TZ": "UTC-05:30"}):
            time.tzset()
            try:
                return CliRunner().invoke(app, ["ledger", stand, "--device", device, "-f", str(self.file), *more])
            finally:
                os.environ.pop("TZ")
                time.tzset()

    def test_who_what_why_what_came_back_and_how_long_it_took(self) -> None:
        result = self.run_it()
        self.assertEqual(result.exit_code, 0, result.output)
        head, day, *rows = result.stdout.splitlines()
        self.assertIn("UTC", head)
        self.assertIn("(UTC+0530)", day)
        self.assertNotIn("\x1b", result.stdout)
        self.assertIn('web (deputy)   ch0       0 ms  on: accepted, reason "IV ?[31mcurve" [abcdefgh]', rows[0])
        self.assertIn("3 ms    sent on: agrees (on yes) [abcdefgh]", rows[1])
        self.assertIn("900 ms    sent set_voltage -5.000 V to -50.000 V in 10 steps: agrees", rows[2])
        self.assertIn("sent set_voltage -55.000 V: unknown: no answer", rows[3])
        self.assertIn("1.2 s  on failed: the link is gone", rows[4])
        self.assertIn(
            "(by itself)    ch0             trip: soft limit (state on, on yes, v_mon -5.000 V, p_mon 1.000 W)", rows[5]
        )
        self.assertIn("sent off: agrees: soft limit", rows[6])
        self.assertEqual(len(rows), 7)
        utc, local = time.gmtime(self.entries[0].ts // 10**9), time.gmtime(self.entries[0].ts // 10**9 + 19800)
        self.assertTrue(rows[0].startswith(time.strftime("%H:%M:%S.", local)))
        self.assertIn(time.strftime(" %H:%M:%SZ ", utc), rows[0])
        self.assertIn("the whole chain: --verify", result.stderr)

    def test_one_command_and_nothing_of_it(self) -> None:
        self.assertEqual(len(self.run_it("--id", "abcd").stdout.splitlines()), 7)
        result = self.run_it("--id", "zzz")
        self.assertEqual((result.exit_code, result.stdout), (0, ""))
        self.assertIn("nothing of command zzz in the last 1h", result.stderr)

    def test_json_has_every_entry_and_field(self) -> None:
        found = json.loads(self.run_it("--json", "--since", "1d").stdout)
        self.assertEqual([e["step"] for e in found[:2]], ["begun", "started"])
        self.assertEqual(len(found), 2 + len(self.entries))
        self.assertEqual((found[2]["by"], found[2]["ts"], found[2]["n"]), ("deputy", self.entries[0].ts, 3))
        self.assertRegex(found[2]["digest"], "^[0-9a-f]{64}$")
        self.assertTrue(found[2]["time"].endswith("Z"))

    def test_the_whole_chain_is_followed_and_its_head_told(self) -> None:
        result = self.run_it("--verify")
        self.assertEqual(result.exit_code, 0)
        self.assertIn(f"the chain is whole: {2 + len(self.entries)} entries, head ", result.stderr)

    def test_a_broken_chain_is_said_and_is_an_error(self) -> None:
        for order, names, options in [
            ("UPDATE ledger SET body = replace(body, 'soft', 'hard') WHERE n = 17", "entry 17", []),
            ("UPDATE ledger SET body = replace(body, '0.1', '0.2') WHERE n = 2", "entry 2", ["--verify"]),
            ("DELETE FROM ledger WHERE n > 15", "entries 16 to 18 were written and are gone", []),
        ]:
            with self.subTest(order):
                self.ledger.close()
                with closing(sqlite3.connect(self.path)) as db, db:
                    for trigger in ("ledger_keeps", "ledger_stays"):
                        db.execute(f"DROP TRIGGER IF EXISTS {trigger}")
                    db.execute(order)
                result = self.run_it(*options)
                self.assertEqual(result.exit_code, 1)
                self.assertIn("THE CHAIN IS BROKEN", result.stderr)
                self.assertIn(names, result.stderr)
                self.assertTrue(result.stdout, "what can be read is shown")

    def test_an_entry_that_cannot_be_read_is_a_line(self) -> None:
        self.ledger.close()
        with closing(sqlite3.connect(self.path)) as db, db:
            db.execute("DROP TRIGGER ledger_stays")
            db.execute("UPDATE ledger SET body = '{' WHERE n = 17")
        self.assertIn("-- ledger entry 17: not readable", self.run_it().stdout)
        self.assertEqual(self.run_it("--json").exit_code, 1)

    def test_a_file_put_aside_is_named(self) -> None:
        (self.folder / "hv1.ledger.sqlite.damaged-1").write_text("x")
        self.assertIn("hv1.ledger.sqlite.damaged-1", self.run_it().stderr)

    def test_what_is_not_there(self) -> None:
        for options, names, code in [
            ({"stand": "other"}, "is of the stand bench", 78),
            ({"device": "hv9"}, "Ledgers there: hv1", 1),
        ]:
            result = self.run_it(**options)
            self.assertEqual(result.exit_code, code)
            self.assertIn(names, result.stderr)
        self.path.rename(self.path.with_name("elsewhere"))
        result = self.run_it()
        self.assertEqual(result.exit_code, 1)
        self.assertIn("no ledger at", result.stderr)
        self.assertEqual(self.run_it("--since", "1y").exit_code, 2)
        self.assertIn("--since", self.run_it("--since", "1y").stderr)


if __name__ == "__main__":
    unittest.main()
