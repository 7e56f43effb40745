"""Latched interlocks on disk, so that they outlive a restart; whoever latches never waits for the disk."""

import asyncio
import logging

from trackerdcs.domain.errors import StoreFault
from trackerdcs.ports import CommandLog

PATIENCE = 2.0
"""Seconds that the disk may take at the start, and at the end."""
RETRY = 5.0
"""Seconds until a disk that failed is tried again."""

log = logging.getLogger(__name__)


class Latches:
    """The cause by the name of what is latched. `fault` says why the disk does not have them all."""

    def __init__(self, store: CommandLog) -> None:
        self._store = store
        self._dirty: dict[str, str | None] = {}
        self._wake = asyncio.Event()
        self.fault: str | None = None

    async def recall(self) -> dict[str, str]:
        """What was latched before the restart; nothing if the disk does not say it in time."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.to_thread(self._store.latches)
        except (StoreFault, TimeoutError) as e:
            self.fault = f"latches of an earlier start are forgotten: {str(e) or 'the disk does not answer'}"
            log.error("%s", self.fault)  # noqa: TRY400 foreseen
            return {}

    def put(self, name: str, cause: str | None) -> None:
        """Latch, or with None unlatch."""
        self._dirty[name] = cause
        self._wake.set()

    async def run(self) -> None:
        """Write, for ever."""
        while True:
            await self._wake.wait()
            if not await self.write():
                await asyncio.sleep(RETRY)
                self._wake.set()

    async def write(self) -> bool:
        """Write what is not on disk yet; False if the disk does not take it."""
        self._wake.clear()
        while self._dirty:
            name, cause = next(iter(self._dirty.items()))
            try:
                await asyncio.to_thread(self._store.latch, name, cause)
            except StoreFault as e:
                if self.fault is None:
                    log.error("%s: latched in memory only: %s", name, e)  # noqa: TRY400 foreseen
                self.fault = f"latches are in memory only: {e}"
                return False
            if self._dirty.get(name, "") == cause:
                del self._dirty[name]
        self.fault = None
        return True
