"""Messages that cannot be stored, kept in a SQLite file until a person has looked at them."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.codec import plain
from trackerdcs.domain.errors import StoreFault
from trackerdcs.ports import ParkedMessage

SCHEMA = """
CREATE TABLE IF NOT EXISTS letters (
    id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, topic TEXT NOT NULL, why TEXT NOT NULL, payload BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_time ON letters (ts);
"""
# The number of a letter that was removed is given again: the time tells whether it is still the same.
SAME = "WHERE id = ? AND ts = ?"


@dataclass(frozen=True)
class Letter:
    """A message as it came at `ts` (ns UTC), parked because of `why`."""

    id: int
    ts: int
    topic: str
    why: str
    payload: bytes


class SqliteDeadLetters:
    """ports.DeadLetters; what is told is durable when a method returns. A `guest` works on the file of a loader that
    may run, and neither makes nor sets it aside."""

    def __init__(self, path: Path, guest: bool = False) -> None:
        self._file = SqliteFile(path, SCHEMA, guest=guest)

    def park(self, messages: Sequence[ParkedMessage]) -> None:
        rows = [(m.arrived, plain(m.topic), plain(m.why), m.payload) for m in messages]
        with self._file.transaction() as db:
            db.executemany(
                """INSERT INTO letters (ts, topic, why, payload) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS
                (SELECT 1 FROM letters WHERE ts = ?1 AND topic = ?2 AND payload = ?4)""",
                rows,
            )

    def remove(self, letters: Iterable[Letter]) -> None:
        """Those that are still there as they were read."""
        with self._file.transaction() as db:
            db.executemany(f"DELETE FROM letters {SAME}", [(letter.id, letter.ts) for letter in letters])

    def blame(self, causes: Sequence[tuple[Letter, str]]) -> None:
        """Keep letters with another cause."""
        with self._file.transaction() as db:
            db.executemany(f"UPDATE letters SET why = ? {SAME}", [(plain(why), x.id, x.ts) for x, why in causes])

    def open(self) -> None:
        """Make the file, or set it aside if it is damaged; the first use does that, too."""
        with self._file.transaction():
            pass

    @property
    def aside(self) -> str | None:
        return self._file.aside

    def __len__(self) -> int:
        with self._file.transaction() as db:
            return int(db.execute("SELECT count(*) FROM letters").fetchone()[0])

    def close(self) -> None:
        self._file.close()


def read_letters(path: Path) -> Iterator[Letter]:
    """All letters, the oldest first, also while a loader writes. StoreFault where they cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)) as db:
            for row in db.execute("SELECT id, ts, topic, why, payload FROM letters ORDER BY id"):
                yield Letter(*row)
    except sqlite3.Error as e:
        raise StoreFault(f"{path}: cannot be read: {e}") from e
