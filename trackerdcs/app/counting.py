"""Keeps on disk how long the modules were at bias: read at the start, written before it is said."""

import asyncio
import logging
from collections.abc import Mapping

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain.at_bias import AtBias, Count, Key
from trackerdcs.domain.errors import StoreFault
from trackerdcs.ports_derived import Counts

PATIENCE = 2.0
"""Seconds that the disk may take before what was counted is said without it."""

log = logging.getLogger(__name__)


class Counting:
    """What could not be read is not taken for nothing: until it can be, `unknown` says why."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self.at_bias = AtBias()
        self.unknown: str | None = "what was counted before has not been read yet"
        self.fault: str | None = None
        self._reading: asyncio.Future[dict[Key, Count]] | None = None
        self._writing: asyncio.Future[None] | None = None
        self._written: Mapping[Key, Count] = {}
        self._edge = EdgeLog(log)

    @property
    def remark(self) -> str | None:
        """That what was counted before is lost, for people to look at."""
        return f"time at bias is counted anew: {self._counts.replaced}" if self._counts.replaced else None

    async def save(self) -> None:
        """Write what was counted since the last call; nobody waits longer than `PATIENCE` for the disk."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._read()
                await self._write()
        except TimeoutError:
            self._failed("the disk does not answer")
        except StoreFault as e:
            self._failed(str(e))
        else:
            self.fault = None
            self._edge.ok("disk", "time at bias is on disk again")

    async def close(self, patience: float) -> None:
        """Let the disk take what it has been given."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=patience)

    async def _read(self) -> None:
        if self.unknown is None:
            return
        if self._reading is None:
            self._reading = asyncio.ensure_future(asyncio.to_thread(self._counts.recall))
        await asyncio.wait({self._reading})
        reading, self._reading = self._reading, None
        self.at_bias.recall(reading.result())
        self.unknown = None

    async def _write(self) -> None:
        if self._writing is None:
            self._written = self.at_bias.take_new()
            if not self._written:
                return
            self._writing = asyncio.ensure_future(asyncio.to_thread(self._counts.record, self._written))
        await asyncio.wait({self._writing})
        writing, self._writing = self._writing, None
        try:
            writing.result()
        except StoreFault:
            self.at_bias.keep(self._written)
            raise

    def _failed(self, why: str) -> None:
        self.fault = f"time at bias is counted in memory only: {why}"
        if self.unknown is not None:
            self.unknown = f"what was counted before cannot be read: {why}"
        self._edge.fail("disk", self.fault)
