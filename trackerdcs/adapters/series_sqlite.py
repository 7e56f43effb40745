"""A time series in one SQLite file: the embedded default. doc/reference/time-series.md has its tables and figures."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from trackerdcs.adapters.series_sqlite_writer import PointWriter
from trackerdcs.domain.errors import ConfigError, StoreDown
from trackerdcs.domain.series import Bucket, Point, RejectedPoint, Sample, Selection
from trackerdcs.domain.storing import MINUTE, Parts, Row, buckets_of, cut, window

VERSION = 1
SCHEMA = f"""
CREATE TABLE series (
    id INTEGER PRIMARY KEY, measurement TEXT NOT NULL, tags TEXT NOT NULL, quantity TEXT NOT NULL,
    is_text INTEGER NOT NULL, stand TEXT, device TEXT, channel TEXT, UNIQUE (measurement, tags, quantity));
CREATE INDEX selected ON series (stand, device, channel, quantity);
CREATE TABLE number (series INTEGER, ts INTEGER, value REAL NOT NULL, PRIMARY KEY (series, ts)) WITHOUT ROWID;
CREATE TABLE text (series INTEGER, ts INTEGER, value TEXT NOT NULL, PRIMARY KEY (series, ts)) WITHOUT ROWID;
CREATE TABLE minute (
    series INTEGER, minute INTEGER, count INTEGER NOT NULL, total REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL,
    PRIMARY KEY (series, minute)) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
T = TypeVar("T")
RAW = "SELECT ?2, count(*), sum(value), min(value), max(value) FROM number WHERE series = ?1 AND ts >= ?3 AND ts < ?4"
# With the parts as the outer loop the rows come in their order: GROUP BY without it would sort all rows first.
PARTS = """INSERT INTO temp.part WITH RECURSIVE p (i, a) AS (SELECT 0, ?1 UNION ALL SELECT i + 1, a + ?2 FROM p
    WHERE a + ?2 < ?3) SELECT i, a, min(a + ?2, ?3) FROM p"""
SHORT = """SELECT i, count(*), sum(value), min(value), max(value) FROM temp.part CROSS JOIN number
    WHERE series = ? AND ts >= a AND ts < b GROUP BY i"""
LONG = """SELECT i, sum(count), sum(total), min(low), max(high) FROM temp.part CROSS JOIN minute
    WHERE series = ? AND minute >= a AND minute < b GROUP BY i"""


