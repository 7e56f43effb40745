"""The stores of runs that need no server, by the suite."""

import sqlite3
import tempfile
import unittest
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from trackerdcs.adapters.runs_memory import MemoryRuns
from trackerdcs.adapters.runs_sqlite import SqliteRuns
from trackerdcs.domain.errors import ConfigError, StoreDown, StoreFault
from trackerdcs.domain.run import Run, RunQuery
from trackerdcs.domain.run_links import Binding, BindingQuery
from trackerdcs.domain.run_results import ResultQuery
from trackerdcs.ports_runs import RunStore
from trackerdcs.tests.contract.run_store_suite import RunStoreContract, result


class TestMemory(RunStoreContract):
    __test__ = True

    def make(self) -> RunStore:
        return MemoryRuns()

    def test_it_can_be_down(self) -> None:
        store = MemoryRuns()
        store.down = "switched off"
        with self.assertRaisesRegex(StoreDown, "switched off"):
            store.run("r")


class TestSqlite(RunStoreContract):
    __test__ = True
    path: Path

    @classmethod
    def setUpClass(cls) -> None:
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.path = Path(temporary.name) / "runs.sqlite"

    def make(self) -> RunStore:
        return SqliteRuns(self.path)

    def test_what_is_no_file_of_runs_is_refused_and_left_alone(self) -> None:
        for content, error in ((b"no database at all" * 100, StoreFault), (None, ConfigError)):
            path = self.path.with_name(f"other{error.__name__}")
            if content is not None:
                path.write_bytes(content)
            else:
                with closing(sqlite3.connect(path)) as db:
                    db.execute("CREATE TABLE other (x)")
            for _ in range(2):
                with self.assertRaises(error):
                    SqliteRuns(path).run("r")
            if content is not None:
                self.assertEqual(path.read_bytes(), content)
            else:
                with closing(sqlite3.connect(path)) as db:
                    self.assertEqual(db.execute("SELECT name FROM sqlite_schema").fetchall(), [("other",)])
            self.assertEqual(list(path.parent.glob(f"{path.name}.damaged*")), [])

    def test_a_newer_file_is_refused(self) -> None:
        path = self.path.with_name("newer")
        SqliteRuns(path).put_run(Run("r", "done"))
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA user_version = 99")
        with self.assertRaisesRegex(ConfigError, "newer trackerdcs"):
            SqliteRuns(path).run("r")

    def test_a_guest_makes_no_file(self) -> None:
        with self.assertRaises(StoreFault):
            SqliteRuns(self.path.with_name("absent"), guest=True).runs(RunQuery())
        self.assertFalse(self.path.with_name("absent").exists())

    def test_a_full_disk_is_a_fault_and_the_old_results_stay(self) -> None:
        path = self.path.with_name("full")
        store = SqliteRuns(path)
        self.addCleanup(store.close)
        old = [result("r", chip) for chip in (0, 1)]
        store.put_results("r", 1, old)
        with store._file.transaction() as db:
            db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0] + 4}")
        much = replace(old[0], values={"noise": tuple(i / 7 for i in range(20_000))})
        with self.assertRaisesRegex(StoreFault, "full"):
            store.put_results("r", 2, [much])
        self.assertEqual(store.results(ResultQuery(run="r")), old)

    def test_several_processes_write_at_once(self) -> None:
        path = str(self.path.with_name("several"))
        with ProcessPoolExecutor(4, get_context("spawn")) as pool:
            for done in pool.map(write_some, [path] * 4, range(4)):
                self.assertEqual(done, 20)
        store = SqliteRuns(Path(path))
        self.addCleanup(store.close)
        self.assertEqual(len(store.runs(RunQuery(limit=1000))), 80)
        self.assertEqual(len(store.bindings(BindingQuery())), 80, "one has written over another")

    def test_channels_can_be_asked_for_in_sql(self) -> None:
        self.store.put_results(self.run_id, 1, [result(self.run_id)])
        sql = "SELECT key, value FROM result, json_each(body, '$.values.noise') WHERE run = ? AND value > 1"
        with closing(sqlite3.connect(self.path)) as db:
            self.assertEqual(db.execute(sql, (self.run_id,)).fetchall(), [(0, 2.5)])


def write_some(path: str, number: int) -> int:
    store = SqliteRuns(Path(path))
    for i in range(20):
        store.put_run(Run(f"{number}-{i}", "done"))
        store.put_results(f"{number}-{i}", 1, [result(f"{number}-{i}")])
        store.put_binding(Binding("demo", "hv1", "ch0", f"M{number}-{i}", 4 * i + number))
    store.close()
    return 20


def load_tests(loader: unittest.TestLoader, _: object, __: object) -> unittest.TestSuite:
    """The suite itself is no test."""
    return unittest.TestSuite(loader.loadTestsFromTestCase(each) for each in (TestMemory, TestSqlite))
