"""What happens to a time series when its disk, its file or its server fails: StoreDown, then the same write works."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trackerdcs.adapters.series_influx import InfluxSeries
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.domain.errors import ConfigError, StoreDown
from trackerdcs.domain.series import Point, Sample, Selection
from trackerdcs.ports import TimeSeries
from trackerdcs.tests.contract.series_suite import ALWAYS, MINUTE, T0, S, point
from trackerdcs.tests.servers import Influxd
from trackerdcs.tests.waiting import full_speed

WRITER = """
import asyncio, sys
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.tests.contract.series_suite import T0, S, point

async def write():
    series = SqliteSeries(sys.argv[1])
    for i in range(int(sys.argv[2])):
        await series.write([point("p", T0 + i * S, {"v_mon": float(i)})])
        print(i, flush=True)

asyncio.run(write())
"""


def points(first: int, behind: int, stand: str = "f") -> list[Point]:
    return [point(stand, T0 + i * S, {"v_mon": float(i)}) for i in range(first, behind)]


def selection(stand: str = "f") -> Selection:
    return Selection(stand, "d", "ch0", "v_mon", *ALWAYS)


def stored(first: int, behind: int) -> list[Sample]:
    return [Sample(T0 + i * S, float(i)) for i in range(first, behind)]


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 256 KiB on `folder`; unmounted whatever happens."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("a small or read-only file system needs root to mount it")
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        raise unittest.SkipTest(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class SqliteFaults(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "series.sqlite"

    def open(self, read_only: bool = False) -> SqliteSeries:
        series = SqliteSeries(self.path, read_only)
        self.addAsyncCleanup(series.close)
        return series

    async def assert_down(self, series: SqliteSeries, why: str) -> None:
        with self.assertRaisesRegex(StoreDown, why) as caught:
            await series.write(points(0, 10))
        self.assertIn(str(self.path), str(caught.exception))

    async def test_a_full_disk_is_down_and_the_same_write_works_when_there_is_room(self) -> None:
        with small_disk(self.folder):
            series = self.open()
            await series.write(points(0, 10))
            ballast = self.folder / "ballast"
            with self.assertRaises(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            await self.assert_down(series, "full")
            self.assertEqual(await series.samples(selection()), stored(0, 10))
            ballast.unlink()
            self.assertEqual(await series.write(points(10, 20)), [])
            self.assertEqual(await series.samples(selection()), stored(0, 20))
            await series.close()

    async def test_a_read_only_folder_is_down_and_names_the_file(self) -> None:
        with small_disk(self.folder):
            series = self.open()
            await series.write(points(0, 10))
            await series.close()
            subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)
            series = self.open()
            await self.assert_down(series, "read-?only|unable to open")
            subprocess.run(["mount", "-o", "remount,rw", str(self.folder)], check=True)
            self.assertEqual(await series.write(points(10, 20)), [])
            self.assertEqual(await series.samples(selection()), stored(0, 20))
            await series.close()

    async def test_a_locked_file_is_down_and_nothing_is_half_written(self) -> None:
        series = self.open()
        series.busy_s = 0.05
        await series.write(points(0, 1))
        other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        new = [point("f", T0, {"i_mon": 1.0}, "ch1")]
        with self.assertRaisesRegex(StoreDown, "locked"):
            await series.write(new)
        other.execute("ROLLBACK")
        self.assertEqual(await series.write(new), [])
        self.assertEqual(len(await series.samples(Selection("f", "d", "ch1", "i_mon", *ALWAYS))), 1)

    async def test_a_fault_in_the_middle_of_a_write_leaves_no_trace(self) -> None:
        series = self.open()
        await series.write(points(0, 1))
        breaker = sqlite3.connect(self.path)
        self.addCleanup(breaker.close)
        breaker.executescript(
            "CREATE TRIGGER t BEFORE INSERT ON minute WHEN new.high >= 5 BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )
        new = [*points(1, 10), point("f", T0, {"i_mon": 1.0}, "ch1")]
        with self.assertRaisesRegex(StoreDown, "broken"):
            await series.write(new)
        self.assertEqual(await series.samples(selection()), stored(0, 1))
        breaker.executescript("DROP TRIGGER t")
        self.assertEqual(await series.write(new), [])
        self.assertEqual(await series.samples(selection()), stored(0, 10))
        self.assertEqual(len(await series.samples(Selection("f", "d", "ch1", "i_mon", *ALWAYS))), 1)

    async def test_the_types_of_the_fields_are_in_the_file(self) -> None:
        await self.open().write([point("f", T0, {"v_mon": 1.0, "state": "on"})])
        wrong = [point("f", T0 + 1, {"v_mon": "text"}, "ch1"), point("f", T0 + 1, {"state": 1.0})]
        self.assertEqual([r.point for r in await self.open().write(wrong)], wrong)

    async def test_a_missing_file_to_read_is_said_and_not_created(self) -> None:
        with self.assertRaisesRegex(StoreDown, f"{self.path}: there is no such file"):
            await self.open(read_only=True).samples(selection())
        self.assertFalse(self.path.exists())

    async def test_a_file_that_a_writer_is_about_to_fill_is_no_foreign_one(self) -> None:
        self.path.touch()
        reader = self.open(read_only=True)
        with self.assertRaisesRegex(StoreDown, "nothing has been stored in it yet"):
            await reader.samples(selection())
        await self.open().write(points(0, 1))
        self.assertEqual(await reader.samples(selection()), stored(0, 1))

    async def test_a_reader_does_not_write(self) -> None:
        await self.open().write(points(0, 1))
        await self.assert_down(self.open(read_only=True), "readonly")

    async def test_another_kind_of_file_is_left_alone(self) -> None:
        newer = self.folder / "newer.sqlite"
        self.path = newer
        await self.open().write(points(0, 1))
        with sqlite3.connect(newer) as db:
            db.execute("PRAGMA user_version = 99")
        foreign = self.folder / "foreign.sqlite"
        with sqlite3.connect(foreign) as db:
            db.execute("CREATE TABLE mine (x)")
        text = self.folder / "text.sqlite"
        text.write_text("not a database at all, whatever its name says " * 50)
        for path, why in ((newer, "newer.*99"), (foreign, "no time series"), (text, "not a SQLite file")):
            self.path, before = path, path.read_bytes()
            for read_only in (False, True):
                with self.subTest(path.name, read_only=read_only), self.assertRaisesRegex(ConfigError, why) as caught:
                    await self.open(read_only).write(points(0, 1))
                self.assertIn(str(path), str(caught.exception))
            if path is text:
                self.assertEqual(path.read_bytes(), before)

    def writer(self, number: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WRITER, str(self.path), str(number)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)  # type: ignore[union-attr]
        return process

    async def test_what_a_killed_writer_had_acknowledged_is_there(self) -> None:
        full_speed()
        process = self.writer(10_000)
        assert process.stdout is not None
        for _ in range(130):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait()
        series = self.open()
        found = await series.samples(selection("p"))
        self.assertEqual(found, stored(0, len(found)))
        self.assertGreater(len(found), acknowledged)
        (all_of_it,) = await series.buckets(Selection("p", "d", "ch0", "v_mon", T0, T0 + 10_000 * MINUTE), 1)
        self.assertEqual((all_of_it.count, all_of_it.high), (len(found), len(found) - 1.0))

    async def test_another_process_writes_while_this_one_reads(self) -> None:
        full_speed()
        process = self.writer(200)
        assert process.stdout is not None
        process.stdout.readline()
        reader, seen = self.open(read_only=True), [0]
        while process.poll() is None:
            (bucket,) = await reader.buckets(Selection("p", "d", "ch0", "v_mon", T0, T0 + 60 * MINUTE), 1)
            self.assertEqual(bucket.high, bucket.count - 1.0)
            seen.append(bucket.count)
        self.assertEqual((process.returncode, seen), (0, sorted(seen)))
        self.assertGreater(len(set(seen)), 3)
        self.assertEqual(await reader.samples(selection("p")), stored(0, 200))


class InfluxFaults(unittest.IsolatedAsyncioTestCase):
    server: Influxd

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Influxd()
        cls.addClassCleanup(cls.server.stop)

    def open(self, **other: str) -> TimeSeries:
        access = {"org": self.server.org, "bucket": self.server.bucket, "token": self.server.token} | other
        series = InfluxSeries(self.server.url, **access, timeout_s=1.0)
        self.addAsyncCleanup(series.close)
        return series

    async def test_killed_is_down_and_what_was_acknowledged_is_there_when_it_is_back(self) -> None:
        series = self.open()
        for i in range(50):
            self.assertEqual(await series.write(points(10 * i, 10 * i + 10)), [])
        self.server.kill()
        with self.assertRaisesRegex(StoreDown, f"{self.server.url}: not reachable"):
            await series.write(points(500, 510))
        with self.assertRaisesRegex(StoreDown, "not reachable"):
            await series.buckets(selection(), 3)
        self.server.restart()
        self.assertEqual(await series.samples(selection()), stored(0, 500))
        self.assertEqual(await series.write(points(500, 510)), [])
        self.assertEqual(await series.samples(selection()), stored(0, 510))

    async def test_a_server_that_does_not_answer_is_down(self) -> None:
        series = self.open()
        self.server.freeze()
        try:
            with self.assertRaisesRegex(StoreDown, "no answer in time"):
                await series.write(points(0, 1, "frozen"))
        finally:
            self.server.thaw()
        self.assertEqual(await series.write(points(0, 1, "frozen")), [])

    async def test_a_refused_access_says_what_is_wrong(self) -> None:
        for wrong, why in (
            ({"token": "wrong"}, "token is refused.*401"),
            ({"bucket": "nowhere"}, "no bucket 'nowhere'.*404"),
            ({"org": "nobody"}, "organization .*nobody"),
        ):
            series = self.open(**wrong)
            with self.subTest(wrong):
                with self.assertRaisesRegex(StoreDown, why):
                    await series.write(points(0, 3, "refused"))
                with self.assertRaisesRegex(StoreDown, why):
                    await series.samples(selection("refused"))

    async def test_what_only_the_server_refuses_is_found_among_many(self) -> None:
        good = points(0, 500, "many")
        odd = [point("many", T0, {"v_mon": 1.0}, module="x" * 70_000), point("many", T0, {"v_mon": "text"})]
        rejected = await self.open().write([*good[:333], odd[0], *good[333:400], odd[1], *good[400:]])
        self.assertEqual([r.point for r in rejected], odd)
        self.assertRegex(rejected[0].why, "unable to parse")
        self.assertRegex(rejected[1].why, "field type conflict")
        self.assertEqual(await self.open().samples(selection("many")), stored(0, 500))
