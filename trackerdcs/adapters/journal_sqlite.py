"""A device's journal in one SQLite file: frames stay until a loader has confirmed them as stored."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.errors import StoreFault
from trackerdcs.ports import Entry

CAPACITY = 2_000_000
"""Frames in a journal before it counts as full: 23 days at 1 Hz, about 1 GB."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS frames (
    n INTEGER PRIMARY KEY AUTOINCREMENT, boot TEXT NOT NULL, seq INTEGER NOT NULL, payload BLOB NOT NULL,
    UNIQUE (boot, seq)
);
"""


class SqliteJournal:
    """ports.Journal, in the order of arrival; `append` is durable when it returns."""

    def __init__(self, path: Path, capacity: int = CAPACITY) -> None:
        self._file = SqliteFile(path, SCHEMA, self._recount)
        self._capacity = capacity
        self._count = 0

    def append(self, entries: Iterable[Entry]) -> None:
        rows = [(e.boot, e.seq, e.payload) for e in entries]
        with self._file.transaction() as db:
            if self._count + len(rows) > self._capacity:
                raise StoreFault(f"{self._file.path}: full with {self._count} unconfirmed frames")
            added = db.executemany("INSERT OR IGNORE INTO frames (boot, seq, payload) VALUES (?, ?, ?)", rows).rowcount
            self._count += added

    def confirm(self, boots: dict[str, list[tuple[int, int]]]) -> None:
        rows = [(boot, first, last) for boot, ranges in boots.items() for first, last in ranges]
        with self._file.transaction() as db:
            removed = db.executemany("DELETE FROM frames WHERE boot = ? AND seq BETWEEN ? AND ?", rows).rowcount
            self._count -= removed

    def oldest(self, limit: int) -> list[Entry]:
        with self._file.transaction() as db:
            rows = db.execute("SELECT boot, seq, payload FROM frames ORDER BY n LIMIT ?", (limit,)).fetchall()
        return [Entry(*row) for row in rows]

    def __len__(self) -> int:
        with self._file.transaction():
            return self._count

    def close(self) -> None:
        self._file.close()

    def _recount(self, db: sqlite3.Connection) -> None:
        (self._count,) = db.execute("SELECT count(*) FROM frames").fetchone()
