"""Tells the gap record what became of frames, before anybody is told that they are safe."""

import asyncio
import logging
from collections.abc import Sequence

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain.gaps import Piece, merged
from trackerdcs.ports import GapRecord

WAITING = 10_000
"""Pieces that wait in memory while the record cannot be written; what does not fit will show as missing."""

log = logging.getLogger(__name__)


class GapKeeper:
    """A record that fails never holds frames back: it may then show as missing what is stored, never the reverse."""

    def __init__(self, record: GapRecord) -> None:
        self._record = record
        self._waiting: list[Piece] = []
        self._lock = asyncio.Lock()
        self._edge = EdgeLog(log)
        self._trouble: str | None = None

    async def note(self, pieces: Sequence[Piece]) -> None:
        """Return when they are durable, or wait in memory because they cannot be; what waits is tried again here."""
        async with self._lock:
            self._waiting = merged([*self._waiting, *pieces])
            if not self._waiting:
                return
            try:
                await asyncio.to_thread(self._record.add, self._waiting)
            except Exception as e:  # noqa: BLE001 a StoreFault or a bug: frames are stored on either way
                del self._waiting[WAITING:]
                self._trouble = f"gap record: {e}"
                self._edge.fail("gaps", f"the gap record fails, frames are stored on: {type(e).__name__}: {e}")
            else:
                self._waiting, self._trouble = [], None
                self._edge.ok("gaps", "the gap record is written again")

    def remark(self) -> str | None:
        """What is wrong with the record now, or was with its file since the start."""
        aside = self._record.aside
        return self._trouble or (f"gap record: a damaged file was set aside as {aside}" if aside else None)
