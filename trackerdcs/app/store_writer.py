"""Writes messages to a time series so that one that it does not take never stops the others."""

from collections.abc import Callable, Sequence

from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.series import Point, RejectedPoint
from trackerdcs.ports import TimeSeries

Causes = dict[int, str]
"""Why messages cannot be stored, by their place in the batch."""


class StoreWriter:
    """Of a time series."""

    def __init__(self, series: TimeSeries) -> None:
        self._series = series

    async def write(self, points: Sequence[Point], each: Callable[[], dict[int, Sequence[Point]]]) -> Causes:
        """Write all; afterwards each message is in the database or has a cause. `each` tells whose points they are."""
        if not points:
            return {}
        try:
            rejected = await self._series.write(points)
        except StoreDown:
            raise
        except Exception:
            messages = each()
            if len(messages) == 1:
                raise
            return await self._write_each(messages)
        return _causes(rejected, each()) if rejected else {}

    async def _write_each(self, messages: dict[int, Sequence[Point]]) -> Causes:
        """A message defeats the store: let it not block the others. If all do, the store is to blame."""
        causes: Causes = {}
        defeats: dict[int, Exception] = {}
        for place, points in messages.items():
            try:
                causes |= _causes(await self._series.write(points), {place: points})
            except StoreDown:
                raise
            except Exception as e:  # noqa: BLE001 judged below
                defeats[place] = e
        if len(defeats) == len(messages):
            raise next(iter(defeats.values()))
        return causes | {place: f"{type(defeat).__name__}: {defeat}" for place, defeat in defeats.items()}


def _causes(rejected: Sequence[RejectedPoint], messages: dict[int, Sequence[Point]]) -> Causes:
    whys = {_key(r.point): r.why for r in rejected}
    causes = {}
    for place, points in messages.items():
        why = next((whys[key] for point in points if (key := _key(point)) in whys), None)
        if why is not None:
            causes[place] = why
    return causes


def _key(point: Point) -> tuple[str, tuple[tuple[str, str], ...], int]:
    return point.measurement, point.tags, point.ts
