"""A small SQLite file of one service: opened when needed, set aside when damaged, every fault a StoreFault."""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trackerdcs.domain.errors import StoreFault

DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
PRIMARY = 0xFF
"""Bits of an error code without its details."""
NO_FORMAT = "unsupported file format"
"""Said of a file whose head is damaged, under the code of a mistake in a statement."""

log = logging.getLogger(__name__)


class SqliteFile:
    """One connection behind one lock, usable from any thread; each `transaction` is durable (fsync) when it returns.

    After a fault the next use opens the file anew: a disk that has space again needs no restart. A `guest` neither
    makes the file nor sets it aside: its owner may have it open. A `shared` one has several owners, who make it and
    never set it aside: a damaged file stays for a person to look at.
    """

    def __init__(
        self,
        path: Path,
        schema: str,
        prepare: Callable[[sqlite3.Connection], None] | None = None,
        guest: bool = False,
        shared: bool = False,
    ) -> None:
        self.path = path
        self.aside: str | None = None
        """The name under which a damaged file was set aside last."""
        self._schema = schema
        self._prepare, self._guest, self._kept = prepare, guest, guest or shared
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self.replaced: str | None = None
        """Why what was written before is gone: the file was damaged, and a new one was begun."""

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a transaction: committed at the end, rolled back on any exception."""
        with self._lock:
            try:
                connection = self._open()
                with connection:
                    yield connection
            except (sqlite3.Error, OSError) as e:
                self._close()
                if _is_damage(e) and not self._kept:
                    self._try_set_aside(e)
                raise StoreFault(f"{self.path}: {e}") from e

    def close(self) -> None:
        with self._lock:
            self._close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if not self._guest:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError as e:
                if self._kept or (isinstance(e, sqlite3.OperationalError) and not _is_damage(e)):
                    raise
                self._set_aside(e)
                self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={'rw' if self._guest else 'rwc'}"
        connection = sqlite3.connect(uri, uri=True, timeout=5.0, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(self._schema)
            if self._prepare is not None:
                self._prepare(connection)
        except sqlite3.Error:
            connection.close()
            raise
        except UnicodeDecodeError as e:  # the message quotes a schema that is damaged
            connection.close()
            raise sqlite3.DatabaseError(f"what it says is no text: {e}") from e
        return connection

    def _set_aside(self, error: BaseException) -> None:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        self.replaced = f"{self.path} was damaged: {error}"
        log.error("%s is damaged (%s): set aside as %s, a new one is begun", self.path, error, aside.name)
        os.replace(self.path, aside)
        self.aside = aside.name
        for suffix in ("-wal", "-shm"):  # what came last is in there
            beside = self.path.with_name(self.path.name + suffix)
            if beside.exists():
                os.replace(beside, aside.with_name(aside.name + suffix))

    def _try_set_aside(self, error: BaseException) -> None:
        """Damage that opening did not show: left in place, the file would fail for ever, restarts included."""
        try:
            self._set_aside(error)
        except OSError as e:
            log.error("%s is damaged and cannot be set aside: %s", self.path, e)  # noqa: TRY400 said once a try

    def _close(self) -> None:
        if self._connection is not None:
            try:
                self._connection.close()
            except sqlite3.Error as e:
                log.warning("%s: %s", self.path, e)
            self._connection = None


def _is_damage(error: BaseException) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & PRIMARY in DAMAGED or str(error) == NO_FORMAT
