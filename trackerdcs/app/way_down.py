"""Brings one channel down, whatever comes in between: the safe direction is never given up because of the link."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from trackerdcs.app.channel_status import ChannelStatus, Reading
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.mover import Mover
from trackerdcs.app.recorder import Account, on_account_of
from trackerdcs.app.worker import Priority
from trackerdcs.domain.errors import LinkError, TrackerError

RETRY = 0.5
"""Seconds between two tries to bring a channel down over a link that has a fault."""

log = logging.getLogger(__name__)

Report = Callable[[str, str, str], None]
Way = Callable[[], Awaitable[Reading]]


class WayDown:
    """`report(event, ch, why)` says what happens of its own accord, `hurry()` asks for the link after a fault."""

    def __init__(self, ch: str, status: ChannelStatus, mover: Mover, report: Report, hurry: Callable[[], None]) -> None:
        self._ch, self._status, self._mover = ch, status, mover
        self._report, self._hurry = report, hurry
        self._task: asyncio.Task[None] | None = None
        self._owed: set[Way] = set()

    @property
    def owed(self) -> bool:
        """True while a way down waits for the link, or while the fastest one is under way: nothing may end it."""
        return bool(self._owed)

    @property
    def under_way(self) -> bool:
        """True while the channel comes down of its own accord."""
        return self._task is not None and not self._task.done()

    async def ended(self, patience: float) -> bool:
        """Wait at most so many s until the channel has come down of its own accord; False if it has not."""
        if self._task is None:
            return True
        return bool((await asyncio.wait({self._task}, timeout=patience))[0])

    async def off(self) -> Reading:
        """Voltage down, then the switch. Goes on when the link is back after a fault."""
        return await self._to_off(lambda: self._mover.come_down(Priority.DOWN))

    async def emergency_off(self) -> Reading:
        """The fastest way there is, at any voltage."""

        async def switch() -> Reading:
            return await self._mover.emergency_off(Priority.KILL)

        self._owed.add(switch)  # from its first moment: what is slower must not take its place
        return await self._to_off(switch)

    def give_up(self) -> None:
        """Somebody else brings the channel down."""
        if self._task is not None:
            self._task.cancel()

    def trip(self, why: str) -> None:
        """Latch a cause and come down."""
        self._status.cause, self._status.target = why, None
        self._status.happens("trip")
        self._report("trip", self._ch, why)
        self.begin()

    def begin(self) -> None:
        """Come down without anybody's command."""
        self._soon(self._come_down())

    def step_back(self, v: float) -> None:
        """Back to a lower voltage (V), without anybody's command."""
        self._soon(self._step_back(v))

    async def _to_off(self, way: Way) -> Reading:
        self._status.target = None
        with self._status.ours():
            self._status.happens("fall")
            now = await self._insist(way)
            self._status.happens("found_off")
            return self._status.agree(now)

    async def _insist(self, attempt: Way) -> Reading:
        """Tried again until the instrument has answered."""
        edge = EdgeLog(log)
        try:
            while True:
                try:
                    return await attempt()
                except LinkError as e:
                    edge.fail("link", f"{self._ch}: it goes down when the link is back: {e}")
                    self._owed.add(attempt)
                    self._hurry()
                    await asyncio.sleep(RETRY)
        finally:
            self._owed.discard(attempt)

    def _soon(self, way_down: Coroutine[Any, Any, None]) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(way_down)

    async def _come_down(self) -> None:
        on_account_of(Account(cause=self._status.cause or "compensation"))
        try:
            await self.off()
        except Exception as e:  # whatever it is, nobody else would hear of it
            log.exception("%s: on the way down", self._ch)
            self._report("trip", self._ch, f"it does not come down: {type(e).__name__}: {e}")

    async def _step_back(self, v: float) -> None:
        on_account_of(Account(cause="compensation"))
        try:
            with self._status.ours():
                self._status.agree(await self._insist(lambda: self._mover.set(Priority.DOWN, v)))
            self._status.happens("stopped")
        except TrackerError as e:
            self._report("compensation", self._ch, f"it could not be undone: {e}")
