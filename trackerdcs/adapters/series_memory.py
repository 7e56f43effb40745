"""A time series in memory: the reference for the others, and what fast tests store into."""

from collections.abc import Iterator, Sequence

from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.series import Bucket, FieldValue, Point, RejectedPoint, Sample, Selection
from trackerdcs.domain.storing import buckets_of, complaint, cut, type_conflict, window

Series = tuple[str, tuple[tuple[str, str], ...]]


class MemorySeries:
    """Points by series, field and time. `down` makes it unreachable."""

    def __init__(self) -> None:
        self.down: str | None = None
        self._values: dict[Series, dict[str, dict[int, FieldValue]]] = {}
        self._is_text: dict[tuple[str, str], bool] = {}

    async def write(self, points: Sequence[Point]) -> list[RejectedPoint]:
        """Keep the points; those that no store takes come back."""
        self._reach()
        rejected = []
        for point in points:
            if why := complaint(point) or type_conflict(point, self._is_text):
                rejected.append(RejectedPoint(point, why))
                continue
            fields = self._values.setdefault((point.measurement, tuple(sorted(point.tags))), {})
            for field, value in point.fields.items():
                text = isinstance(value, str)
                self._is_text[point.measurement, field] = text
                fields.setdefault(field, {})[point.ts] = value if text else float(value)
        return rejected

    async def samples(self, selection: Selection) -> list[Sample]:
        """What was stored in the window, by time."""
        self._reach()
        return sorted((Sample(ts, value) for ts, value in self._select(selection)), key=lambda sample: sample.ts)

    async def buckets(self, selection: Selection, number: int) -> list[Bucket]:
        """The window in at most `number` parts, see `domain/storing.py`."""
        self._reach()
        parts = cut(selection, number)
        if parts is None:
            return []
        numbers = ((ts, value) for ts, value in self._select(selection) if not isinstance(value, str))
        return buckets_of(parts, ((parts.index(ts), 1, value, value, value) for ts, value in numbers))

    async def many_buckets(self, selections: Sequence[Selection], number: int) -> list[list[Bucket]]:
        """One after the other."""
        return [await self.buckets(selection, number) for selection in selections]

    async def close(self) -> None:
        """Nothing to let go of; the points stay for who looks at them afterwards."""

    def _reach(self) -> None:
        if self.down is not None:
            raise StoreDown(self.down)

    def _select(self, selection: Selection) -> Iterator[tuple[int, FieldValue]]:
        start, stop = window(selection)
        wanted = (selection.stand, selection.device, selection.channel)
        for (_, tags), fields in self._values.items():
            found = dict(tags)
            if (found.get("stand"), found.get("device"), found.get("channel")) == wanted:
                yield from (
                    (ts, value) for ts, value in fields.get(selection.quantity, {}).items() if start <= ts < stop
                )
