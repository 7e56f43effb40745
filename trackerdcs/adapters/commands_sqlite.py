"""What became of each command and which module is on which channel, in one SQLite file that outlives restarts."""

from pathlib import Path

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.messages import FINAL, Ack

SCHEMA = """
CREATE TABLE IF NOT EXISTS commands (id TEXT PRIMARY KEY, final INTEGER NOT NULL, ack BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unfinished ON commands (final) WHERE final = 0;
CREATE TABLE IF NOT EXISTS bindings (channel TEXT PRIMARY KEY, module TEXT) WITHOUT ROWID;
"""


class SqliteCommandLog:
    """ports.CommandLog: the last ack of each command id, and the bindings of modules to channels."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA)

    def find(self, id: str) -> Ack | None:
        with self._file.transaction() as db:
            row = db.execute("SELECT ack FROM commands WHERE id = ?", (id,)).fetchone()
        return None if row is None else decode(Ack, row[0])

    def record(self, ack: Ack) -> None:
        row = (ack.id, ack.state in FINAL, encode(ack))
        with self._file.transaction() as db:
            db.execute("INSERT OR REPLACE INTO commands (id, final, ack) VALUES (?, ?, ?)", row)

    def unfinished(self) -> list[Ack]:
        with self._file.transaction() as db:
            rows = db.execute("SELECT ack FROM commands WHERE final = 0").fetchall()
        return [decode(Ack, row[0]) for row in rows]

    def bindings(self) -> dict[str, str | None]:
        with self._file.transaction() as db:
            return dict(db.execute("SELECT channel, module FROM bindings").fetchall())

    def bind(self, channel: str, module: str | None) -> None:
        with self._file.transaction() as db:
            db.execute("INSERT OR REPLACE INTO bindings VALUES (?, ?)", (channel, module))

    def close(self) -> None:
        self._file.close()
