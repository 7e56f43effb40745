"""What is kept of alarms: read back as it was, the others where one is spoilt, and a damaged file is said."""

import sqlite3
import tempfile
import unittest
from pathlib import Path

from trackerdcs.adapters.alarms_sqlite import SqliteAlarms
from trackerdcs.domain.alarm import Kept
from trackerdcs.domain.errors import StoreFault

RAISED = Kept(True, False, True, 1, "raised", 3, False, 2**62, None, None, None, None, None, "why µ", 1.5e-7)
SHELVED = Kept(False, False, False, 1, "shelved", until=2**62, shelved_by="shifter", shelved_why="known", value=True)


class TestStore(unittest.TestCase):
    def setUp(self) -> None:
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory()), "alarms.sqlite")

    def opened(self) -> SqliteAlarms:
        store = SqliteAlarms(self.path)
        self.addCleanup(store.close)
        return store

    def test_read_back_as_it_was_and_forgotten_when_told(self) -> None:
        store = self.opened()
        store.keep({"a": RAISED, "b": SHELVED})
        self.assertEqual(self.opened().recall(), {"a": RAISED, "b": SHELVED})
        store.keep({"a": None, "c": SHELVED})
        self.assertEqual(self.opened().recall(), {"b": SHELVED, "c": SHELVED})

    def test_one_that_is_spoilt_costs_no_other_and_what_a_newer_version_adds_is_left_out(self) -> None:
        self.opened().keep({"a": RAISED, "b": RAISED, "c": RAISED, "d": RAISED})
        with sqlite3.connect(self.path) as db:
            db.execute("UPDATE alarms SET kept = 'x' WHERE name = 'b'")
            db.execute("UPDATE alarms SET kept = json_set(kept, '$.state', 'odd') WHERE name = 'c'")
            db.execute("UPDATE alarms SET kept = json_set(kept, '$.newer', 1) WHERE name = 'd'")
        with self.assertLogs("trackerdcs", "ERROR") as logs:
            self.assertEqual(self.opened().recall(), {"a": RAISED, "d": RAISED})
        self.assertEqual(len(logs.output), 2)

    def test_a_damaged_file_is_put_aside_and_nothing_kept_is_not_nothing_raised(self) -> None:
        self.path.write_bytes(b"no database at all" * 100)
        with self.assertLogs("trackerdcs", "ERROR"), self.assertRaisesRegex(StoreFault, "was damaged"):
            self.opened().recall()
        self.assertTrue(self.path.with_name("alarms.sqlite.damaged-1").exists())
        self.opened().keep({"a": RAISED})
        self.assertEqual(self.opened().recall(), {"a": RAISED})
