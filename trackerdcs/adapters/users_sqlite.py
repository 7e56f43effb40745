"""Accounts, their rights and sessions in one SQLite file, shared by the web service and `trackerdcs users`, with a
ledger of who changed what: a change and its entry are one transaction."""

import os
import pwd
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trackerdcs.adapters import ledger_sqlite
from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.access import MOST_RIGHTS, SITE, Account, shown_node
from trackerdcs.domain.errors import ConfigError, StoreFault
from trackerdcs.domain.instrument import Role
from trackerdcs.domain.ledger import LedgerEntry

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rights (user TEXT, node TEXT, role TEXT NOT NULL, PRIMARY KEY (user, node)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, user TEXT NOT NULL, ends INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_user ON sessions (user);
{ledger_sqlite.SCHEMA}"""
ACCOUNTS = "SELECT name, node, role FROM users LEFT JOIN rights ON rights.user = name"


@dataclass(frozen=True)
class Listed:
    """An account and how many sessions it has."""

    account: Account
    sessions: int


class SqliteUsers:
    """What is told is durable when a method returns; all raise StoreFault.

    A damaged file is never replaced by an empty one, as other files of ours are: an empty one lets the first admin in.
    Every change of a person ends all their sessions, and is in the ledger.
    """

    def __init__(self, path: Path, make: bool = True, client: str = "cli") -> None:
        """Open the file, or make it, readable by its owner alone; StoreFault where it cannot be written.

        `client` is what stands in the ledger: `cli`, with the name of the process's owner, or `web`.
        """
        self._client, self._boot = client, uuid.uuid4().hex
        try:
            if make and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)
        except OSError as e:
            raise StoreFault(f"{path}: cannot be made: {e.strerror}") from e
        if not path.is_file():
            raise StoreFault(f"{path}: no such file of users")
        self._file = SqliteFile(path, SCHEMA, _migrate, guest=True)
        with self._changed() as db:
            db.execute("DELETE FROM sessions WHERE user NOT IN (SELECT name FROM users)")

    def accounts(self) -> list[Account]:
        with self._file.transaction() as db:
            return _accounts(db.execute(f"{ACCOUNTS} ORDER BY name"))

    def listed(self, now: int) -> list[Listed]:
        """All accounts with the number of sessions that have not ended at `now` (ns UTC)."""
        with self._file.transaction() as db:
            alive = dict(db.execute("SELECT user, count(*) FROM sessions WHERE ends > ? GROUP BY user", (now,)))
            found = _accounts(db.execute(f"{ACCOUNTS} ORDER BY name"))
        return [Listed(account, alive.get(account.name, 0)) for account in found]

    def hash_of(self, name: str) -> str | None:
        """The hash of a person's password, None if there is no such person."""
        with self._file.transaction() as db:
            row = db.execute("SELECT hash FROM users WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def add(self, account: Account, hash: str) -> None:
        """ConfigError if the name is taken."""
        with self._changed() as db:
            if not self._add(db, account, hash):
                raise ConfigError(f"{account.name}: there is a user of this name already")

    def found(self, account: Account, hash: str) -> bool:
        """Add the first one; False where there is anybody already."""
        with self._changed() as db:
            nobody = db.execute("SELECT 1 FROM users LIMIT 1").fetchone() is None
            return nobody and self._add(db, account, hash)

    def set_role(self, name: str, role: Role) -> None:
        """Another role on the site."""
        self.grant(name, SITE, role)

    def grant(self, name: str, node: str, role: Role) -> None:
        """A role at a node, instead of the one that was given there. ConfigError for an unknown name, the last admin of
        the site, and more rights than a person can have."""
        with self._changed() as db:
            account = _known(db, name)
            if node == SITE and role != "admin":
                _keeps_an_admin(db, name)
            if len(account.rights.keys() | {node}) > MOST_RIGHTS:
                raise ConfigError(f"{name} has {MOST_RIGHTS} rights already: give one further up instead")
            db.execute("INSERT OR REPLACE INTO rights VALUES (?, ?, ?)", (name, node, role))
            self._note(db, "grant", name, node=shown_node(node), role=role, was=account.rights.get(node))

    def revoke(self, name: str, node: str) -> None:
        """What was given at a node is taken back, and nothing else. ConfigError for an unknown name, where nothing was
        given, and the last admin of the site."""
        with self._changed() as db:
            was = _known(db, name).rights.get(node)
            if was is None:
                raise ConfigError(f"{name} was given no role at {shown_node(node)}")
            if node == SITE:
                _keeps_an_admin(db, name)
            db.execute("DELETE FROM rights WHERE user = ? AND node = ?", (name, node))
            self._note(db, "revoke", name, node=shown_node(node), was=was)

    def set_password(self, name: str, hash: str, instead_of: str | None = None) -> bool:
        """Another password; False if it is not `instead_of` the one that was checked, as the person's own change is."""
        with self._changed() as db:
            sql = "UPDATE users SET hash = ?1 WHERE name = ?2 AND hash = coalesce(?3, hash)"
            done = db.execute(sql, (hash, name, instead_of)).rowcount == 1
            if not done and instead_of is not None:
                return False
            _known(db, name)
            self._note(db, "password", name, by=None if instead_of is None else name)
            return True

    def remove(self, name: str) -> None:
        """Nobody of that name any more. ConfigError for an unknown name and the last admin of the site."""
        with self._changed() as db:
            was = _known(db, name)
            _keeps_an_admin(db, name)
            db.execute("DELETE FROM users WHERE name = ?", (name,))
            db.execute("DELETE FROM rights WHERE user = ?", (name,))
            self._note(db, "remove", name, was=was.standing)

    def begin(self, id: str, name: str, hash: str, now: int, ends: int) -> bool:
        """Begin a session; False if the password was changed since it was checked against `hash`."""
        with self._changed() as db:
            db.execute("DELETE FROM sessions WHERE ends <= ?", (now,))
            sql = "INSERT INTO sessions SELECT ?, name, ? FROM users WHERE name = ? AND hash = ?"
            return db.execute(sql, (id, ends, name, hash)).rowcount == 1

    def session(self, id: str, now: int) -> Account | None:
        """Whose session this is at `now` (ns UTC), with the role of today; None if it has ended or never was."""
        with self._file.transaction() as db:
            sql = f"{ACCOUNTS} JOIN sessions s ON s.user = name WHERE s.id = ? AND ends > ?"
            found = _accounts(db.execute(sql, (id, now)))
        return found[0] if found else None

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
            if db.execute("SELECT 1 FROM ledger LIMIT 1").fetchone() is None:  # older than its ledger: what is there?
                for account in _accounts(db.execute(f"{ACCOUNTS} ORDER BY name")):
                    self._enter(
                        db, LedgerEntry(time.time_ns(), self._boot, "event", event="found", args=_said(account))
                    )
            yield db

    def _add(self, db: sqlite3.Connection, account: Account, hash: str) -> bool:
        if not db.execute("INSERT OR IGNORE INTO users VALUES (?, ?)", (account.name, hash)).rowcount:
            return False
        rights = [(account.name, node, role) for node, role in account.rights.items()]
        db.executemany("INSERT INTO rights VALUES (?, ?, ?)", rights)
        self._note(db, "add", **_said(account))
        return True

    def _note(self, db: sqlite3.Connection, cmd: str, name: str, by: str | None = None, **said: str | None) -> None:
        """What every change of a person ends with."""
        db.execute("DELETE FROM sessions WHERE user = ?", (name,))
        args = {"name": name} | {key: value for key, value in said.items() if value is not None}
        by = by or (_owner() if self._client == "cli" else None)
        self._enter(db, LedgerEntry(time.time_ns(), self._boot, "done", user=self._client, by=by, cmd=cmd, args=args))

    def _enter(self, db: sqlite3.Connection, entry: LedgerEntry) -> None:
        ledger_sqlite.enter(db, self._file.path, [entry])


def _migrate(db: sqlite3.Connection) -> None:
    """A file from before there were nodes: its role is the one on the site."""
    db.execute("BEGIN IMMEDIATE")
    if "role" in {row[1] for row in db.execute("PRAGMA table_info(users)")}:
        db.execute("INSERT OR IGNORE INTO rights SELECT name, ?, role FROM users", (SITE,))
        db.execute("ALTER TABLE users DROP COLUMN role")
    db.commit()


def _accounts(rows: Iterable[tuple[str, str | None, Role]]) -> list[Account]:
    """From rows of name, node and role; who has no right at all has one row with neither."""
    found: dict[str, dict[str, Role]] = {}
    for name, node, role in rows:
        found.setdefault(name, {}).update({} if node is None else {node: role})
    return [Account(name, rights.pop(SITE, None), rights) for name, rights in found.items()]


def _said(account: Account) -> dict[str, str]:
    return {"name": account.name, "rights": account.standing}


def _owner() -> str:
    """Who runs this, by the system's word: LOGNAME and USER say whatever somebody likes."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _keeps_an_admin(db: sqlite3.Connection, name: str) -> None:
    admins = [row[0] for row in db.execute("SELECT user FROM rights WHERE role = 'admin' AND node = ?", (SITE,))]
    if admins == [name]:
        raise ConfigError(f"{name} is the last admin: give another user the role admin first")


def _known(db: sqlite3.Connection, name: str) -> Account:
    found = _accounts(db.execute(f"{ACCOUNTS} WHERE name = ?", (name,)))
    if not found:
        raise ConfigError(f"{name}: there is no user of this name")
    return found[0]
