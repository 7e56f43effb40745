"""Puts messages that cannot be stored into the dead letters, and says so without shouting."""

import asyncio
import logging
from collections.abc import Sequence

from trackerdcs.app.announcer import Announcer
from trackerdcs.app.backoff import Backoff
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain.batch import AT_THE_DOOR, Arrival
from trackerdcs.domain.codec import plain
from trackerdcs.ports import Clock, DeadLetters, ParkedMessage

TELL_EVERY_S = 60.0
"""A talker of nonsense gets one log line and one event a minute; the counter tells the rest."""
TOLD = 1000
"""Topics that are told of in that time; what more there are is only counted."""

log = logging.getLogger(__name__)


class Parking:
    """Of one loader."""

    def __init__(
        self, deadletters: DeadLetters, announcer: Announcer, clock: Clock, retry: tuple[float, float]
    ) -> None:
        self._deadletters, self._announcer, self._clock = deadletters, announcer, clock
        self._backoff = Backoff(*retry)
        self._edge = EdgeLog(log)
        self._told: dict[str, float] = {}
        self.fault: str | None = None
        """Why messages cannot be parked, or None."""

    async def park(self, bad: Sequence[tuple[Arrival, int, str]]) -> bool:
        """Park messages with the times when they came (ns UTC) and their causes, all or none; True if none is safe."""
        if not bad:
            return False
        letters = [
            ParkedMessage(a.topic, a.payload, plain(f"{AT_THE_DOOR if a.refused else ''}{why}"), arrived)
            for a, arrived, why in bad
        ]
        try:
            await asyncio.to_thread(self._deadletters.park, letters)
        except Exception as e:  # noqa: BLE001 a StoreFault or a bug: either way the messages are not safe yet
            self._edge.fail("park", f"the dead letters fail, bad messages wait: {type(e).__name__}: {e}")
            self.fault = f"dead letters: {e}"
            self._announcer.refresh()
            return True
        self._edge.ok("park", "the dead letters take messages again")
        self.fault = None
        self._backoff.reset()
        self._announcer.refresh()
        for letter in letters:
            self._tell(letter.topic, letter.why)
        return False

    async def wait(self) -> None:
        """Until it is worth another try."""
        if self.fault is not None:
            await asyncio.sleep(self._backoff.next())

    def _tell(self, topic: str, why: str) -> None:
        now, told = self._clock.monotonic(), self._told  # the oldest first
        while told and now - next(iter(told.values())) >= TELL_EVERY_S:
            del told[next(iter(told))]
        if topic not in told and len(told) < TOLD:
            told[topic] = now
            log.warning("parked %s: %s", topic, why)
            self._announcer.report("bad_message", why, {"topic": topic})
