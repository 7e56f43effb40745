"""What a loader has taken from the broker and the database does not have yet: one row of a SQLite file a batch."""

import json
import shutil
import sqlite3
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.batch import Arrival, pack, unpack
from trackerdcs.domain.errors import ContractError, StoreFault
from trackerdcs.ports import Spooled

# A number is never given again, so that a late `remove` cannot meet another batch; not even by a file that is begun
# because the last one was damaged, while the loader still has batches of that one.
NEXT = """1 + max(?, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'batches'), 0),
coalesce((SELECT max(number) FROM batches), 0))"""
COLUMNS = {
    "batches": ["number", "arrived", "messages", "crc", "block"],
    "filters": ["filter"],
    "sqlite_sequence": ["name", "seq"],
}
RESERVE = 64 << 20
"""Bytes on the disk that the spool leaves to those who empty it: on a full one SQLite cannot even delete, and neither a
store nor the dead letters nor the gap record can be written. The file never shrinks; room inside it is used again."""
SANE = 1 << 62
"""No time and no size is larger."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    number INTEGER PRIMARY KEY AUTOINCREMENT, arrived INTEGER NOT NULL, messages INTEGER NOT NULL,
    crc INTEGER NOT NULL, block BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS filters (filter TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class SqliteSpool:
    """ports.Spool; what is told is durable when a method returns."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA, _prepare)
        self._last = 0
        """The highest number that anybody may remember."""

    def append(self, arrivals: Sequence[Arrival], arrived: int, done: Collection[int]) -> Spooled:
        block = pack(arrivals)
        row = (arrived, len(arrivals), zlib.crc32(block), block)
        with self._file.transaction() as db:
            _remove(db, done)
            self._check_room(db, len(block))
            number = db.execute(
                f"INSERT INTO batches (number, arrived, messages, crc, block) VALUES ({NEXT}, ?, ?, ?, ?)",
                (self._last, *row),
            ).lastrowid
        assert number is not None
        self._last = number
        return Spooled(number, arrived, len(arrivals), len(block))

    def _check_room(self, db: sqlite3.Connection, size: int) -> None:
        free = shutil.disk_usage(self._file.path.parent).free
        if free >= RESERVE:
            return
        (pages,), (page,) = db.execute("PRAGMA freelist_count").fetchone(), db.execute("PRAGMA page_size").fetchone()
        if pages * page < size + 10 * page:
            raise StoreFault(f"{self._file.path}: the disk has {free >> 20} MB left, {RESERVE >> 20} MB are kept free")

    def remove(self, done: Collection[int]) -> None:
        with self._file.transaction() as db:
            _remove(db, done)

    def waiting(self) -> list[Spooled]:
        with self._file.transaction() as db:
            rows = db.execute("SELECT number, arrived, messages, length(block) FROM batches ORDER BY number").fetchall()
        self._last = max([self._last, *(row[0] for row in rows)])
        return [
            Spooled(number, *(n if type(n) is int and 0 <= n < SANE else 0 for n in rest)) for number, *rest in rows
        ]

    def read(self, number: int) -> list[Arrival]:
        query = "SELECT crc, CAST(block AS BLOB) FROM batches WHERE number = ?"
        with self._file.transaction() as db:
            row = db.execute(query, (number,)).fetchone()
        name = f"batch {number} of the spool"
        if row is None:
            return [Arrival("", b"", refused=f"{name} is gone: {self._file.replaced or 'the file has it no more'}")]
        crc, block = row[0], row[1] or b""
        if zlib.crc32(block) != crc:
            return [Arrival("", block, refused=f"{name} is damaged: its checksum is wrong")]
        try:
            return unpack(block)
        except ContractError as e:
            return [Arrival("", block, refused=f"{name} is damaged: {e}")]

    def swap_filters(self, filters: Sequence[str]) -> list[str]:
        with self._file.transaction() as db:
            known = [str(row[0]) for row in db.execute("SELECT filter FROM filters ORDER BY filter")]
            db.executemany("INSERT OR IGNORE INTO filters VALUES (?)", [(each,) for each in filters])
        return [each for each in known if each not in filters]

    def open(self) -> None:
        """Make the file, or set it aside if it is damaged; the first use does that, too."""
        with self._file.transaction():
            pass

    def close(self) -> None:
        self._file.close()

    @property
    def aside(self) -> str | None:
        return self._file.aside


def _prepare(db: sqlite3.Connection) -> None:
    """A flipped bit may make a number a text, or rename a column."""
    db.text_factory = lambda raw: raw.decode(errors="replace")
    for table, columns in COLUMNS.items():
        if [row[1] for row in db.execute(f"PRAGMA table_info({table})")] != columns:
            raise sqlite3.DatabaseError(f"its table {table} is not that of a spool")


def _remove(db: sqlite3.Connection, done: Collection[int]) -> None:
    if done:
        db.execute("DELETE FROM batches WHERE number IN (SELECT value FROM json_each(?))", (json.dumps(list(done)),))
