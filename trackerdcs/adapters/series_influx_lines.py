"""Points as line protocol: one by one as it is meant, and thousands of them at once."""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from trackerdcs.domain.series import FieldValue, Point, RejectedPoint
from trackerdcs.domain.storing import LAST, complaint

ESCAPES = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\="})
MEASUREMENT_ESCAPES = str.maketrans({",": "\\,", " ": "\\ "})
TEXT_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\"})
SERIES, SHAPES = 20_000, 100
"""Tuples of tags that are remembered, and shapes of points for each; beyond it they are forgotten."""
PLAIN = {float, int, str}
ODD = (b"\\", b"null", b"true", b"false", b"e30")
"""In the JSON of values: a text with an escape, no number at all, a truth, a number that may be too large."""
Tags = tuple[tuple[str, str], ...]
Shape = tuple[str, ...]
"""Measurement and names of fields."""

_encode = msgspec.json.Encoder().encode


def line(point: Point) -> str:
    """A point that `complaint` lets pass, in line protocol with ns."""
    fields = ",".join(f"{_escaped(name)}={_value(value)}" for name, value in point.fields.items())
    return f"{_head(point.measurement, point.tags)} {fields} {point.ts}"


class Lines:
    """Makes the lines of many points. A call may overlap another one in a second thread.

    JSON writes numbers and plain texts as line protocol does. So all values of a batch are written as one JSON list,
    which costs a tenth of as many calls of `repr`, and put into one text that has a place for each. That text is made
    of what `line` made of points of the same series and fields before, which `complaint` had let pass; whatever is
    not like those before is left to these two.
    """

    def __init__(self) -> None:
        self._near: dict[int, tuple[Tags, dict[Shape, str | None]]] = {}
        """By the identity of the tags, which are kept alive here: hashing them costs more than all else. None: points
        of this shape have values that JSON writes otherwise."""

    def body(self, points: Sequence[Point]) -> tuple[str, list[RejectedPoint]]:
        """The lines of all points that are not rejected, in any order."""
        near, values, texts, odd = self._near, list[object](), list[str](), list[Point]()
        for point in points:
            measurement, tags, ts, fields = point
            known = near.get(id(tags))
            text = known[1].get((measurement, *fields)) if known is not None else None
            if text is None or not 0 <= ts < LAST:
                odd.append(point)
                continue
            texts.append(text)
            values += fields.values()
            values.append(ts)
        filled = _filled(texts, values)
        if filled is None:  # one of them is not like those before
            odd, filled = list(points), ""
        lines, rejected = self.each(odd)
        return "\n".join(filter(None, (filled, *lines))), rejected

    def each(self, points: Sequence[Point]) -> tuple[list[str], list[RejectedPoint]]:
        """The lines of all points that are not rejected, one by one in their order; `body` learns from it."""
        lines: list[str] = []
        rejected: list[RejectedPoint] = []
        for point in points:
            if why := complaint(point):
                rejected.append(RejectedPoint(point, why))
            else:
                lines.append(line(point))
                self._learn(point)
        return lines, rejected

    def _learn(self, point: Point) -> None:
        if len(self._near) >= SERIES and id(point.tags) not in self._near:
            self._near.clear()
        _, shapes = self._near.setdefault(id(point.tags), (point.tags, {}))
        shape = (point.measurement, *point.fields)
        if len(shapes) >= SHAPES and shape not in shapes:
            shapes.clear()
        plain = all(type(v) is float or (type(v) is str and _is_plain(v)) for v in point.fields.values())
        if not plain or shapes.get(shape, "") is None:
            shapes[shape] = None
        else:
            fields = ",".join(f"{_escaped(name).replace('%', '%%')}=%s" for name in point.fields)
            shapes[shape] = f"{_head(point.measurement, point.tags).replace('%', '%%')} {fields} %s"


def _filled(texts: list[str], values: list[object]) -> str | None:
    """Texts with all values in their places; None where one of them cannot be written like this."""
    if not values:
        return ""
    types = list(map(type, values))
    if not {*types} <= PLAIN or types.count(int) != len(texts):  # no integer but the times, which have a bound
        return None
    try:
        written = _encode(values)
    except (OverflowError, UnicodeEncodeError):
        return None
    if any(part in written for part in ODD):
        return None
    parts = written[1:-1].decode().split(",")
    return "\n".join(texts) % tuple(parts) if len(parts) == len(values) else None


def _is_plain(text: str) -> bool:
    return text.isprintable() and not {'"', "\\", ","} & {*text}


@lru_cache(maxsize=10_000)
def _head(measurement: str, tags: Tags) -> str:
    texts = [f"{_escaped(key)}={_escaped(value)}" for key, value in sorted(tags)]
    return ",".join([measurement.translate(MEASUREMENT_ESCAPES), *texts])


@lru_cache(maxsize=10_000)
def _escaped(text: str) -> str:
    return text.translate(ESCAPES)


def _value(value: FieldValue) -> str:
    return f'"{value.translate(TEXT_ESCAPES)}"' if isinstance(value, str) else repr(float(value))
