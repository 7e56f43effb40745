"""Writes points into an open SQLite time series: numbers, texts, and the roll-up by the minute."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from trackerdcs.domain.known_series import KnownSeries
from trackerdcs.domain.series import Point, RejectedPoint
from trackerdcs.domain.storing import LARGEST, LAST, MINUTE, complaint, type_conflict

Number = tuple[int, int, float]
Text = tuple[int, int, str]
NUMBER = "INSERT OR REPLACE INTO number VALUES (?, ?, ?)"
TOGETHER = 20
"""Numbers in one statement: half the time of one by one."""
NUMBERS = NUMBER + ", (?, ?, ?)" * (TOGETHER - 1)
TEXT = "INSERT OR REPLACE INTO text VALUES (?, ?, ?)"
ROLL_UP = """INSERT {} INTO minute SELECT ?1, ?2, count(*), sum(value), min(value), max(value) FROM number
    WHERE series = ?1 AND ts >= ?3 AND ts < ?4"""
ANEW = ROLL_UP.format("OR REPLACE")
GROWN = f"""{ROLL_UP.format("")} ON CONFLICT DO UPDATE SET count = count + excluded.count,
    total = total + excluded.total, low = min(low, excluded.low), high = max(high, excluded.high)"""
TEXTS, LETTERS = 10_000, 200
"""Texts that are known to be storable, and how long one of them may be."""


@dataclass(frozen=True)
class Quantities:
    """The series' numbers of what has one measurement and one set of tags."""

    numbers: dict[str, int] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)


class PointWriter:
    """What is known of the series in an open file. After a rollback it knows what is not there: make a new one."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._series: KnownSeries[Quantities] = KnownSeries()
        self._is_text: dict[tuple[str, str], bool] = {}
        self._texts: set[str] = set()
        self._newest: dict[int, int] = {}
        self._version = 0

    def write(self, points: Sequence[Point]) -> list[RejectedPoint]:
        """Within a transaction that holds the write lock; with the points that are never taken."""
        rejected: list[RejectedPoint] = []
        numbers: list[Number] = []
        texts: list[Text] = []
        series, near, plain = self._series, self._series.near, self._texts
        for point in points:
            measurement, tags, ts, given = point
            fields: Mapping[str, Any] = given  # values are not trusted
            before = len(numbers), len(texts)
            try:
                found = near.get(id(tags))
                known = found[2] if found is not None and found[1] == measurement else series.find(measurement, tags)
                if type(ts) is not int or not 0 <= ts < LAST or not fields:
                    raise KeyError(ts)
                for quantity, value in fields.items():
                    kind = type(value)
                    if kind is float and -LARGEST <= value <= LARGEST:
                        numbers.append((known.numbers[quantity], ts, value))
                    elif kind is bool:
                        numbers.append((known.numbers[quantity], ts, float(value)))
                    elif value in plain:
                        texts.append((known.texts[quantity], ts, value))
                    else:
                        raise KeyError(quantity)
            except (KeyError, TypeError):  # not what has been stored before: the slow way decides
                del numbers[before[0] :], texts[before[1] :]
                if why := complaint(point) or self._conflict(point):
                    rejected.append(RejectedPoint(point, why))
                else:
                    self._add(point, numbers, texts)
        self._store(numbers, texts)
        return rejected

    def _conflict(self, point: Point) -> str | None:
        for quantity in point.fields:
            if (point.measurement, quantity) not in self._is_text:
                where = "WHERE measurement = ? AND quantity = ? LIMIT 1"
                row = self._db.execute(f"SELECT is_text FROM series {where}", (point.measurement, quantity)).fetchone()
                if row is not None:
                    self._is_text[point.measurement, quantity] = bool(row[0])
        return type_conflict(point, self._is_text)

    def _add(self, point: Point, numbers: list[Number], texts: list[Text]) -> None:
        """A point that is in order; the next one like it goes the fast way."""
        try:
            known = self._series.find(point.measurement, point.tags)
        except KeyError:
            known = Quantities()
            self._series.learn(point.measurement, point.tags, known)
        for quantity, value in point.fields.items():
            mine = known.texts if isinstance(value, str) else known.numbers
            if quantity not in mine:
                mine[quantity] = self._number_of(point, quantity)
            if isinstance(value, str):
                texts.append((mine[quantity], point.ts, value))
                if len(value) <= LETTERS:
                    if len(self._texts) >= TEXTS:
                        self._texts.clear()
                    self._texts.add(value)
            else:
                numbers.append((mine[quantity], point.ts, float(value)))

    def _number_of(self, point: Point, quantity: str) -> int:
        """The series' number, given now if it is new."""
        tags, is_text = dict(sorted(point.tags)), isinstance(point.fields[quantity], str)
        self._is_text[point.measurement, quantity] = is_text
        key = (point.measurement, json.dumps(tags, ensure_ascii=False), quantity)
        where = "WHERE measurement = ? AND tags = ? AND quantity = ?"
        row = self._db.execute(f"SELECT id FROM series {where}", key).fetchone()
        if row is None:
            columns = "measurement, tags, quantity, is_text, stand, device, channel"
            values = (*key, is_text, tags.get("stand"), tags.get("device"), tags.get("channel"))
            row = self._db.execute(
                f"INSERT INTO series ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id", values
            ).fetchone()
        return int(row[0])

    def _store(self, numbers: Iterable[Number], texts: Iterable[Text]) -> None:
        by_series: dict[int, list[Number]] = {}
        for row in numbers:
            mine = by_series.get(row[0])
            if mine is None:
                by_series[row[0]] = [row]
            else:
                mine.append(row)
        roll_up = self._roll_up(by_series)  # before there are new points
        # Series by series a page of the file is written once, not once for each of its points.
        rows = [row for series in sorted(by_series) for row in by_series[series]]
        whole = len(rows) // TOGETHER * TOGETHER
        cells = list(chain.from_iterable(rows[:whole]))
        width = 3 * TOGETHER
        self._db.executemany(NUMBERS, (cells[i : i + width] for i in range(0, len(cells), width)))
        self._db.executemany(NUMBER, rows[whole:])
        self._db.executemany(TEXT, texts)
        for statement, minutes in roll_up:
            self._db.executemany(statement, minutes)

    def _roll_up(self, by_series: dict[int, list[Number]]) -> list[tuple[str, list[tuple[int, int, int, int]]]]:
        """Which minutes to compute: a series whose points are all new only grows.

        Others are computed anew from the stored points, so that replays, overwrites and late points leave them right.
        """
        version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:  # another process has written, and newer points maybe
            self._version = version
            self._newest.clear()
        anew, grown = [], []
        for series, rows in by_series.items():
            times = [ts for _, ts, _ in rows]
            first, newest = min(times), self._newest_of(series)
            minutes = {ts // MINUTE for ts in times}
            if first > newest:
                grown += [(series, m, max(m * MINUTE, first), (m + 1) * MINUTE) for m in minutes]
            else:
                anew += [(series, m, m * MINUTE, (m + 1) * MINUTE) for m in minutes]
            self._newest[series] = max(newest, *times)
        return [(ANEW, anew), (GROWN, grown)]

    def _newest_of(self, series: int) -> int:
        newest = self._newest.get(series)
        if newest is None:
            (newest,) = self._db.execute("SELECT max(ts) FROM number WHERE series = ?", (series,)).fetchone()
        return -1 if newest is None else newest
