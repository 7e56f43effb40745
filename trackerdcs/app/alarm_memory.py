"""Keeps alarms over restarts: the loop waits for no disk, and what the disk does not take is tried again."""

import asyncio
import logging
from collections.abc import Mapping

from trackerdcs.app.command_memory import RETRY, START_PATIENCE
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain.alarm import Kept
from trackerdcs.domain.errors import StoreFault
from trackerdcs.ports_alarms import AlarmStore

PATIENCE = 2.0
"""Seconds that a write may take: there may be ten thousand alarms in it."""

log = logging.getLogger(__name__)


class AlarmMemory:
    """The last word on each alarm is written, many alarms in one write."""

    def __init__(self, store: AlarmStore) -> None:
        self._store = store
        self._unsaved: dict[str, Kept | None] = {}
        self._writing: asyncio.Task[None] | None = None
        self._edge = EdgeLog(log)
        self.fault: str | None = None
        """Why alarms are remembered in memory only, for the status."""
        self.remark: str | None = None
        """That what was known before this start is lost, for people to look at."""

    async def recall(self) -> Mapping[str, Kept]:
        """What earlier starts have left; nothing, and a fault, where that cannot be read."""
        try:
            async with asyncio.timeout(START_PATIENCE):
                return await asyncio.to_thread(self._store.recall)
        except (StoreFault, TimeoutError) as e:
            why = str(e) or "the disk does not answer"
            self.remark = (
                f"alarms that were raised, acknowledged and shelved are not known from before this start: {why}"
            )
            self._failed(f"what the last run has left is not readable: {why}")
            return {}

    def note(self, name: str, kept: Kept | None) -> None:
        """Write it down soon; None forgets it."""
        self._unsaved[name] = kept
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def written(self, patience: float = PATIENCE) -> None:
        """Wait until what was noted is on disk, for so many s at most; `fault` says if it is not."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=patience)

    async def close(self, patience: float) -> None:
        """Let the disk take the last ones for so many s, and try no longer."""
        await self.written(patience)
        if self._writing is not None:
            self._writing.cancel()

    async def _write(self) -> None:
        while self._unsaved:
            batch, self._unsaved = self._unsaved, {}
            writing = asyncio.ensure_future(asyncio.to_thread(self._store.keep, batch))
            if not (await asyncio.wait({writing}, timeout=PATIENCE))[0]:
                self._failed("the disk does not answer")
            try:
                await writing
            except StoreFault as e:
                self._unsaved = batch | self._unsaved
                self._failed(str(e))
                await asyncio.sleep(RETRY)
        self.fault = None
        self._edge.ok("disk", "alarms are on disk again")

    def _failed(self, why: str) -> None:
        self.fault = f"alarms are remembered in memory only: {why}"
        self._edge.fail("disk", self.fault)
