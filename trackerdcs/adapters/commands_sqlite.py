"""What became of each command and which module is on which channel, in one SQLite file that outlives restarts."""

from pathlib import Path

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.errors import ContractError, StoreFault
from trackerdcs.domain.messages import FINAL, Ack

SCHEMA = """
CREATE TABLE IF NOT EXISTS acks (
    user TEXT NOT NULL, id TEXT NOT NULL, final INTEGER NOT NULL, ack BLOB NOT NULL, PRIMARY KEY (user, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unfinished_acks ON acks (final) WHERE final = 0;
CREATE TABLE IF NOT EXISTS bindings (channel TEXT PRIMARY KEY, module TEXT) WITHOUT ROWID;
"""


class SqliteCommandLog:
    """ports.CommandLog: the last ack of each user's command ids, and the bindings of modules to channels."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA)

    def find(self, user: str, id: str) -> Ack | None:
        with self._file.transaction() as db:
            row = db.execute("SELECT ack FROM acks WHERE user = ? AND id = ?", (user, id)).fetchone()
        return None if row is None else self._read(row[0])

    def record(self, *acks: Ack) -> None:
        rows = [(ack.user, ack.id, ack.state in FINAL, encode(ack)) for ack in acks]
        with self._file.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO acks (user, id, final, ack) VALUES (?, ?, ?, ?)", rows)

    def unfinished(self) -> list[Ack]:
        with self._file.transaction() as db:
            rows = db.execute("SELECT ack FROM acks WHERE final = 0").fetchall()
        return [self._read(row[0]) for row in rows]

    def bindings(self) -> dict[str, str | None]:
        with self._file.transaction() as db:
            return dict(db.execute("SELECT channel, module FROM bindings").fetchall())

    def bind(self, channel: str, module: str | None) -> None:
        with self._file.transaction() as db:
            db.execute("INSERT OR REPLACE INTO bindings VALUES (?, ?)", (channel, module))

    def close(self) -> None:
        self._file.close()

    def _read(self, ack: bytes) -> Ack:
        """A damaged row, or one that a newer version wrote, is a fault of the file and ends no service."""
        try:
            return decode(Ack, ack)
        except ContractError as e:
            raise StoreFault(f"{self._file.path}: {e}") from e
