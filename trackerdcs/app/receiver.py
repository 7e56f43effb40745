"""From the broker into the spool: nothing is acknowledged before it is durable, nor taken before there is room."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial

from trackerdcs.app.backlog import TIDY_S, Backlog
from trackerdcs.app.backoff import Backoff
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.tally import Tally
from trackerdcs.domain.errors import StoreFault
from trackerdcs.ports import Inlet

LINGER_S = 0.1
"""Seconds that messages are collected before a commit to disk: ten commits a second, however many messages come."""
ROOM_S = 0.2
"""Seconds between two looks whether a full spool has room again."""

TROUBLE = {
    "spool": "nothing is taken from the broker, which keeps it",
    "tidy": "what is stored cannot leave the spool",
}

log = logging.getLogger(__name__)


class Receiver:
    """Fills the backlog of one loader."""

    def __init__(self, inlet: Inlet, backlog: Backlog, tally: Tally, retry: Backoff, linger: float = LINGER_S) -> None:
        self._inlet, self._backlog, self._tally = inlet, backlog, tally
        self._retry, self._linger = retry, linger
        self._edge = EdgeLog(log)
        self._faults: dict[str, str] = {}
        """By what is waited for: what succeeds beside it says nothing about it."""
        self.gulps = 0
        """How often something has come."""
        self.idle = False
        """The spool of the last start is known, and nothing is in hand that is not acknowledged."""

    @property
    def fault(self) -> str | None:
        """Why nothing is taken from the broker, or None."""
        return next(iter(self._faults.values()), None) or self._inlet.fault

    async def recall(self) -> None:
        """Go on with what the last start has left in the spool."""
        await self._done(self._backlog.recall)
        self.idle = True

    async def run(self) -> None:
        """Take what comes, for ever."""
        while True:
            gulp = await self._inlet.gulp(self._linger)
            self.gulps += 1
            self.idle = False
            await self._done(partial(self._backlog.add, gulp.arrivals))
            gulp.acknowledge()
            self.idle = True
            self._tally.received += len(gulp.arrivals)
            await self._room()

    async def tidy(self) -> None:
        """Keep the spool small while little comes, for ever."""
        while True:
            await asyncio.sleep(TIDY_S)
            if "spool" not in self._faults:  # else the next batch takes along what is done
                await self._tried("tidy", self._backlog.tidy)

    async def _done(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        while True:
            if await self._tried("spool", work):
                self._retry.reset()
                return
            await asyncio.sleep(self._retry.next())

    async def _tried(self, edge: str, work: Callable[[], Coroutine[None, None, None]]) -> bool:
        try:
            await work()
        except StoreFault as e:
            self._faults[edge] = f"spool: {e}"
            self._edge.fail(edge, f"{TROUBLE[edge]}: spool: {e}")
            return False
        self._faults.pop(edge, None)
        self._edge.ok(edge, "the spool takes messages again")
        return True

    async def _room(self) -> None:
        full = f"spool: full with {self._backlog.waiting} messages that the store has not taken"
        while self._backlog.full:  # said as it was when it became full: a new status for each message less helps nobody
            self._faults["room"] = full
            self._edge.fail("room", f"{TROUBLE['spool']}: {full}")
            await asyncio.sleep(ROOM_S)
        self._faults.pop("room", None)
        self._edge.ok("room", "the spool has room again")
