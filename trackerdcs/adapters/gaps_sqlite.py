"""A loader's gap record in one SQLite file: ranges of sequence numbers by device, boot and what became of them."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.codec import plain
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.gaps import FATES, Piece, merged

BOOTS = 1000
"""Boots kept of a device; one more, and the one that was heard least lately is forgotten."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS record (id INTEGER PRIMARY KEY CHECK (id = 0), begun INTEGER NOT NULL);
INSERT OR IGNORE INTO record VALUES (0, strftime('%s', 'now') * 1000000000);
CREATE TABLE IF NOT EXISTS boots (
    id INTEGER PRIMARY KEY, stand TEXT NOT NULL, device TEXT NOT NULL, boot TEXT NOT NULL,
    UNIQUE (stand, device, boot)
);
CREATE TABLE IF NOT EXISTS pieces (
    boot INTEGER NOT NULL, fate TEXT NOT NULL, cause TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    first_ts INTEGER, last_ts INTEGER, since INTEGER NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (boot, fate, cause, first)
) WITHOUT ROWID;
"""
COLUMNS = "first, last, first_ts, last_ts, since, until"
OF_KEY = f"SELECT {COLUMNS} FROM pieces WHERE boot = ?1 AND fate = ?2 AND cause = ?3"
TOUCHED = f"""SELECT * FROM ({OF_KEY} AND first <= ?4 ORDER BY first DESC LIMIT 1) WHERE last >= ?4 - 1
    UNION ALL SELECT * FROM ({OF_KEY} AND first > ?4 AND first <= ?5 + 1)"""
FORGOTTEN = """SELECT id FROM boots WHERE stand = ? AND device = ?
    ORDER BY (SELECT max(until) FROM pieces WHERE pieces.boot = boots.id) DESC LIMIT -1 OFFSET ?"""


class SqliteGaps:
    """ports.GapRecord. What is known is in the file alone: memory does not grow with boots and gaps."""

    def __init__(self, path: Path, boots: int = BOOTS, guest: bool = False) -> None:
        self._file, self._boots = SqliteFile(path, SCHEMA, guest=guest), boots

    def open(self) -> None:
        """Make the file, or set it aside if it is damaged; the first use does that, too."""
        with self._file.transaction():
            pass

    @property
    def aside(self) -> str | None:
        return self._file.aside

    def add(self, pieces: Sequence[Piece]) -> None:
        with self._file.transaction() as db:
            for piece in merged(pieces):
                self._add(db, piece)

    def close(self) -> None:
        self._file.close()

    def _add(self, db: sqlite3.Connection, piece: Piece) -> None:
        key = (self._boot(db, piece), piece.fate, plain(piece.cause))
        found = [_piece(piece, row) for row in db.execute(TOUCHED, (*key, piece.first, piece.last))]
        (whole,) = merged([piece, *found])
        if found == [whole]:
            return
        row = (whole.last, whole.first_ts, whole.last_ts, whole.since, whole.until)
        if len(found) == 1 and found[0].first == whole.first:
            changes = "SET last = ?, first_ts = ?, last_ts = ?, since = ?, until = ?"
            db.execute(
                f"UPDATE pieces {changes} WHERE boot = ? AND fate = ? AND cause = ? AND first = ?",
                (*row, *key, whole.first),
            )
            return
        db.executemany(
            "DELETE FROM pieces WHERE boot = ? AND fate = ? AND cause = ? AND first = ?",
            [(*key, each.first) for each in found],
        )
        db.execute("INSERT INTO pieces VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*key, whole.first, *row))

    def _boot(self, db: sqlite3.Connection, piece: Piece) -> int:
        name = (piece.stand, piece.device, piece.boot)
        row = db.execute("SELECT id FROM boots WHERE stand = ? AND device = ? AND boot = ?", name).fetchone()
        if row is None:
            for (id,) in db.execute(FORGOTTEN, (piece.stand, piece.device, self._boots - 1)).fetchall():
                db.execute("DELETE FROM pieces WHERE boot = ?", (id,))
                db.execute("DELETE FROM boots WHERE id = ?", (id,))
            row = db.execute("INSERT INTO boots (stand, device, boot) VALUES (?, ?, ?) RETURNING id", name).fetchone()
        return int(row[0])


@dataclass(frozen=True)
class Recorded:
    """What a record has of some devices, and since when (ns UTC) it is kept."""

    begun: int
    pieces: list[Piece]


def stands_in(path: Path) -> list[str]:
    """The stands that a record knows; StoreFault where it cannot be read."""
    return [str(row[0]) for row in _read(path, "SELECT DISTINCT stand FROM boots ORDER BY stand", ())]


def read_gaps(path: Path, stand: str, device: str | None = None) -> Recorded:
    """All boots of a stand or a device, also while a loader writes. StoreFault where it cannot be read."""
    (begun,) = _read(path, "SELECT begun FROM record", ())[0]
    rows = _read(
        path,
        f"""SELECT stand, device, boots.boot, fate, {COLUMNS}, cause FROM boots JOIN pieces ON pieces.boot = boots.id
        WHERE stand = ? AND device = coalesce(?, device)""",
        (stand, device),
    )
    return Recorded(begun, [Piece(*row) for row in rows if row[3] in FATES])


def _read(path: Path, query: str, values: tuple[object, ...]) -> list[Any]:
    if not path.exists():
        raise StoreFault(f"{path}: no such gap record")
    try:
        return _asked(path, "mode=ro", query, values)
    except sqlite3.OperationalError as e:
        # Without its loader, in a folder that cannot be written, no log can be made beside it; none is needed then.
        if path.with_name(f"{path.name}-wal").exists():
            raise StoreFault(f"{path}: cannot be read: {e}") from e
    except sqlite3.Error as e:
        raise StoreFault(f"{path}: cannot be read: {e}") from e
    try:
        return _asked(path, "mode=ro&immutable=1", query, values)
    except sqlite3.Error as e:
        raise StoreFault(f"{path}: cannot be read: {e}") from e


def _asked(path: Path, how: str, query: str, values: tuple[object, ...]) -> list[Any]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=5.0)) as db:
        return db.execute(query, values).fetchall()


def _piece(like: Piece, row: tuple[int, int, int | None, int | None, int, int]) -> Piece:
    return Piece(like.stand, like.device, like.boot, like.fate, *row, cause=like.cause)
