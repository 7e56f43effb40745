"""What became of each command, modules, trips and ways down not at their end: one SQLite file over restarts."""

import logging
from pathlib import Path

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.channel import Intent, Intents
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.errors import ContractError, StoreFault
from trackerdcs.domain.messages import FINAL, Ack

log = logging.getLogger(__name__)

KEPT = 100_000
"""Acks kept on disk; an unfinished one is kept in any case."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS last_acks (
    n INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, id TEXT NOT NULL,
    final INTEGER NOT NULL, ack BLOB NOT NULL, UNIQUE (user, id)
);
CREATE INDEX IF NOT EXISTS unfinished_acks ON last_acks (n) WHERE final = 0;
CREATE TABLE IF NOT EXISTS bindings (channel TEXT PRIMARY KEY, module TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS latches (channel TEXT PRIMARY KEY, cause TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intents (channel TEXT PRIMARY KEY, intent TEXT NOT NULL, cause TEXT) WITHOUT ROWID;
"""


class SqliteCommandLog:
    """ports.CommandLog: the last ack of each user's command ids, and what else a device service knows again."""

    def __init__(self, path: Path, kept: int = KEPT) -> None:
        self._file, self._kept = SqliteFile(path, SCHEMA), kept

    def recall(self, newest: int) -> list[Ack]:
        with self._file.transaction() as db:
            rows = db.execute(
                "SELECT ack FROM last_acks WHERE final = 0 OR n > (SELECT max(n) FROM last_acks) - ? ORDER BY n",
                (newest,),
            ).fetchall()
        return [ack for row in rows if (ack := self._read(row[0]))]

    def record(self, *acks: Ack) -> None:
        rows = [(ack.user, ack.id, ack.state in FINAL, encode(ack)) for ack in acks]
        with self._file.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO last_acks (user, id, final, ack) VALUES (?, ?, ?, ?)", rows)
            db.execute(
                "DELETE FROM last_acks WHERE n <= (SELECT max(n) FROM last_acks) - ? AND final = 1", (self._kept,)
            )

    def bindings(self) -> dict[str, str | None]:
        with self._file.transaction() as db:
            return dict(db.execute("SELECT channel, module FROM bindings").fetchall())

    def bind(self, channel: str, module: str | None) -> None:
        with self._file.transaction() as db:
            db.execute("INSERT OR REPLACE INTO bindings VALUES (?, ?)", (channel, module))

    def latches(self) -> dict[str, str]:
        with self._file.transaction() as db:
            found = dict(db.execute("SELECT channel, cause FROM latches").fetchall())
        if self._file.replaced is not None:  # none in a file begun anew is not the same as none
            raise StoreFault(self._file.replaced)
        return found

    def latch(self, channel: str, cause: str | None) -> None:
        with self._file.transaction() as db:
            db.execute("DELETE FROM latches WHERE channel = ?", (channel,))
            if cause is not None:
                db.execute("INSERT INTO latches VALUES (?, ?)", (channel, cause))

    def intents(self) -> Intents:
        with self._file.transaction() as db:
            rows = db.execute("SELECT channel, intent, cause FROM intents").fetchall()
        return {channel: (intent, cause) for channel, intent, cause in rows}

    def intend(self, channel: str, intent: Intent | None, cause: str | None) -> None:
        with self._file.transaction() as db:
            db.execute("DELETE FROM intents WHERE channel = ?", (channel,))
            if intent is not None:
                db.execute("INSERT INTO intents VALUES (?, ?, ?)", (channel, intent, cause))

    def close(self) -> None:
        self._file.close()

    def _read(self, ack: bytes) -> Ack | None:
        try:
            return decode(Ack, ack)
        except ContractError as e:  # damaged, or written by a newer version: no reason to know nothing, or not to start
            log.error("%s: an ack is not readable: %s", self._file.path, e)  # noqa: TRY400 foreseen
            return None
