"""Brings one channel down, whatever comes in between: the safe direction is never given up."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from trackerdcs.app.account import Account, on_account_of
from trackerdcs.app.channel_calls import ChannelCalls
from trackerdcs.app.channel_status import ChannelStatus, Reading
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.mover import Mover, Stuck
from trackerdcs.app.worker import Priority
from trackerdcs.domain.channel import Intent
from trackerdcs.domain.errors import LinkError, TrackerError
from trackerdcs.ports import Clock

DISCHARGE = 60.0
"""Seconds without progress that the voltage may take to fall below v_safe_off while a person waits for it."""
RETRY = 0.5
"""Seconds between two tries to bring a channel down."""
PATIENCE = 10.0
"""Seconds without progress after which a channel that nobody waits for comes down in the fastest way (SAFETY 8)."""

log = logging.getLogger(__name__)

Way = Callable[[], Awaitable[Reading]]


class WayDown:
    """The way down of one channel: asked for by a person, or begun of its own accord."""

    def __init__(self, ch: str, status: ChannelStatus, mover: Mover, clock: Clock, calls: ChannelCalls) -> None:
        self._ch, self._status, self._mover, self._clock = ch, status, mover, clock
        self._report, self._hurry, self._keep = calls.report, calls.hurry, calls.intend
        self._task: asyncio.Task[None] | None = None
        self._steps_back = False
        self._obliged: str | None = None
        """Why it has to be off, until it is or a newer command has been accepted."""
        self._owed: set[Way] = set()
        self._ways = 0
        self._intent: Intent | None = None
        self._holder: str | None = None
        self.why = ""
        """Why it comes down of its own accord."""
        self._edge = EdgeLog(log)

    @property
    def owed(self) -> bool:
        """True while a way down waits for the link, or while the fastest one is under way: nothing may end it."""
        return bool(self._owed)

    @property
    def under_way(self) -> bool:
        """True while the channel comes down of its own accord."""
        return self._task is not None and not self._task.done()

    @property
    def to_off(self) -> bool:
        """True while the channel is on its way to off, whoever has asked for it."""
        return self._ways > 0 or (self.under_way and not self._steps_back)

    async def ended(self, patience: float) -> bool:
        """Wait at most so many s until the channel has come down; False if it has not."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=patience)
        return not self.to_off

    async def off(self) -> Reading:
        """Voltage down, then the switch; goes on when the link is back. Waits for the end of what comes down anyway."""
        if self._task is not None:
            if self._intent in (None, "lease"):  # what it waits for may be no way to off
                self.intend("off")
            await asyncio.wait({self._task})
        return await self._to_off("off", partial(self._insist, lambda: self._mover.come_down(Priority.DOWN, DISCHARGE)))

    async def emergency_off(self) -> Reading:
        """The fastest way there is, at any voltage."""

        async def switch() -> Reading:
            return await self._mover.emergency_off(Priority.KILL)

        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._owed.add(switch)  # from its first moment: what is slower must not take its place
        return await self._to_off("emergency_off", partial(self._insist, switch))

    def give_up(self) -> None:
        """Somebody else brings the channel down."""
        if self._task is not None:
            self._task.cancel()

    def trip(self, why: str) -> None:
        """Latch a cause and come down."""
        self._status.cause, self._status.target = why, None
        self._status.happens("trip")
        self._report("trip", self._ch, why)
        if not self._ways:
            self.begin(why)

    def begin(self, why: str, fastest: bool = False) -> None:
        """Come down without anybody's command."""
        self.why = self._obliged = why
        self._steps_back = False
        self._status.end_move(f"{self._ch} comes down: {why}")
        self._soon(self._come_down(fastest, why))

    def resume(self, intent: Intent, cause: str | None) -> None:
        """Complete what the last run has begun (decision 0010); `cause`: who held the channel, if that was it."""
        self._intent = intent
        event, why = "resumed", f"{intent} of the last run is completed"
        if intent == "lease":
            event, why = "lease_lost", f"the service was started anew while {cause} held the channel"
        self._report(event, self._ch, why)
        self.begin(why, intent == "emergency_off")

    def step_back(self, v: float) -> None:
        """Back to a lower voltage (V), without anybody's command."""
        self.why, self._steps_back = "compensation", True
        self._soon(self._step_back(v))

    async def _to_off(self, intent: Intent, way: Way) -> Reading:
        self._status.target = None
        self.intend(intent)
        self._ways += 1
        try:
            with self._status.ours():
                self._status.happens("fall")
                now = await way()
                self._status.happens("found_off")
        except TrackerError:
            why = self._status.cause or self._obliged
            if why is not None and not self.under_way:  # it has to be off, and nobody else sees to it
                self.begin(why)
            raise
        finally:
            self._ways -= 1
        self.intend(None)
        return self._status.agree(now)

    def intend(self, intent: Intent | None) -> None:
        """Note what has begun; None when it is off, or a newer command has been accepted: that one decides."""
        cause = self._status.cause
        if intent is None:
            self._obliged = None
        if intent is None and self._holder is not None:
            intent, cause = "lease", self._holder
        if self._intent != intent:
            self._intent = intent
            self._keep(self._ch, intent, cause)

    def held_by(self, holder: str | None) -> None:
        """Who holds the channel: a restart is the end of that, too."""
        self._holder = holder
        if self._intent in (None, "lease"):
            self._intent = None if holder else "lease"  # to be written in any case
            self.intend(None)

    async def _insist(self, attempt: Way) -> Reading:
        """Tried again until the instrument has answered."""
        try:
            while True:
                try:
                    now = await attempt()
                except LinkError as e:
                    self._owed.add(attempt)
                    await self._link_failed(e)
                else:
                    self._edge.ok("link", f"{self._ch}: it has come down")
                    return now
        finally:
            self._owed.discard(attempt)

    async def _link_failed(self, error: LinkError) -> None:
        self._edge.fail("link", f"{self._ch}: it goes down when the link is back: {error}")
        self._hurry()
        await asyncio.sleep(RETRY)

    def _soon(self, way_down: Coroutine[Any, Any, None]) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(way_down)

    async def _come_down(self, fastest: bool, account: str) -> None:
        """Nobody waits for this to fail: it is tried again, and in the fastest way if there is no progress."""
        on_account_of(Account(cause=self._status.cause or account))
        if not fastest:
            if await self._ramped_down():
                return
            self._report("trip", self._ch, f"for {PATIENCE:g} s without progress on its way down: emergency_off")
        while True:
            try:
                await self.emergency_off()
            except Exception as e:  # noqa: BLE001 nobody else would hear of it, and to give up is the worst of all
                await self._failed(e)
            else:
                return

    async def _ramped_down(self) -> bool:
        """False after PATIENCE s without progress; the time without a link does not count, it could only be waited."""
        since, lowest = self._clock.monotonic(), self._mover.voltage()
        while True:
            try:
                await self._to_off("off", lambda: self._mover.come_down(Priority.DOWN, PATIENCE))
            except Stuck as e:
                log.warning("%s: %s", self._ch, e)
                return False
            except LinkError as e:
                if e.delivered == "no":
                    since = self._clock.monotonic()
                await self._link_failed(e)
            except Exception as e:  # noqa: BLE001 as above
                await self._failed(e)
            else:
                self._edge.ok("link", f"{self._ch}: it has come down")
                return True
            if self._mover.voltage() < lowest - 0.1:
                since, lowest = self._clock.monotonic(), self._mover.voltage()
            if self._clock.monotonic() - since >= PATIENCE:
                return False

    async def _failed(self, error: Exception) -> None:
        why = f"it does not come down: {type(error).__name__}: {error}"
        if self._edge.fail(type(error).__name__, f"{self._ch}: {why}"):
            if not isinstance(error, TrackerError):
                log.error("%s: on the way down", self._ch, exc_info=error)
            self._report("trip", self._ch, why)
        await asyncio.sleep(RETRY)

    async def _step_back(self, v: float) -> None:
        on_account_of(Account(cause="compensation"))
        try:
            with self._status.ours():
                self._status.agree(await self._insist(lambda: self._mover.set(Priority.DOWN, v)))
            self._status.happens("stopped")
        except TrackerError as e:
            self._report("compensation", self._ch, f"it could not be undone, so it goes off: {e}")
            self.begin("compensation")
