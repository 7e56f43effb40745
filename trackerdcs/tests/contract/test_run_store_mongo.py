"""The store of runs in MongoDB, by the suite; its rules, its accounts, and a server that is killed in the middle."""

import io
import tempfile
import threading
import time
import unittest
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError, WriteError

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.ph2acf_folder import Ph2acfReader
from trackerdcs.adapters.runs_memory import MemoryRuns
from trackerdcs.adapters.runs_mongo import MongoRuns
from trackerdcs.app.importer import Importer
from trackerdcs.app.run_folders import find_runs
from trackerdcs.domain.errors import StoreDown, StoreFault
from trackerdcs.domain.logbook import Entry, EntryQuery
from trackerdcs.domain.run import Run, RunQuery
from trackerdcs.domain.run_links import StoredCommand
from trackerdcs.domain.run_results import ResultQuery
from trackerdcs.ports_runs import RunStore
from trackerdcs.tests import ph2acf_files as made
from trackerdcs.tests.contract.run_store_suite import RunStoreContract, result, whole_run
from trackerdcs.tests.mongo_server import Mongo


class TestMongo(RunStoreContract):
    __test__ = True
    server: Mongo

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Mongo()
        cls.addClassCleanup(cls.server.stop)

    def make(self) -> RunStore:
        return MongoRuns(self.server.url)

    def test_what_breaks_the_rules_is_refused_by_the_server(self) -> None:
        self.store.put_run(Run(self.run_id, "queued"))
        with MongoClient[dict[str, object]](self.server.url) as client:
            for wrong in ({"state": "dreaming"}, {"start": "yesterday"}, {"modules": [{"name": "M"}]}):
                with self.subTest(wrong), self.assertRaises(WriteError):
                    client.trackerdcs.runs.update_one({"_id": self.run_id}, {"$set": wrong})
            with self.assertRaises(WriteError):
                client.trackerdcs_results.results.insert_one({"run": "r"})

    def test_lists_use_an_index(self) -> None:
        self.store.runs(RunQuery())
        with MongoClient[dict[str, object]](self.server.url) as client:
            collections = [client.trackerdcs.runs, client.trackerdcs_results.results]
            names = {name for collection in collections for name in collection.index_information()}
        self.assertIn("modules.name_1_sorted_-1__id_1", names)
        self.assertTrue([name for name in names if name.startswith("run_1_kind_1_chip_type_1")])

    def test_the_server_holds_no_result_twice(self) -> None:
        self.store.put_results(self.run_id, 1, [result(self.run_id)])
        with MongoClient[dict[str, object]](self.server.url) as client:
            results = client.trackerdcs_results.results
            twin = results.find_one({"run": self.run_id}, {"_id": 0})
            assert twin is not None
            with self.assertRaises(DuplicateKeyError):
                results.insert_one(twin)

    def test_pieces_without_a_file_are_begun_anew(self) -> None:
        self.store.put_raw(self.run_id, "a", "log", io.BytesIO(b"content"))
        with MongoClient[dict[str, object]](self.server.url) as client:
            client.trackerdcs_results["raw.files"].delete_many({"metadata.run": self.run_id})
        self.assertEqual(self.store.raw_files(self.run_id), [])
        self.store.put_raw(self.run_id, "a", "log", io.BytesIO(b"content"))
        self.assertEqual(b"".join(self.store.raw(self.run_id, "a")), b"content")


class TestKilled(unittest.TestCase):
    def test_an_import_whose_server_is_killed_is_done_again_with_the_same_result(self) -> None:
        with tempfile.TemporaryDirectory() as folder, Mongo() as server:
            (found,) = find_runs(made.write_run(Path(folder)))
            reference = MemoryRuns()
            expected = Importer(reference, Ph2acfReader(), SystemClock(), host="daq1").take(found).run
            assert expected is not None
            store = MongoRuns(server.url, wait=0.5)
            self.addCleanup(store.close)
            importer = Importer(store, Ph2acfReader(), SystemClock(), host="daq1")
            store.runs(RunQuery())
            cut = 0
            for after in (0.05, 0.15):
                killer = threading.Timer(after, server.kill)
                killer.start()
                try:
                    importer.take(found)
                except StoreDown:
                    cut += 1
                killer.join()
                server.restart()
            self.assertGreater(cut, 0, "no import was cut in the middle")
            self.assertEqual(self.taken(importer, found), expected)
            self.assertEqual(store.run(expected.id), expected)
            self.assertEqual(store.results(ResultQuery()), reference.results(ResultQuery()))
            for file in expected.files:
                same = [b"".join(s.raw(expected.id, file.name)) for s in (store, reference)]
                self.assertEqual(same[0], same[1])

    def taken(self, importer: Importer, found) -> Run | None:
        deadline = time.monotonic() + 20
        while True:
            try:
                return importer.take(found).run
            except StoreDown:
                if time.monotonic() > deadline:
                    raise

    def test_a_server_that_is_away_is_said_within_its_time(self) -> None:
        with Mongo() as server:
            store = MongoRuns(server.url, wait=0.3)
            self.addCleanup(store.close)
            server.kill()
            begin = time.monotonic()
            with self.assertRaisesRegex(StoreDown, "mongodb://"):
                store.run("r")
            self.assertLess(time.monotonic() - begin, 3)


class TestAccounts(unittest.TestCase):
    server: Mongo

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Mongo({name: f"{name}-password" for name in ("importer", "bridge", "web")})
        cls.addClassCleanup(cls.server.stop)

    def store(self, user: str | None, password: str | None = None) -> MongoRuns:
        store = MongoRuns(self.server.url, user=user, password=password or f"{user}-password")
        self.addCleanup(store.close)
        return store

    def test_each_may_do_its_own_and_no_more(self) -> None:
        run, command = whole_run("r"), StoredCommand("c", "demo", "hv1", "cli", "on", 1)
        contents = [b"third", b"second", b"x"]
        writes = {
            "run": lambda s: s.put_run(run),
            "command": lambda s: s.put_command(command),
            "results": lambda s: s.put_results("r", 1, [result("r")]),
            "entry": lambda s: s.put_entry(Entry("e", 1, "shifter", "text"), [b"x"]),
            "raw": lambda s: s.put_raw("r", "a", "log", io.BytesIO(contents.pop())),
        }
        for user, may in (("importer", set(writes) - {"entry"}), ("bridge", {"run", "command"}), ("web", {"entry"})):
            store = self.store(user)
            for what, write in writes.items():
                with self.subTest(user=user, what=what):
                    if what in may:
                        write(store)
                    else:
                        with self.assertRaisesRegex(StoreFault, f"as {user}: this account may not"):
                            write(store)
            self.assertEqual(len(store.entries(EntryQuery())), 1 if user == "web" else 0)
            self.assertEqual(store.run("r"), run)
            self.assertEqual(len(store.results(ResultQuery(run="r"))), 1)
            self.assertEqual(b"".join(store.raw("r", "a")), b"x")

    def test_nobody_gets_in_without_a_login_or_with_a_wrong_one(self) -> None:
        for store in (self.store(None), self.store("web", "wrong")):
            with self.assertRaises(StoreFault):
                store.run("r")


def load_tests(loader: unittest.TestLoader, _: object, __: object) -> unittest.TestSuite:
    """The suite itself is no test."""
    return unittest.TestSuite(map(loader.loadTestsFromTestCase, (TestMongo, TestKilled, TestAccounts)))
