"""What a ledger promises: nothing is changed, nothing is forgotten, whoever tampers with it or kills its writer."""

import dataclasses
import inspect
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import cast, get_args

from trackerdcs.adapters.ledger_sqlite import RECHECKED, SqliteLedger
from trackerdcs.app.ledger_keeper import BUFFER, PATIENCE
from trackerdcs.app.recorder import RecordedSupply
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.ledger import LONGEST, STEPS, VERDICTS, Checked, LedgerEntry, Step, Verdict, entry_of, verify
from trackerdcs.tests.contract.test_reference import rows

WRITER = """
import sys
from pathlib import Path
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.domain.ledger import LedgerEntry
ledger, n = SqliteLedger(Path(sys.argv[1])), 0
while True:
    ledger.append([LedgerEntry(n, "killed", "order", value=float(n + i)) for i in range(20)])
    n += 20
    print(n, flush=True)
"""
LIMITED = """
import resource, signal, sys
from pathlib import Path
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.ledger import LedgerEntry, verify
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
ledger, n = SqliteLedger(path), 0
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    while True:
        ledger.append([LedgerEntry(n, "b", "event", why="x" * 500)])
        n += 1
except StoreFault as e:
    print(e)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
ledger.append([LedgerEntry(n, "b", "event", why="again")])
print(n + 2, verify(ledger.chain()))
"""


def entries(*numbers: int) -> list[LedgerEntry]:
    return [LedgerEntry(n, "b", "order", ch="ch0", order="set_voltage", value=float(n)) for n in numbers]


class Ledgers(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "sub", "hv1.ledger.sqlite")
        self.ledger = self.open()

    def open(self) -> SqliteLedger:
        ledger = SqliteLedger(self.path)
        self.addCleanup(ledger.close)
        return ledger

    def checked(self) -> Checked:
        return verify(self.ledger.chain())

    def tamper(self, *orders: str) -> None:
        """As somebody does who knows SQLite and has taken the triggers away."""
        self.ledger.close()
        with closing(sqlite3.connect(self.path)) as db, db:
            for trigger in ("ledger_keeps", "ledger_stays", "ledger_grows"):
                db.execute(f"DROP TRIGGER {trigger}")
            for order in orders:
                db.execute(order)


class TestLedger(Ledgers):
    def test_what_was_added_is_there_in_its_order_over_restarts_and_the_chain_goes_on(self) -> None:
        self.ledger.append(entries(10, 11))
        self.ledger.append([])
        self.ledger.close()
        self.open().append(entries(12))
        found = [entry_of(link) for link in self.ledger.chain()]
        self.assertEqual([e.step for e in found], ["begun", "order", "order", "order"])
        self.assertEqual(found[1:], entries(10, 11, 12))
        self.assertEqual((self.checked().entries, self.checked().broken), (4, None))

    def test_from_a_time_on(self) -> None:
        self.ledger.append(entries(10, 20, 15, 30))  # the clock has stepped back in between
        self.assertEqual([entry_of(link).ts for link in self.ledger.chain(since=16)], [20, 15, 30])
        self.assertEqual(list(self.ledger.chain(since=31)), [])

    def test_all_or_none(self) -> None:
        self.ledger.append(entries(1))
        with self.assertRaisesRegex(StoreFault, "hv1.ledger.sqlite"):
            self.ledger.append([*entries(2), LedgerEntry(cast(int, None), "b", "order")])
        self.assertEqual(self.checked().entries, 2)
        self.ledger.append(entries(3))
        self.assertEqual((self.checked().entries, self.checked().broken), (3, None))

    def test_sqlite_itself_refuses_to_change_or_remove(self) -> None:
        self.ledger.append(entries(1, 2))
        with closing(sqlite3.connect(self.path)) as db:
            for order in (
                "UPDATE ledger SET ts = 0 WHERE n = 2",
                "DELETE FROM ledger WHERE n = 3",
                "INSERT OR REPLACE INTO ledger (n, ts, body, digest) SELECT n, ts, 'x', digest FROM ledger WHERE n = 2",
            ):
                with self.subTest(order), self.assertRaisesRegex(sqlite3.IntegrityError, "append-only"):
                    db.execute(order)

    def test_a_second_service_cannot_write_into_the_file_of_the_first(self) -> None:
        self.ledger.append(entries(1))
        second = self.open()
        with self.assertRaisesRegex(StoreFault, "another service writes it"):
            second.append(entries(2))
        self.ledger.close()
        second.append(entries(3))
        self.assertEqual((self.checked().entries, self.checked().broken), (3, None))

    def test_it_is_read_while_it_is_written(self) -> None:
        self.ledger.append(entries(1))
        reading = self.ledger.chain()
        next(reading)
        self.ledger.append(entries(2))
        self.assertEqual(len(list(reading)), 1)
        self.assertEqual(self.checked().entries, 3)

    def test_no_file(self) -> None:
        with self.assertRaisesRegex(StoreFault, "no such ledger"):
            self.checked()
        self.assertFalse(self.path.parent.exists(), "reading makes nothing")


