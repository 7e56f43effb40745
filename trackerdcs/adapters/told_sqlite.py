"""Who was told of what, and what waits to be sent: one SQLite file over restarts."""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.notice import Key, Notice
from trackerdcs.domain.notifying import Episode
from trackerdcs.ports_notify import EarlierNews

log = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS episodes (alarm TEXT PRIMARY KEY, episode TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notices (
    address TEXT, alarm TEXT, episode INTEGER, news TEXT, notice TEXT NOT NULL,
    PRIMARY KEY (address, alarm, episode, news)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shift (one INTEGER PRIMARY KEY CHECK (one = 1), people TEXT NOT NULL);
"""


class SqliteTold:
    """ports_notify.Told."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA)

    def recall(self) -> EarlierNews:
        with self._file.transaction() as db:
            episodes = db.execute("SELECT episode FROM episodes").fetchall()
            notices = db.execute("SELECT notice FROM notices").fetchall()
            shift = db.execute("SELECT people FROM shift").fetchone()
        if self._file.replaced is not None:
            raise StoreFault(self._file.replaced)
        return EarlierNews(
            [each for (text,) in episodes if (each := self._read(Episode, text))],
            [each for (text,) in notices if (each := self._read(Notice, text))],
            None if shift is None else json.loads(shift[0]),
        )

    def note(self, episodes: Mapping[str, Episode], notices: Sequence[Notice], sent: Collection[Key]) -> None:
        with self._file.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO episodes VALUES (?, ?)",
                [(name, json.dumps(asdict(episode))) for name, episode in episodes.items()],
            )
            db.executemany(
                "INSERT OR REPLACE INTO notices VALUES (?, ?, ?, ?, ?)",
                [(*notice.key, json.dumps(asdict(notice))) for notice in notices],
            )
            db.executemany("DELETE FROM notices WHERE address = ? AND alarm = ? AND episode = ? AND news = ?", sent)

    def put_on_shift(self, people: Sequence[str]) -> None:
        with self._file.transaction() as db:
            db.execute("INSERT OR REPLACE INTO shift VALUES (1, ?)", (json.dumps(list(people)),))

    def close(self) -> None:
        self._file.close()

    def _read(self, kind: Any, text: str) -> Any:
        try:
            data = json.loads(text)
            return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in data.items()})
        except (ValueError, TypeError, AttributeError) as e:  # written by a newer version: no reason not to start
            log.error("%s: a line is not readable: %s", self._file.path, e)  # noqa: TRY400 foreseen
            return None
