"""Which store of runs a stand file means, and what is refused in it."""

import tempfile
import unittest
from contextlib import closing
from pathlib import Path
from unittest import mock

from bson.errors import InvalidDocument
from pymongo.errors import DocumentTooLarge

from trackerdcs.adapters import runs_mongo
from trackerdcs.adapters.gaps_sqlite import SqliteGaps
from trackerdcs.adapters.runs_mongo import MongoRuns
from trackerdcs.adapters.runs_sqlite import SqliteRuns
from trackerdcs.domain.errors import ConfigError, StoreDown, StoreFault, TrackerError
from trackerdcs.domain.gaps import Piece
from trackerdcs.domain.run import Run, RunQuery
from trackerdcs.domain.stand import DeviceConfig, LinkConfig, RunsConfig, Stand, contradictions
from trackerdcs.services.join import StandStores
from trackerdcs.services.stores import open_runs


class TestStores(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def test_the_default_is_a_file_in_the_folder_of_data(self) -> None:
        store = open_runs(RunsConfig(), self.folder)
        self.addCleanup(store.close)
        self.assertIsInstance(store, SqliteRuns)
        store.put_run(Run("r", "queued"))
        self.assertTrue((self.folder / "runs.sqlite").exists())

    def test_the_record_of_gaps_may_be_in_another_folder(self) -> None:
        device = DeviceConfig("iseg_shr", LinkConfig("TCPIP::127.0.0.1::1::SOCKET"))
        stand = Stand("bench", {"hv1": device}, data=str(self.folder / "own"))
        with closing(SqliteGaps(self.folder / "loader.gaps.sqlite")) as gaps:
            gaps.add([Piece("bench", "hv1", "b", "stored", 0, 9, 1, 2, 3, 4)])
            (account,) = StandStores([stand], gaps=self.folder).accounts("bench", 0)
        self.assertEqual(account.device, "hv1")
        with self.assertRaisesRegex(TrackerError, "no gap record"):
            StandStores([stand]).accounts("bench", 0)

    def test_a_reader_makes_no_file(self) -> None:
        with self.assertRaises(StoreFault):
            open_runs(RunsConfig(), self.folder, read_only=True).runs(RunQuery())
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_each_account_has_its_own_password(self) -> None:
        for name in ("web", "importer"):
            (self.folder / name).write_text(f"{name}-secret\n")
        config = RunsConfig("mongodb", url="mongodb://127.0.0.1:1", user="web", password_file=str(self.folder / "web"))
        for user in (None, "importer"):
            store = open_runs(config, self.folder, user)
            assert isinstance(store, MongoRuns)
            self.addCleanup(store.close)
            options = store._client.options._options
            self.assertEqual((options["username"], options["password"]), (user or "web", f"{user or 'web'}-secret"))
        with self.assertRaisesRegex(ConfigError, "runs.password_file"):
            open_runs(config, self.folder, "bridge")

    def test_a_server_that_is_not_there_is_down(self) -> None:
        store = MongoRuns("mongodb://127.0.0.1:1", wait=0.2)
        self.addCleanup(store.close)
        with self.assertRaisesRegex(StoreDown, "127.0.0.1:1"):
            store.runs(RunQuery())

    def test_what_no_document_can_hold_is_a_fault_of_the_store(self) -> None:
        store = MongoRuns("mongodb://127.0.0.1:1")
        self.addCleanup(store.close)
        for why in (InvalidDocument("a key with a null"), DocumentTooLarge("17 MB"), OverflowError("9 bytes")):
            with (
                self.subTest(str(why)),
                mock.patch.object(runs_mongo, "prepare"),
                self.assertRaises(StoreFault),
                store._speaking(),
            ):
                raise why

    def test_contradictions_are_named(self) -> None:
        for config, field in [
            (RunsConfig("mongodb"), "runs.url"),
            (RunsConfig("mongodb", url="mongodb://x", user="web"), "runs.user"),
            (RunsConfig("mongodb", url="mongodb://x", password_file="f"), "runs.user"),
            (RunsConfig(url="mongodb://x"), "runs.url"),
            (RunsConfig(password_file="f"), "runs.password_file"),
        ]:
            with self.subTest(config):
                found = [name for name, _ in contradictions(Stand("s", {}, runs=config))]
                self.assertIn(field, found)
        self.assertEqual([n for n, _ in contradictions(Stand("s", {})) if n.startswith("runs")], [])
