"""Writes messages to a time series so that one that it does not take never stops the others."""

from collections.abc import Sequence

from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.intake import Intake
from trackerdcs.domain.series import Point
from trackerdcs.ports import TimeSeries

Causes = dict[int, str]
"""Why messages cannot be stored, by their place in the batch."""


class StoreWriter:
    """Of a time series."""

    def __init__(self, series: TimeSeries) -> None:
        self._series = series

    async def write(self, batch: Sequence[Intake]) -> Causes:
        """Write what has points; afterwards each message is in the database, has a cause, or has nothing to store."""
        causes = {place: intake.why for place, intake in enumerate(batch) if intake.why is not None}
        places = [place for place, intake in enumerate(batch) if intake.points and place not in causes]
        try:
            causes |= await self._write_together(batch, places)
        except StoreDown:
            raise
        except Exception:
            if len(places) == 1:
                raise
            causes |= await self._write_each(batch, places)
        return causes

    async def _write_each(self, batch: Sequence[Intake], places: Sequence[int]) -> Causes:
        """A message defeats the store: let it not block the others. If all do, the store is to blame."""
        causes: Causes = {}
        defeats: dict[int, Exception] = {}
        for place in places:
            try:
                causes |= await self._write_together(batch, [place])
            except StoreDown:
                raise
            except Exception as e:  # noqa: BLE001 judged below
                defeats[place] = e
        if len(defeats) == len(places):
            raise next(iter(defeats.values()))
        return causes | {place: f"{type(defeat).__name__}: {defeat}" for place, defeat in defeats.items()}

    async def _write_together(self, batch: Sequence[Intake], places: Sequence[int]) -> Causes:
        points = [point for place in places for point in batch[place].points]
        rejected = await self._series.write(points) if points else []
        if not rejected:
            return {}
        whys = {_key(r.point): r.why for r in rejected}
        causes = {}
        for place in places:
            why = next((whys[key] for point in batch[place].points if (key := _key(point)) in whys), None)
            if why is not None:
                causes[place] = why
        return causes


def _key(point: Point) -> tuple[str, tuple[tuple[str, str], ...], int]:
    return point.measurement, point.tags, point.ts
