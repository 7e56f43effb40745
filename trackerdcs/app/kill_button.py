"""A KILL button: presses of one stand, by whoever, and what became of the last one."""

import asyncio
import json
import uuid
from dataclasses import dataclass
from typing import Literal

from trackerdcs.domain import topics
from trackerdcs.domain.codec import plain
from trackerdcs.domain.errors import BusDown
from trackerdcs.ports import Bus, Clock

SAME_S = 2.0
"""Presses that follow this fast are one kill: a second kill switches off without a ramp, a double click must not."""
TAKEN_S = 1.5
"""Seconds in which the broker confirms."""
REASON = 200

Sent = Literal["sent", "not sent", "unknown"]


@dataclass(frozen=True)
class Press:
    """One press: who, when (ns UTC), the id of the kill, whether the broker took it, and why not."""

    id: str
    by: str
    at: int
    sent: Sent
    why: str = ""


class KillButton:
    """Publishes kills of one stand as the command user `user`."""

    def __init__(self, bus: Bus, stand: str, user: str, clock: Clock, taken: float = TAKEN_S) -> None:
        self._bus, self._clock, self._taken = bus, clock, taken
        self.stand, self._topic = stand, topics.kill(stand, user)
        self.last: Press | None = None
        self._ended = float("-inf")
        self._running: asyncio.Task[Press] | None = None

    @property
    def connected(self) -> bool:
        return self._bus.connected

    async def press(self, by: str, reason: str = "") -> Press:
        """Send the kill; what comes of it. Whoever presses while one is being sent gets the answer of that one."""
        if self._running is None:
            self._running = asyncio.create_task(self._send(by, reason))
            self._running.add_done_callback(self._done)
        # The kill is sent even if the browser has gone meanwhile.
        return await asyncio.shield(self._running)

    def _done(self, _: asyncio.Task[Press]) -> None:
        self._running, self._ended = None, self._clock.monotonic()

    async def _send(self, by: str, reason: str) -> Press:
        id = self._id()
        who = f"{by}: {plain(reason)[:REASON]}" if reason else by
        sent, why = await self._published(json.dumps({"id": id, "reason": who, "by": by}).encode())
        self.last = Press(id, by, self._clock.now(), sent, why)
        return self.last

    def _id(self) -> str:
        """The last one's, where this is the same kill: it is not known to have been sent, or was a moment ago."""
        if self.last and (self.last.sent != "sent" or self._clock.monotonic() - self._ended < SAME_S):
            return self.last.id
        return str(uuid.uuid4())

    async def _published(self, payload: bytes) -> tuple[Sent, str]:
        if not self._bus.connected:
            return "not sent", "the broker does not answer"
        try:
            async with asyncio.timeout(self._taken):
                await self._bus.publish(self._topic, payload)
        except TimeoutError:
            return "unknown", f"the broker has not confirmed it within {self._taken:g} s"
        except BusDown as e:
            return "unknown", f"the connection to the broker was lost: {e}"
        return "sent", ""