class SqliteSeries:
    """Points in `path`, written by one process and read by any. The file is opened by the first call.

    Each call raises StoreDown where the file cannot be read or written, ConfigError where it is another kind of file.
    """

    busy_s = 5.0

    def __init__(self, path: str | Path, read_only: bool = False) -> None:
        self._path, self._read_only = Path(path), read_only
        self._connection: sqlite3.Connection | None = None
        self._writer: PointWriter | None = None
        self._edges: tuple[int, int, int] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="series-sqlite")

    async def write(self, points: Sequence[Point]) -> list[RejectedPoint]:
        """Return when the points are on disk, in one transaction."""
        return await self._in_thread("BEGIN IMMEDIATE", lambda db: self._write(db, points))

    async def samples(self, selection: Selection) -> list[Sample]:
        """What was stored in the window, by time."""
        start, stop = window(selection)
        if start >= stop:
            return []

        def read(db: sqlite3.Connection) -> list[Sample]:
            found = []
            for series, is_text in self._select(db, selection):
                rows = (
                    f"SELECT ts, value FROM {'text' if is_text else 'number'} WHERE series = ? AND ts >= ? AND ts < ?"
                )
                found += [Sample(ts, value) for ts, value in db.execute(f"{rows} ORDER BY ts", (series, start, stop))]
            return sorted(found, key=lambda sample: sample.ts)

        return await self._in_thread("BEGIN", read)

    async def buckets(self, selection: Selection, number: int) -> list[Bucket]:
        """The window in at most `number` parts, see `domain/storing.py`; parts of minutes come from the roll-up."""
        return (await self.many_buckets([selection], number))[0]

    async def many_buckets(self, selections: Sequence[Selection], number: int) -> list[list[Bucket]]:
        """One after the other, in one transaction."""
        wanted = [(selection, cut(selection, number)) for selection in selections]

        def read(db: sqlite3.Connection) -> list[list[Bucket]]:
            return [buckets_of(parts, self._rows(db, s, parts)) if parts else [] for s, parts in wanted]

        return await self._in_thread("BEGIN", read) if any(parts for _, parts in wanted) else [[] for _ in wanted]

    async def close(self) -> None:
        """Close the file; nothing is waiting to be written."""
        await asyncio.to_thread(self._thread.shutdown)
        self._disconnect()

    async def _in_thread(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, begin, work)

    def _transaction(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """One connection in one thread; after any fault the next call opens the file anew."""
        try:
            db = self._connection or self._connect()
            db.execute(begin)
            result = work(db)
            db.execute("COMMIT")
            return result
        except (sqlite3.Error, OSError) as error:
            self._disconnect()
            raise StoreDown(f"{self._path}: {error}") from error
        except BaseException:
            self._disconnect()
            raise

    def _connect(self) -> sqlite3.Connection:
        if self._read_only:
            if not self._path.exists():
                raise StoreDown(f"{self._path}: there is no such file, so nothing has been stored in it yet")
        else:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        uri = f"{self._path.absolute().as_uri()}?mode={'ro' if self._read_only else 'rwc'}"
        # Only the thread uses it, and when that has ended, `close`.
        self._connection = db = sqlite3.connect(
            uri, uri=True, timeout=self.busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            db.execute("PRAGMA temp_store = MEMORY")
            db.execute("CREATE TEMP TABLE part (i INTEGER PRIMARY KEY, a INTEGER, b INTEGER)")
            if not self._read_only:
                db.execute("PRAGMA journal_mode = WAL")
                # 16 MB each: a write over a thousand series touches 8 MB of pages, and the next one the same again.
                db.execute("PRAGMA cache_size = -16000")
                db.execute("PRAGMA wal_autocheckpoint = 4000")
                db.execute("PRAGMA synchronous = FULL")  # a commit is what `stored` on the bus promises: on disk
            # Two processes may create it at once, and others look on.
            db.execute("BEGIN" if self._read_only else "BEGIN IMMEDIATE")
            version: int = db.execute("PRAGMA user_version").fetchone()[0]
            empty = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
            if version == 0 and empty and not self._read_only:
                for statement in SCHEMA.split(";"):
                    db.execute(statement)
            elif version == 0 and empty:
                raise StoreDown(f"{self._path}: the file has no tables, so nothing has been stored in it yet")
            elif version == 0:
                raise ConfigError(f"{self._path}: a SQLite file, but no time series")
            elif version > VERSION:
                raise ConfigError(
                    f"{self._path}: written by a newer trackerdcs (schema {version}, this one knows {VERSION}): "
                    "install that, or choose another file as store.path"
                )
            db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                raise ConfigError(f"{self._path}: this is not a SQLite file; choose another as store.path") from error
            raise
        return db

    def _disconnect(self) -> None:
        self._writer = self._edges = None  # what it learnt in a rolled back transaction is not in the file
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(self, db: sqlite3.Connection, points: Sequence[Point]) -> list[RejectedPoint]:
        if self._writer is None:
            self._writer = PointWriter(db)
        return self._writer.write(points)

    def _select(self, db: sqlite3.Connection, selection: Selection) -> list[tuple[int, bool]]:
        """Number and kind of each series that the selection means."""
        wanted = (selection.stand, selection.device, selection.channel, selection.quantity)
        where = "WHERE stand = ? AND device = ? AND channel IS ? AND quantity = ?"
        return db.execute(f"SELECT id, is_text FROM series {where}", wanted).fetchall()

    def _rows(self, db: sqlite3.Connection, selection: Selection, parts: Parts) -> Iterator[Row]:
        all_series = [series for series, _ in self._select(db, selection)]
        whole = parts.width >= MINUTE
        # Whole minutes from the roll-up; the odd seconds at both ends from the points themselves.
        edges = (parts.origin, parts.width, parts.stop)
        if whole:
            edges = (parts.origin // MINUTE, parts.width // MINUTE, parts.stop // MINUTE)
        if edges != self._edges:  # those of a plot's other series are the same
            db.execute("DELETE FROM temp.part")
            db.execute(PARTS, edges)
            self._edges = edges
        if not whole:
            for series in all_series:
                yield from db.execute(SHORT, (series,))
            return
        behind = parts.stop // MINUTE
        ends = (0, parts.start, parts.origin), (parts.count - 1, behind * MINUTE, parts.stop)
        for series in all_series:
            yield from db.execute(LONG, (series,))
            for end in ends:
                yield from (row for row in db.execute(RAW, (series, *end)) if row[1])
