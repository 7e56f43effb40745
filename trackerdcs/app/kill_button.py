"""A KILL button: presses of one stand, by whoever, what became of the last one, and what its owners have said."""

import asyncio
import json
import logging
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.live import live
from trackerdcs.domain import topics
from trackerdcs.domain.codec import plain
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.messages import Event
from trackerdcs.ports import Bus, Clock

SAME_S = 2.0
"""Presses that follow this fast are one kill: a second kill switches off without a ramp, a double click must not."""
AGAIN_S = 60.0
"""The same for presses that follow one of which nobody knows whether it arrived."""
TAKEN_S = 1.5
"""Seconds in which the broker confirms."""
HEARD_S = 1.0
"""Seconds in which an owner that lives says that it has heard."""
REASON = 200

Sent = Literal["sent", "not sent", "unknown"]
REFUSES = "REFUSES"
SAID = {
    "killed": "goes down",
    "kill_emergency": "switches off without a ramp",
    "kill_refused": REFUSES,
    "kill_ended": "every channel was seen off",
}
"""What an owner's event means to a person."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Press:
    """One press: who, when (ns UTC), the id of the kill, whether the broker took it, and why not."""

    id: str
    by: str
    at: int
    sent: Sent
    why: str = ""


class KillButton:
    """Publishes kills of one stand as the command user `user`; `devices` are those that have to come down."""

    def __init__(
        self, bus: Bus, stand: str, user: str, devices: Collection[str], clock: Clock, taken: float = TAKEN_S
    ) -> None:
        self._bus, self._clock, self._taken = bus, clock, taken
        self.stand, self._topic = stand, topics.kill(stand, user)
        self.last: Press | None = None
        self.answers: dict[str, str | None] = dict.fromkeys(devices)
        """What each owner has said of the last kill, None: nothing yet."""
        self._heard = asyncio.Condition()
        self._ended = float("-inf")
        self._running: asyncio.Task[Press] | None = None

    @property
    def connected(self) -> bool:
        return self._bus.connected

    @property
    def open(self) -> list[str]:
        """Devices whose owner has not said that it obeys the last kill."""
        return [device for device, said in self.answers.items() if said is None or said.startswith(REFUSES)]

    async def follow(self) -> None:
        """Listen to the owners, for ever."""
        async for where, message in live(self._bus, EdgeLog(log), topics.any_device(self.stand, "event")):
            if isinstance(message, Event) and message.event in SAID and where.device in self.answers:
                why = f": {message.why}" if message.event == "kill_refused" and message.why else ""
                async with self._heard:
                    self.answers[where.device] = SAID[message.event] + why
                    self._heard.notify_all()

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
        if self.last is None or id != self.last.id:
            self.answers = dict.fromkeys(self.answers)
        why = " ".join(plain(reason)[:REASON].split())
        who = f"{by}: {why}" if why else by
        sent, why = await self._published(json.dumps({"id": id, "reason": who, "by": by}).encode())
        self.last = Press(id, by, self._clock.now(), sent, why)
        if sent != "not sent":
            await self._all_have_answered()
        return self.last

    def _id(self) -> str:
        """The last one's, where this is the same kill: it was a moment ago, or is not known to have been sent."""
        if self.last and self._clock.monotonic() - self._ended < (SAME_S if self.last.sent == "sent" else AGAIN_S):
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

    async def _all_have_answered(self) -> None:
        try:
            async with asyncio.timeout(HEARD_S), self._heard:
                await self._heard.wait_for(lambda: not self.open)
        except TimeoutError:
            log.warning("%s: kill sent, not obeyed or not heard by %s", self.stand, ", ".join(self.open))
