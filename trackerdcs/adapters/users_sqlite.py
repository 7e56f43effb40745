"""Accounts and their sessions in one SQLite file, shared by the web service and `trackerdcs users`."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.access import Account
from trackerdcs.domain.errors import ConfigError, StoreFault
from trackerdcs.domain.instrument import Role

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, user TEXT NOT NULL, ends INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_user ON sessions (user);
"""


@dataclass(frozen=True)
class Listed:
    """An account and how many sessions it has."""

    account: Account
    sessions: int


class SqliteUsers:
    """What is told is durable when a method returns; all raise StoreFault.

    A damaged file is never replaced by an empty one, as other files of ours are: an empty one lets the first admin in.
    """

    def __init__(self, path: Path, make: bool = True) -> None:
        """Open the file, or make it, readable by its owner alone; StoreFault where it cannot be written."""
        try:
            if make and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)
        except OSError as e:
            raise StoreFault(f"{path}: cannot be made: {e.strerror}") from e
        if not path.is_file():
            raise StoreFault(f"{path}: no such file of users")
        self._file = SqliteFile(path, SCHEMA, guest=True)
        with self._changed() as db:
            db.execute("DELETE FROM sessions WHERE user NOT IN (SELECT name FROM users)")

    def accounts(self) -> list[Account]:
        with self._file.transaction() as db:
            return [Account(*row) for row in db.execute("SELECT name, role FROM users ORDER BY name")]

    def listed(self, now: int) -> list[Listed]:
        """All accounts with the number of sessions that have not ended at `now` (ns UTC)."""
        with self._file.transaction() as db:
            rows = db.execute(
                """SELECT name, role, (SELECT count(*) FROM sessions WHERE user = name AND ends > ?)
                FROM users ORDER BY name""",
                (now,),
            )
            return [Listed(Account(name, role), sessions) for name, role, sessions in rows]

    def hash_of(self, name: str) -> str | None:
        """The hash of a person's password, None if there is no such person."""
        with self._file.transaction() as db:
            row = db.execute("SELECT hash FROM users WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def add(self, account: Account, hash: str) -> None:
        """ConfigError if the name is taken."""
        with self._changed() as db:
            done = db.execute("INSERT OR IGNORE INTO users VALUES (?, ?, ?)", (account.name, account.role, hash))
            if not done.rowcount:
                raise ConfigError(f"{account.name}: there is a user of this name already")

    def found(self, account: Account, hash: str) -> bool:
        """Add the first one; False where there is anybody already."""
        with self._changed() as db:
            sql = "INSERT INTO users SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM users)"
            return db.execute(sql, (account.name, account.role, hash)).rowcount == 1

    def set_role(self, name: str, role: Role) -> None:
        """Another role, and no sessions any more. ConfigError for an unknown name and the last admin."""
        with self._changed() as db:
            if role != "admin":
                _keeps_an_admin(db, name)
            _known(name, db.execute("UPDATE users SET role = ? WHERE name = ?", (role, name)))
            db.execute("DELETE FROM sessions WHERE user = ?", (name,))

    def set_password(self, name: str, hash: str, instead_of: str | None = None) -> bool:
        """Another password, and no sessions any more; False if it is not `instead_of` the one that was checked."""
        with self._changed() as db:
            sql = "UPDATE users SET hash = ?1 WHERE name = ?2 AND hash = coalesce(?3, hash)"
            done = db.execute(sql, (hash, name, instead_of))
            if instead_of is not None and not done.rowcount:
                return False
            _known(name, done)
            db.execute("DELETE FROM sessions WHERE user = ?", (name,))
            return True

    def remove(self, name: str) -> None:
        """Nobody of that name, and no session, any more. ConfigError for an unknown name and the last admin."""
        with self._changed() as db:
            _keeps_an_admin(db, name)
            _known(name, db.execute("DELETE FROM users WHERE name = ?", (name,)))
            db.execute("DELETE FROM sessions WHERE user = ?", (name,))

    def begin(self, id: str, name: str, hash: str, now: int, ends: int) -> bool:
        """Begin a session; False if the password was changed since it was checked against `hash`."""
        with self._changed() as db:
            db.execute("DELETE FROM sessions WHERE ends <= ?", (now,))
            sql = "INSERT INTO sessions SELECT ?, name, ? FROM users WHERE name = ? AND hash = ?"
            return db.execute(sql, (id, ends, name, hash)).rowcount == 1

    def session(self, id: str, now: int) -> Account | None:
        """Whose session this is at `now` (ns UTC), with the role of today; None if it has ended or never was."""
        with self._file.transaction() as db:
            sql = "SELECT name, role FROM sessions JOIN users ON name = user WHERE id = ? AND ends > ?"
            row = db.execute(sql, (id, now)).fetchone()
        return Account(*row) if row else None

    def end(self, id: str) -> None:
        """End one session; ending it again is harmless."""
        with self._changed() as db:
            db.execute("DELETE FROM sessions WHERE id = ?", (id,))

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def _changed(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the file from its first look on: two programs change it."""
        with self._file.transaction() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db


def _keeps_an_admin(db: sqlite3.Connection, name: str) -> None:
    admins = [row[0] for row in db.execute("SELECT name FROM users WHERE role = 'admin'")]
    if admins == [name]:
        raise ConfigError(f"{name} is the last admin: give another user the role admin first")


def _known(name: str, done: sqlite3.Cursor) -> None:
    if not done.rowcount:
        raise ConfigError(f"{name}: there is no user of this name")
