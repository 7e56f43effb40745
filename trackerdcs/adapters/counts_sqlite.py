"""How long each module was at bias: one small SQLite file over restarts."""

from collections.abc import Mapping
from pathlib import Path

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.at_bias import Count, Key

SCHEMA = """
CREATE TABLE IF NOT EXISTS at_bias (
    module TEXT NOT NULL, above REAL NOT NULL, version INTEGER NOT NULL,
    at_bias_ns INTEGER NOT NULL, missed_ns INTEGER NOT NULL, until_ns INTEGER NOT NULL, high INTEGER NOT NULL,
    PRIMARY KEY (module, above, version)
) WITHOUT ROWID;
"""


class SqliteCounts:
    """ports_derived.Counts; what `record` was given is durable when it returns."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA)

    @property
    def replaced(self) -> str | None:
        return self._file.replaced

    def recall(self) -> dict[Key, Count]:
        with self._file.transaction() as db:
            rows = db.execute("SELECT * FROM at_bias").fetchall()
        return {Key(r[0], r[1], r[2]): Count(r[3], r[4], r[5], bool(r[6])) for r in rows}

    def record(self, counts: Mapping[Key, Count]) -> None:
        rows = [(k.module, k.above, k.version, c.at_bias, c.missed, c.until, c.high) for k, c in counts.items()]
        with self._file.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO at_bias VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        self._file.close()
