"""What a loader refuses at its start, naming file and field."""

import errno
import fcntl
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from typer.testing import CliRunner

from trackerdcs.cli.main import app
from trackerdcs.domain.errors import ConfigError, StoreFault
from trackerdcs.services.loader import disagreements, serve
from trackerdcs.settings import load_stand
from trackerdcs.tests.loader_parts import stand_file

BUS, SQLITE = "{port: 1883}", "{kind: sqlite}"


class TestLoaderService(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = Path(folder.name)
        self.first = load_stand(stand_file(self.data, BUS, SQLITE))

    def test_stands_that_share_broker_and_database_agree(self) -> None:
        self.assertEqual(disagreements(self.first, load_stand(stand_file(self.data, BUS, SQLITE, "two"))), [])

    async def test_stands_that_do_not_are_refused_with_the_field(self) -> None:
        elsewhere = self.data / "elsewhere"
        elsewhere.mkdir()
        cases = [
            (stand_file(self.data, "{port: 1884}", SQLITE, "two"), "bus.port"),
            (stand_file(self.data, BUS, "{path: other.sqlite}", "three"), "store.path"),
            (stand_file(elsewhere, BUS, SQLITE, "four"), "data"),
            (stand_file(elsewhere, BUS, SQLITE), "stand"),
        ]
        for path, field in cases:
            with self.subTest(field):
                other = load_stand(path)
                self.assertEqual([f for f, _ in disagreements(self.first, other)], [field])
                with self.assertRaisesRegex(ConfigError, f"stand {other.stand}: {field}: "):
                    await serve([self.first, other])

    def test_the_command_line_names_file_line_and_field(self) -> None:
        first, second = stand_file(self.data, BUS, SQLITE), stand_file(self.data, "{port: 1884}", SQLITE, "two")
        result = CliRunner().invoke(app, ["loader", str(first), str(second)])
        self.assertEqual(result.exit_code, 78)
        self.assertIn(
            f"{second}:4: bus.port: 1884, but stand bench has 1883: a loader has one ({first})", result.output
        )

    async def test_a_name_that_is_no_loaders_is_refused(self) -> None:
        with self.assertRaisesRegex(ConfigError, "guard"):
            await serve([self.first], "guard")

    async def test_another_one_of_its_name_is_told_from_a_folder_that_cannot_be_locked(self) -> None:
        with (self.data / "loader.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with self.assertRaisesRegex(ConfigError, "another one of this name"):
                await serve([self.first])
        faults = [OSError(errno.ENOLCK, "No locks available"), PermissionError(errno.EACCES, "Permission denied")]
        for fault, where in zip(faults, ("fcntl.flock", "pathlib.Path.open"), strict=True):
            with mock.patch(where, side_effect=fault), self.assertRaisesRegex(StoreFault, f"lock.*{fault.strerror}"):
                await serve([self.first])

    async def test_what_was_never_here_cannot_leave(self) -> None:
        (self.data / "loader-b.lock").touch()
        with self.assertRaisesRegex(ConfigError, r"loader-x: none of this name was ever here .*: loader-b$"):
            await serve([self.first], "loader-x", leave=True)

    async def test_a_file_that_is_no_time_series_is_refused(self) -> None:
        (self.data / "series.sqlite").write_text("something else altogether")
        with self.assertRaisesRegex(ConfigError, r"series\.sqlite"):
            await serve([self.first])

    async def test_a_missing_token_is_refused(self) -> None:
        store = "{kind: influxdb, url: 'http://127.0.0.1:1', org: o, bucket: b, token_file: /no/such/token}"
        stand = load_stand(stand_file(self.data, BUS, store, "influx"))
        with self.assertRaisesRegex(
            ConfigError, r"store\.token_file: the secret /no/such/token cannot be read: No such file"
        ):
            await serve([stand])
