"""Writes messages to a time series so that one that it does not take never stops the others."""

from collections.abc import Sequence
from dataclasses import dataclass

from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.intake import Intake
from trackerdcs.domain.series import RejectedPoint
from trackerdcs.ports import TimeSeries


@dataclass(eq=False)
class Taken:
    """A message as it was taken in, with the cause why it cannot be stored, as far as one is known."""

    intake: Intake
    why: str | None


class StoreWriter:
    """Of a time series."""

    def __init__(self, series: TimeSeries) -> None:
        self._series = series

    async def write(self, batch: Sequence[Taken]) -> None:
        """Write what has points; afterwards each message is in the database or has a cause to be parked."""
        batch = [taken for taken in batch if taken.intake.points and taken.why is None]
        try:
            await self._write_together(batch)
        except StoreDown:
            raise
        except Exception:
            if len(batch) == 1:
                raise
            await self._write_each(batch)

    async def _write_each(self, batch: Sequence[Taken]) -> None:
        """A message defeats the store: let it not block the others. If all do, the store is to blame."""
        defeats: list[tuple[Taken, Exception]] = []
        for taken in batch:
            try:
                await self._write_together([taken])
            except StoreDown:
                raise
            except Exception as e:  # noqa: BLE001 judged below
                defeats.append((taken, e))
        if len(defeats) == len(batch):
            raise defeats[0][1]
        for taken, defeat in defeats:
            taken.why = f"{type(defeat).__name__}: {defeat}"

    async def _write_together(self, batch: Sequence[Taken]) -> None:
        if not batch:
            return
        rejected = await self._series.write([point for taken in batch for point in taken.intake.points])
        causes = {_key(r): r.why for r in rejected}
        for taken in batch if causes else []:
            taken.why = next(
                (causes[k] for p in taken.intake.points if (k := (p.measurement, p.tags, p.ts)) in causes), None
            )


def _key(rejected: RejectedPoint) -> tuple[str, tuple[tuple[str, str], ...], int]:
    return rejected.point.measurement, rejected.point.tags, rejected.point.ts