class TestTampering(Ledgers):
    def setUp(self) -> None:
        super().setUp()
        self.ledger.append(entries(*range(1, 10)))

    def test_a_changed_byte_a_removed_row_and_an_exchanged_one(self) -> None:
        for order, broken in [
            ("UPDATE ledger SET body = replace(body, '4.0', '5.0') WHERE n = 5", 5),
            ("DELETE FROM ledger WHERE n = 5", 5),
            ("UPDATE ledger SET digest = (SELECT digest FROM ledger WHERE n = 6) WHERE n = 5", 5),
            ("DELETE FROM ledger WHERE n = 1", 1),
        ]:
            with self.subTest(order):
                self.setUp()
                self.tamper(order)
                self.assertEqual(self.checked().broken, broken)

    def test_a_cut_end_is_told_by_the_count_that_sqlite_keeps(self) -> None:
        self.tamper("DELETE FROM ledger WHERE n > 7")
        with self.assertRaisesRegex(StoreFault, "entries 8 to 10 were written and are gone"):
            self.checked()

    def test_a_cut_end_with_that_count_is_told_by_a_head_that_was_noted_only(self) -> None:
        noted = self.checked().head
        self.tamper("DELETE FROM ledger WHERE n > 7", "UPDATE sqlite_sequence SET seq = 7")
        checked = self.checked()
        self.assertEqual((checked.entries, checked.broken), (7, None))
        self.assertNotEqual(checked.head, noted)

    def test_a_service_puts_a_broken_file_aside_and_begins_anew_with_its_name(self) -> None:
        for change in ("UPDATE ledger SET body = 'x' WHERE n = 9", "DELETE FROM ledger WHERE n > 7"):
            with self.subTest(change):
                self.tamper(change)
                self.check_that_it_begins_anew()

    def test_a_torn_file_is_put_aside_and_named(self) -> None:
        tears: list[Callable[[bytes], bytes]] = [
            lambda whole: whole[: len(whole) // 2],
            lambda whole: b"\0" * 100 + whole[100:],
            lambda whole: whole[:4096] + b"\xff" * (len(whole) - 4096),
        ]
        for tear in tears:
            with self.subTest():
                self.ledger.close()
                self.path.write_bytes(tear(self.path.read_bytes()))
                self.check_that_it_begins_anew()

    def check_that_it_begins_anew(self) -> None:
        before = len(list(self.path.parent.glob("*.damaged-?")))
        with self.assertLogs("trackerdcs.adapters.sqlite_file", "ERROR"):
            try:
                self.ledger.append(entries(20))
            except StoreFault:  # found on the way: the next try has a new file
                self.ledger.append(entries(20))
        first, second = (entry_of(link) for link in self.ledger.chain())
        self.assertEqual((first.step, second.ts), ("begun", 20))
        self.assertRegex(
            first.why or "", rf"after hv1.ledger.sqlite.damaged-{before + 1}, \d+ bytes, sha256 [0-9a-f]{{64}}"
        )
        self.ledger.append(entries(*range(21, 30)))
        self.assertIsNone(self.checked().broken)


class TestFaults(Ledgers):
    def test_killed_while_it_writes_everything_that_was_confirmed_is_there(self) -> None:
        for _ in range(3):
            with subprocess.Popen(
                [sys.executable, "-c", WRITER, self.path], stdout=subprocess.PIPE, text=True
            ) as writer:
                assert writer.stdout is not None
                lines = [writer.stdout.readline() for _ in range(3)]
                os.kill(writer.pid, signal.SIGKILL)
                lines += writer.stdout.readlines()
            confirmed = int([line for line in lines if line.endswith("\n")][-1])
            found = [entry_of(link) for link in self.ledger.chain()]
            self.assertIn(float(confirmed - 1), [e.value for e in found if e.step == "order"])
            self.assertIsNone(self.checked().broken)
        self.ledger.append(entries(1))
        self.assertIsNone(self.checked().broken)

    def test_a_full_disk_is_a_fault_and_once_there_is_room_the_chain_goes_on(self) -> None:
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, self.path], capture_output=True, text=True, timeout=60, check=True
        )
        fault, after = done.stdout.splitlines()
        self.assertRegex(fault, "hv1.ledger.sqlite: .*(full|I/O)")
        self.assertIn("broken=None", after)
        self.assertIn(f"entries={after.split()[0]},", after)


class TestPage(unittest.TestCase):
    def test_its_tables_are_those_of_the_code(self) -> None:
        page = (Path(__file__).parents[3] / "doc" / "reference" / "ledger.md").read_text(encoding="utf-8")
        fields = [row[0].strip("`") for row in rows(page, "field")]
        self.assertEqual(fields, [f.name for f in dataclasses.fields(LedgerEntry)])
        for head, said in (("step", STEPS), ("verdict", VERDICTS)):
            self.assertEqual([(row[0].strip("`"), row[1]) for row in rows(page, head)], list(said.items()))
        self.assertEqual((set(get_args(Step)), set(get_args(Verdict))), (set(STEPS), set(VERDICTS)))
        for number in (
            f"{LONGEST} characters",
            f"{PATIENCE:g} s",
            f"{BUFFER:,}".replace(",", " "),
            f"last {RECHECKED}",
        ):
            self.assertIn(number, page)
        orders = next(row[2] for row in rows(page, "field") if row[0] == "`order`")
        source = inspect.getsource(RecordedSupply)
        for order in re.findall("`([a-z_]+)`", orders):
            self.assertIn(f'"{order}"', source)


if __name__ == "__main__":
    unittest.main()
