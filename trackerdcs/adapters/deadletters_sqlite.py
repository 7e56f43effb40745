"""Messages that cannot be stored, kept in a SQLite file until a person has looked at them."""

from pathlib import Path

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.codec import plain

SCHEMA = """
CREATE TABLE IF NOT EXISTS letters (
    id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, topic TEXT NOT NULL, why TEXT NOT NULL, payload BLOB NOT NULL
);
"""


class SqliteDeadLetters:
    """ports.DeadLetters; `park` is durable when it returns. To look at them: any SQLite browser, table `letters`."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA)

    def park(self, topic: str, payload: bytes, why: str, ts: int) -> None:
        """Keep a message as it came, with the cause and the time (ns UTC) of parking it."""
        row = (ts, plain(topic), plain(why), payload)
        with self._file.transaction() as db:
            db.execute("INSERT INTO letters (ts, topic, why, payload) VALUES (?, ?, ?, ?)", row)

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
