"""Holds the high voltage of a run: a lease that is renewed while it goes on, and given back at its end (SAFETY 16)."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trackerdcs.app.requester import Requester
from trackerdcs.domain.errors import TrackerError
from trackerdcs.domain.messages import Ack
from trackerdcs.ports import Clock

WAIT = 5.0
GIVING = 10.0
"""Seconds for which somebody who has to be told of a release, and does not answer, is told again."""
PAUSE = 0.5

Channel = tuple[str, str]
"""Device and channel."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Answer:
    """What became of a command: `why` it was not done, if it was not; `sure`: the device itself has said so."""

    why: str | None = None
    sure: bool = True
    renewed: bool | None = None


class RunLease:
    """Of the channels of one stand."""

    def __init__(self, requester: Requester, stand: str, seconds: float, clock: Clock) -> None:
        self._requester, self._stand, self._seconds, self._clock = requester, stand, seconds, clock

    async def take(self, channels: Sequence[Channel]) -> str | None:
        """Hold these channels all; else none, and why."""
        answers = await asyncio.gather(*(self._hold(each) for each in channels))
        whys = [f"{_name(c)}: {a.why}" for c, a in zip(channels, answers, strict=True) if a.why]
        if not whys:
            return None
        # One whose answer was lost may be held all the same, and would come down when nobody renews it.
        held = [c for c, a in zip(channels, answers, strict=True) if a.why is None or not a.sure]
        await self.release(held)
        return "; ".join(whys)

    async def keep(
        self, channels: Sequence[Channel], lost: Callable[[str], None], lapsed: Callable[[str], None]
    ) -> None:
        """Renew each in time, until cancelled; a slow one lets no other run out. `lost(why)`: a channel cannot be held
        any longer; `lapsed(why)`: it is held again, but was not for a while, and may have come down meanwhile."""
        await asyncio.gather(*(self._keep(each, lost, lapsed) for each in channels))

    async def _keep(self, channel: Channel, lost: Callable[[str], None], lapsed: Callable[[str], None]) -> None:
        held, told = self._clock.monotonic(), False
        while True:  # at once: a bridge that was away has time to make up for
            asked = self._clock.monotonic()
            answer = await self._hold(channel)
            away = self._clock.monotonic() - held
            if answer.why is None:
                if answer.renewed is False or (answer.renewed is None and away > self._seconds):
                    lapsed(f"{_name(channel)} was not held for a while: its lease had ended")
                held, told = asked, False
            elif away >= self._seconds and not told:
                told = True
                lost(f"{_name(channel)}: {answer.why}")
            await asyncio.sleep(max(0.0, asked + self._seconds / 4 - self._clock.monotonic()))

    async def release(self, channels: Sequence[Channel], patience: float = GIVING) -> None:
        """Give them back as they are; who does not answer is told again for `patience` s."""
        await asyncio.gather(*(self._release(each, patience) for each in channels))

    async def _release(self, channel: Channel, patience: float) -> None:
        until = self._clock.monotonic() + patience
        while True:
            answer = await self._ask("release", channel)
            if answer.why is None:
                return
            if answer.sure or self._clock.monotonic() > until:
                log.warning("%s is not released: %s", _name(channel), answer.why)
                return
            await asyncio.sleep(PAUSE)

    async def _hold(self, channel: Channel) -> _Answer:
        return await self._ask("lease", channel, seconds=self._seconds)

    async def _ask(self, cmd: str, channel: Channel, **args: float) -> _Answer:
        device, ch = channel
        try:
            last = None
            async for answer in self._requester.request(self._stand, device, cmd, ch, args, "calibration", WAIT):
                last = answer
        except TrackerError as e:
            return _Answer(str(e), sure=False)
        if isinstance(last, Ack) and last.state == "done":
            renewed = last.readback.get("renewed")
            return _Answer(renewed=renewed if isinstance(renewed, bool) else None)
        return _Answer((last.why if last is not None else None) or "no answer", sure=isinstance(last, Ack))


def _name(channel: Channel) -> str:
    return ".".join(channel)
