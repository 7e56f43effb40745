"""Calls a watcher elsewhere as long as the alarm system is well: a system that is dead cannot say so itself."""

import asyncio
import logging
from collections.abc import Callable

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.worker import Priority, Worker
from trackerdcs.domain.errors import NotifyFailed
from trackerdcs.ports import Clock
from trackerdcs.ports_notify import Watcher

log = logging.getLogger(__name__)


class Alive:
    """`ill()` says why nobody must be told that all is well, or None."""

    def __init__(self, watcher: Watcher, every: float, ill: Callable[[], str | None], clock: Clock) -> None:
        self.fault: str | None = None
        """Why the watcher was not called last, for the status."""
        self._watcher, self._every, self._ill, self._clock = watcher, every, ill, clock
        self._worker, self._edge = Worker("notify-alive"), EdgeLog(log)

    async def run(self) -> None:
        """Call each period, for ever; one call at a time. What keeps it from calling is looked at each second."""
        due = self._clock.monotonic()
        try:
            while True:
                if (why := self._ill()) is not None:
                    self._failed(f"the watcher is not called: {why}")
                elif self._clock.monotonic() >= due:
                    due = self._clock.monotonic() + self._every
                    try:
                        await self._worker.run(Priority.SET, self._watcher.call)
                    except NotifyFailed as e:
                        self._failed(f"the watcher cannot be called: {e}")
                    else:
                        self.fault = None
                        self._edge.ok("watcher", "the watcher is called again")
                await asyncio.sleep(min(1.0, self._every))
        finally:
            self._worker.stop()

    def _failed(self, why: str) -> None:
        self.fault = why
        self._edge.fail("watcher", why)
