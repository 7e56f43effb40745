"""What every time series must agree on: which points it takes, and how it cuts a window into parts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from trackerdcs.domain.series import Bucket, Point, Selection

MINUTE = 60_000_000_000
"""In ns. Parts of a minute and more consist of whole minutes, so that a roll-up by the minute answers them exactly."""
LAST = 2**62
"""Time stamps are in [0, LAST) ns, from 1970 to 2116: their sums and differences fit every store's integers."""
LARGEST = 1e300
"""Numbers above it would make sums overflow; no instrument means one."""
MOST_PARTS = 100_000
"""Far beyond what a plot can show; more would only be a mistake that costs memory."""

Row = tuple[int, int, float, float, float]
"""A part's index, and count, sum, lowest and highest of some numbers in it."""


def complaint(point: Point) -> str | None:
    """Why no store takes this point, or None. What could not be read back as it was is refused."""
    if type(point.ts) is not int or not 0 <= point.ts < LAST:
        return f"ts {point.ts}: expected ns UTC from 1970 to 2116"
    if not point.fields:
        return "no field"
    if why := _misnamed(point.measurement, point.tags, tuple(point.fields)):
        return why
    fields: Mapping[str, object] = point.fields
    for field, value in fields.items():
        if isinstance(value, str):
            if not _writable(value.replace("\n", "").replace("\t", "")):
                return f"field {field}: {value!r} holds a control character or half a surrogate pair"
        elif not isinstance(value, int | float):
            return f"field {field}: expected a number or a text, got {type(value).__name__}"
        elif not abs(value) <= LARGEST:  # NaN too
            return f"field {field}: {value} is not a finite number up to {LARGEST:g}"
    return None


def type_conflict(point: Point, is_text: dict[tuple[str, str], bool]) -> str | None:
    """Why the types of this point's fields contradict those which `is_text` knows by (measurement, field), or None."""
    for field, value in point.fields.items():
        known = is_text.get((point.measurement, field))
        if known is not None and known != isinstance(value, str):
            old, new = ("text", "number") if known else ("number", "text")
            return f"field type conflict: field {field} of {point.measurement} is a {old}, got a {new}"
    return None


@dataclass(frozen=True)
class Parts:
    """A window [start, stop) in `count` parts of `width` from `origin` on; the outer ones reach to its ends."""

    start: int
    stop: int
    origin: int
    width: int
    count: int

    def index(self, ts: int) -> int:
        """The part of a time stamp inside the window."""
        return min(max((ts - self.origin) // self.width, 0), self.count - 1)


def window(selection: Selection) -> tuple[int, int]:
    """Start and stop of the selection, cut to what a store can hold."""
    return max(selection.start, 0), min(selection.stop, LAST)


def cut(selection: Selection, number: int) -> Parts | None:
    """The window in at most `number` parts of equal length; None where it is empty.

    A length below a minute is rounded up to the next ns, and the parts begin at the window's start. A longer one is
    rounded up to whole minutes, and the parts begin on whole minutes; the odd seconds at the window's two ends belong
    to the first and the last part.
    """
    if not 1 <= number <= MOST_PARTS:
        raise ValueError(f"a window has 1 to {MOST_PARTS} parts, got {number}")
    start, stop = window(selection)
    if start >= stop:
        return None
    width = _ratio_up(stop - start, number)
    if width < MINUTE:
        return Parts(start, stop, start, width, _ratio_up(stop - start, width))
    first, behind = _ratio_up(start, MINUTE), stop // MINUTE
    width = max(_ratio_up(behind - first, number), 1)
    return Parts(start, stop, first * MINUTE, width * MINUTE, max(_ratio_up(behind - first, width), 1))


def buckets_of(parts: Parts, rows: Iterable[Row]) -> list[Bucket]:
    """The buckets of rows that may meet in a part, in the order of time."""
    found = list(rows)
    if any(before[0] >= row[0] for before, row in pairwise(found)):
        found = _merged(found)
    buckets = []
    origin, width, last = parts.origin, parts.width, parts.count - 1
    for i, count, total, low, high in found:
        start = origin + i * width if i else parts.start
        stop = origin + (i + 1) * width if i < last else parts.stop
        mean = total / count
        if not low <= mean <= high:  # by rounding only
            mean = low if mean < low else high
        buckets.append(Bucket(start, stop, count, mean, low, high))
    return buckets


def _merged(rows: Iterable[Row]) -> list[Row]:
    """One row a part, in order."""
    merged: dict[int, Row] = {}
    for row in rows:
        old = merged.get(row[0])
        if old is not None:
            row = (row[0], old[1] + row[1], old[2] + row[2], min(old[3], row[3]), max(old[4], row[4]))
        merged[row[0]] = row
    return [merged[i] for i in sorted(merged)]


@lru_cache(maxsize=10_000)  # the same few series come again and again
def _misnamed(measurement: str, tags: tuple[tuple[str, str], ...], fields: tuple[str, ...]) -> str | None:
    texts = dict(tags)
    if len(texts) != len(tags):
        return "a tag is given twice"
    for what, names in (("measurement", [measurement]), ("tag", list(texts)), ("field", list(fields))):
        for name in names:
            if name.startswith(("_", "#")) or name == "time" or not _plain(name):
                return f"{what} {name!r}: not a name"
    for key, text in texts.items():
        if not _plain(text):
            return f"tag {key}: {text!r} is empty or holds a control character or a backslash"
    return None


def _ratio_up(length: int, by: int) -> int:
    return -(-length // by)


def _plain(text: str) -> bool:
    """Line protocol has no sure way to write the others."""
    return bool(text) and "\\" not in text and _writable(text)


def _writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return min(text, default=" ") >= " "
