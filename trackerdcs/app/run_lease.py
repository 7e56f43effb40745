"""Holds the high voltage of a run: a lease that is renewed while it goes on, and given back at its end (SAFETY 16)."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from trackerdcs.app.requester import Requester
from trackerdcs.domain.errors import TrackerError
from trackerdcs.domain.messages import Ack

WAIT = 5.0

log = logging.getLogger(__name__)


class RunLease:
    """`lost(why)` is called when a channel can no longer be held."""

    def __init__(self, requester: Requester, stand: str, seconds: float) -> None:
        self._requester, self._stand, self._seconds = requester, stand, seconds

    async def take(self, channels: Sequence[tuple[str, str]]) -> str | None:
        """Hold these channels (device, channel) all; else none, and why."""
        for i, (device, ch) in enumerate(channels):
            if why := await self._ask("lease", device, ch, seconds=self._seconds):
                await self.release(channels[:i])
                return f"{device}.{ch}: {why}"
        return None

    async def keep(self, channels: Sequence[tuple[str, str]], lost: Callable[[str], None]) -> None:
        """Renew in time, until cancelled; a renewal that fails is tried again, and said when the lease has gone."""
        since = 0.0
        while True:
            await asyncio.sleep(self._seconds / 4)
            since += self._seconds / 4
            whys = [w for device, ch in channels if (w := await self._ask("lease", device, ch, seconds=self._seconds))]
            if not whys:
                since = 0.0
            elif since >= self._seconds:
                lost("; ".join(whys))
                since = 0.0

    async def release(self, channels: Sequence[tuple[str, str]]) -> None:
        """Give them back as they are."""
        for device, ch in channels:
            if why := await self._ask("release", device, ch):
                log.warning("%s.%s is not released: %s", device, ch, why)

    async def _ask(self, cmd: str, device: str, ch: str, **args: float) -> str | None:
        """Why it was not done."""
        try:
            last = None
            async for answer in self._requester.request(self._stand, device, cmd, ch, args, "calibration", WAIT):
                last = answer
        except TrackerError as e:
            return str(e)
        if isinstance(last, Ack) and last.state == "done":
            return None
        return (last.why if last is not None else None) or "no answer"
