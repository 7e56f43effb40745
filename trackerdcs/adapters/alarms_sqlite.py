"""What is known of each alarm in one SQLite file: raised, acknowledged by whom, shelved until when."""

import dataclasses
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.alarm import Kept
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.messages import AlarmState

SCHEMA = "CREATE TABLE IF NOT EXISTS alarms (name TEXT PRIMARY KEY, kept TEXT NOT NULL) WITHOUT ROWID;"
FIELDS = frozenset(field.name for field in dataclasses.fields(Kept))

log = logging.getLogger(__name__)


class SqliteAlarms:
    """ports_alarms.AlarmStore."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA)

    def recall(self) -> dict[str, Kept]:
        with self._file.transaction() as db:
            rows = db.execute("SELECT name, kept FROM alarms").fetchall()
        if self._file.replaced is not None:
            raise StoreFault(self._file.replaced)
        return {name: kept for name, text in rows if (kept := self._read(name, text)) is not None}

    def keep(self, changed: Mapping[str, Kept | None]) -> None:
        gone = [(name,) for name, kept in changed.items() if kept is None]
        rows = [(name, json.dumps(dataclasses.asdict(kept))) for name, kept in changed.items() if kept is not None]
        with self._file.transaction() as db:
            db.executemany("DELETE FROM alarms WHERE name = ?", gone)
            db.executemany("INSERT OR REPLACE INTO alarms VALUES (?, ?)", rows)

    def close(self) -> None:
        self._file.close()

    def _read(self, name: str, text: str) -> Kept | None:
        try:
            found: dict[str, Any] = json.loads(text)
            kept = Kept(**{key: value for key, value in found.items() if key in FIELDS})
            if kept.state not in get_args(AlarmState):
                raise ValueError(f"state {kept.state!r}")
        except (ValueError, TypeError, AttributeError) as e:  # of a newer version, or damaged: the others still count
            log.error("%s: alarm %s is not readable: %s", self._file.path, name, e)  # noqa: TRY400 foreseen
            return None
        return kept
