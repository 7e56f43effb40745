"""What a loader has taken from the broker and the database does not have yet: one row of a SQLite file a batch."""

import json
import sqlite3
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.batch import Arrival, pack, unpack
from trackerdcs.domain.errors import ContractError
from trackerdcs.ports import Spooled

# AUTOINCREMENT: a number is never given again, so that a late `remove` cannot meet another batch.
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
        self._file = SqliteFile(path, SCHEMA)

    def append(self, arrivals: Sequence[Arrival], arrived: int, done: Collection[int]) -> Spooled:
        block = pack(arrivals)
        row = (arrived, len(arrivals), zlib.crc32(block), block)
        with self._file.transaction() as db:
            _remove(db, done)
            number = db.execute(
                "INSERT INTO batches (arrived, messages, crc, block) VALUES (?, ?, ?, ?)", row
            ).lastrowid
        assert number is not None
        return Spooled(number, arrived, len(arrivals), len(block))

    def remove(self, done: Collection[int]) -> None:
        with self._file.transaction() as db:
            _remove(db, done)

    def waiting(self) -> list[Spooled]:
        with self._file.transaction() as db:
            rows = db.execute("SELECT number, arrived, messages, length(block) FROM batches ORDER BY number").fetchall()
        return [Spooled(*row) for row in rows]

    def read(self, number: int) -> list[Arrival]:
        with self._file.transaction() as db:
            row = db.execute("SELECT crc, block FROM batches WHERE number = ?", (number,)).fetchone()
        if row is None:  # the file was damaged and set aside meanwhile
            return [Arrival("", b"", refused=f"batch {number} of the spool is gone: {self._file.replaced}")]
        crc, block = row
        if zlib.crc32(block) != crc:
            return [Arrival("", block, refused=f"batch {number} of the spool is damaged: its checksum is wrong")]
        try:
            return unpack(block)
        except (ContractError, UnicodeDecodeError) as e:
            return [Arrival("", block, refused=f"batch {number} of the spool is damaged: {e}")]

    def swap_filters(self, filters: Sequence[str]) -> list[str]:
        with self._file.transaction() as db:
            former = [str(row[0]) for row in db.execute("SELECT filter FROM filters")]
            db.execute("DELETE FROM filters")
            db.executemany("INSERT INTO filters VALUES (?)", [(each,) for each in {*filters}])
        return [each for each in former if each not in filters]

    def open(self) -> None:
        """Make the file, or set it aside if it is damaged; the first use does that, too."""
        with self._file.transaction():
            pass

    def close(self) -> None:
        self._file.close()

    @property
    def aside(self) -> str | None:
        return self._file.aside


def _remove(db: sqlite3.Connection, done: Collection[int]) -> None:
    if done:
        db.execute("DELETE FROM batches WHERE number IN (SELECT value FROM json_each(?))", (json.dumps(list(done)),))
