"""Points as line protocol: one by one as it is meant, and many of them fast."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from trackerdcs.domain.known_series import KnownSeries
from trackerdcs.domain.series import FieldValue, Point, RejectedPoint
from trackerdcs.domain.storing import LARGEST, LAST, complaint

ESCAPES = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\="})
MEASUREMENT_ESCAPES = str.maketrans({",": "\\,", " ": "\\ "})
TEXT_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\"})
NAMES, VALUES = 1000, 2000
"""Names of fields, and values of each, whose text is remembered; beyond it they are forgotten."""
DIGITS, LETTERS = 10, 200
"""What is remembered is no longer: instruments round, so short numbers come again, and long ones never do."""


def line(point: Point) -> str:
    """A point that `complaint` lets pass, in line protocol with ns."""
    fields = ",".join(f"{_escaped(name)}={_value(value)}" for name, value in point.fields.items())
    return f"{_head(point.measurement, point.tags)} {fields} {point.ts}"


class Lines:
    """Makes the lines of many points: `complaint` and `line` in one pass, by what these two have let pass before.

    In doubt they are asked. A call may overlap another one in a second thread.
    """

    def __init__(self) -> None:
        self._heads: KnownSeries[str] = KnownSeries()
        self._begins: dict[str, str] = {}
        self._texts: dict[str, dict[FieldValue, str]] = {}

    def of(self, points: Sequence[Point]) -> tuple[list[str], list[RejectedPoint]]:
        """The lines of all points that are not rejected, in their order."""
        lines: list[str] = []
        rejected: list[RejectedPoint] = []
        heads, near, begins, known = self._heads, self._heads.near, self._begins, self._texts
        last: object = lines  # no time stamp yet
        stamp = ""
        for point in points:
            measurement, tags, ts, given = point
            fields: Mapping[str, Any] = given  # values are not trusted
            try:
                found = near.get(id(tags))
                head = found[2] if found is not None and found[1] == measurement else heads.find(measurement, tags)
                if ts is not last:  # the channels of a frame share it
                    if not 0 <= ts < LAST:
                        raise KeyError(ts)
                    last, stamp = ts, f"{ts}"
                parts = []
                for name, value in fields.items():
                    kind = type(value)
                    if kind is float:
                        text = known[name].get(value)
                        if text is None:
                            if not -LARGEST <= value <= LARGEST:
                                raise KeyError(name)
                            text = f"{begins[name]}{value!r}"
                            if value and len(text) - len(name) <= DIGITS:  # 0.0 and -0.0 would be one key
                                _remember(known[name], value, text)
                        parts.append(text)
                    elif kind is str:
                        parts.append(known[name][value])
                    elif kind is bool:
                        parts.append(begins[name] + ("1.0" if value else "0.0"))
                    else:
                        raise KeyError(name)
                if not parts:
                    raise KeyError
                lines.append(f"{head} {','.join(parts)} {stamp}")
            except KeyError:  # not as before
                if why := complaint(point):
                    rejected.append(RejectedPoint(point, why))
                else:
                    lines.append(line(point))
                    self._learn(point)
        return lines, rejected

    def _learn(self, point: Point) -> None:
        self._heads.learn(point.measurement, point.tags, _head(point.measurement, point.tags))
        for name, value in point.fields.items():
            if len(self._texts) >= NAMES and name not in self._texts:
                self._texts.clear()
                self._begins.clear()
            begin = self._begins[name] = f"{_escaped(name)}="
            texts = self._texts.setdefault(name, {})
            if type(value) is str and len(value) <= LETTERS:
                _remember(texts, value, f"{begin}{_value(value)}")


def _remember(texts: dict[FieldValue, str], value: FieldValue, text: str) -> None:
    if len(texts) >= VALUES:
        texts.clear()
    texts[value] = text


@lru_cache(maxsize=10_000)
def _head(measurement: str, tags: tuple[tuple[str, str], ...]) -> str:
    texts = [f"{_escaped(key)}={_escaped(value)}" for key, value in sorted(tags)]
    return ",".join([measurement.translate(MEASUREMENT_ESCAPES), *texts])


@lru_cache(maxsize=10_000)
def _escaped(text: str) -> str:
    return text.translate(ESCAPES)


def _value(value: FieldValue) -> str:
    return f'"{value.translate(TEXT_ESCAPES)}"' if isinstance(value, str) else repr(float(value))
