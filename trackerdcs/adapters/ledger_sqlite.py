"""A device's ledger in one SQLite file: entries are added and never changed, and one service alone adds them."""

import fcntl
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.ledger import GENESIS, Chained, LedgerEntry, chained, verify

RECHECKED = 1000
"""Entries at the end of the file that are followed again when a service opens it; `trackerdcs ledger` follows all."""

# REPLACE removes rows without asking a trigger on DELETE: a row that is there takes no other in its place.
SCHEMA = """
CREATE TABLE IF NOT EXISTS ledger (
    n INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, body BLOB NOT NULL, digest TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ledger_ts ON ledger (ts);
CREATE TRIGGER IF NOT EXISTS ledger_keeps BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS ledger_stays BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS ledger_grows BEFORE INSERT ON ledger WHEN EXISTS (SELECT 1 FROM ledger WHERE n = NEW.n)
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""
# Whoever tampers with a row is not bound to its types.
ROWS = "SELECT n, CAST(body AS BLOB), CAST(digest AS BLOB) FROM ledger"
LAST = "SELECT n, digest FROM ledger ORDER BY n DESC LIMIT 1"


class SqliteLedger:
    """ports.Ledger. A file that is damaged is put aside, and the new one begins with its name, size and SHA-256."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = SqliteFile(path, SCHEMA, _recheck)
        self._lock: int | None = None
        self._opening = threading.Lock()

    def append(self, entries: Sequence[LedgerEntry]) -> None:
        self._hold()
        with self._file.transaction() as db:
            enter(db, self.path, entries)

    def chain(self, since: int = 0) -> Iterator[Chained]:
        return read_chain(self.path, since)

    def close(self) -> None:
        self._file.close()
        with self._opening:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _hold(self) -> None:
        """Two services in one file would each continue the other's chain; SQLite alone would let them."""
        with self._opening:
            if self._lock is not None:
                return
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                lock = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
            except OSError as e:
                raise StoreFault(f"{self.path}.lock: {e}") from e
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as e:
                os.close(lock)
                raise StoreFault(f"{self.path}: another service writes it") from e
            self._lock = lock


def enter(db: sqlite3.Connection, path: Path, entries: Sequence[LedgerEntry]) -> None:
    """Add entries behind the last one, in a transaction of the caller, who has seen to it that nobody else adds any."""
    n, head = db.execute(LAST).fetchone() or (0, GENESIS)
    if n == 0 and entries:
        entries = [_first(path, entries[0]), *entries]
    links = chained(entries, n, head)
    db.executemany(
        "INSERT INTO ledger (n, ts, body, digest) VALUES (?, ?, ?, ?)",
        [(link.n, entry.ts, link.body, link.digest) for link, entry in zip(links, entries, strict=True)],
    )


def read_chain(path: Path, since: int = 0) -> Iterator[Chained]:
    """Entries of a ledger, from the first at or after `since` (ns UTC), also while a service writes it. StoreFault
    where there is none, where it cannot be read, and after the last entry where later ones were cut off."""
    if not path.exists():
        raise StoreFault(f"{path}: no such ledger")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as db:
            db.execute("BEGIN")
            first = "SELECT coalesce((SELECT min(n) FROM ledger WHERE ts >= ?), 9223372036854775807)"
            for row in db.execute(f"{ROWS} WHERE n >= ({first}) ORDER BY n", (since,)):
                yield _chained(*row)
            if cut := _cut(db):
                raise StoreFault(f"{path}: {cut}")
    except sqlite3.Error as e:
        raise StoreFault(f"{path}: {e}") from e


def _cut(db: sqlite3.Connection) -> str | None:
    """SQLite itself counts the rows that were ever there; who takes rows away may not think of it."""
    (last,) = db.execute("SELECT coalesce(max(n), 0) FROM ledger").fetchone()
    counted = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'ledger'").fetchone()
    ever = counted[0] if counted else 0
    return f"the end is cut off: entries {last + 1} to {ever} were written and are gone" if ever > last else None


def _recheck(db: sqlite3.Connection) -> None:
    """Before a service goes on with a file: is its end whole? A DatabaseError has it put aside."""
    if cut := _cut(db):
        raise sqlite3.DatabaseError(cut)
    last = db.execute(f"{ROWS} ORDER BY n DESC LIMIT ?", (RECHECKED + 1,)).fetchall()
    links = [_chained(*row) for row in reversed(last)]
    before = links.pop(0) if links and links[0].n > 1 else Chained(0, b"", GENESIS)
    if why := verify(links, before.n, before.digest).why:
        raise sqlite3.DatabaseError(f"its chain is broken: {why}")


def _chained(n: int, body: bytes, mark: bytes) -> Chained:
    return Chained(n, body, mark.decode(errors="replace"))


def _first(path: Path, following: LedgerEntry) -> LedgerEntry:
    """The entry that begins a file, with a reference to the one put aside last."""
    aside = sorted(
        (p for p in path.parent.glob(f"{path.name}.damaged-*") if p.name.rpartition("-")[2].isdigit()),
        key=lambda p: int(p.name.rpartition("-")[2]),
    )
    why = None
    if aside:
        with aside[-1].open("rb") as file:
            mark = hashlib.file_digest(file, "sha256").hexdigest()
        why = f"after {aside[-1].name}, {aside[-1].stat().st_size} bytes, sha256 {mark}"
    return LedgerEntry(following.ts, following.boot, "begun", why=why)
