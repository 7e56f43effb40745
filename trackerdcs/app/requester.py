"""The sender's side of a command: sent once to a device that is there, followed until its final ack, never repeated."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.errors import BusDown, CommandRefused, ContractError
from trackerdcs.domain.freshness import SILENCE
from trackerdcs.domain.instrument import SAFE_COMMANDS
from trackerdcs.domain.messages import FINAL, NO_CHANNEL, Ack, Command, Meta, Status
from trackerdcs.ports import Bus, Clock, Delivery

EXPIRY_S = 5.0
STATUS_WAIT_S = 1.0
"""The status is retained: a device that is known answers this fast through the broker, whether it lives or not."""
ACK_WAIT_S = 1.0
WAIT_S = 120.0
"""A ramp takes time."""


@dataclass(frozen=True)
class Unknown:
    """What became of the command cannot be said: it may have been carried out, and it is not sent again."""

    why: str


class Requester:
    """Sends commands as `user`. `meta` is what the device last addressed says of itself, if it has been heard."""

    def __init__(self, bus: Bus, clock: Clock, user: str, ack_wait: float = ACK_WAIT_S) -> None:
        self._bus, self._clock, self._user, self._ack_wait = bus, clock, user, ack_wait
        self.meta: Meta | None = None

    async def request(
        self,
        stand: str,
        device: str,
        cmd: str,
        ch: str = NO_CHANNEL,
        args: Mapping[str, Any] | None = None,
        reason: str | None = None,
        wait: float = WAIT_S,
        by: str | None = None,
        id: str | None = None,
    ) -> AsyncIterator[Ack | Unknown]:
        """Send a command and yield its acks as they come; the last one is final or an `Unknown`.

        `by` is the person behind a shared client. The same `id` again is the same command: the device answers it and
        does not execute it again.

        Raises before anything is sent: BusDown without a broker, CommandRefused where the device cannot hear it,
        ContractError for names and values that the contract does not allow.
        """
        self.meta = None
        topic = topics.command(stand, device, self._user)
        heard = self._bus.subscribe(*(topics.of_device(stand, device, leaf) for leaf in ("meta", "status", "ack")))
        if not self._bus.connected:
            raise BusDown("the broker is not reachable; nothing was sent")
        await self._hears(heard, f"{stand}/{device}", cmd)
        now = self._clock.now()
        command = Command(
            id=id or str(uuid.uuid4()),
            cmd=cmd,
            ts=now,
            expires=now + int(EXPIRY_S * 1e9),
            ch=ch,
            args=dict(args or {}),
            by=by,
            reason=reason,
        )
        payload = encode(command)
        if not self._bus.connected:
            raise BusDown("the connection to the broker was lost; nothing was sent")
        try:
            async with asyncio.timeout(self._ack_wait):
                await self._bus.publish(topic, payload)
        except (BusDown, TimeoutError) as e:
            why = str(e) or f"no acknowledgement in {self._ack_wait:g} s"
            yield Unknown(f"the broker has not confirmed the command, the device may have got it: {why}")
            return
        async for answer in self._answers(heard, command.id, wait):
            yield answer

    async def _hears(self, heard: AsyncIterator[Delivery], device: str, cmd: str) -> None:
        """Wait for the retained status; raise CommandRefused unless it says that somebody listens."""
        deadline = self._clock.monotonic() + STATUS_WAIT_S
        while delivery := await self._next(heard, deadline):
            if not delivery.topic.endswith("/status") or not delivery.payload:
                self._note(delivery)
                continue
            try:
                status = decode(Status, delivery.payload)
            except ContractError as e:
                raise CommandRefused(f"the status of {device} is outside the contract ({e}): nothing was sent") from e
            if status.state == "offline":
                why = f"{device} is offline ({status.error or 'no reason given'}): nothing was sent"
                if cmd in SAFE_COMMANDS:  # the output may be on, and nobody watches it
                    why += "; start its service, or for high voltage: trackerdcs kill STAND --direct"
                raise CommandRefused(why)
            age = (self._clock.now() - status.ts) / 1e9
            # Its clock may be wrong, and a clock never stands in the way of the safe direction (SAFETY 15).
            if age > SILENCE and cmd not in SAFE_COMMANDS and delivery.retained:
                raise CommandRefused(
                    f"the last status of {device} is {age:.0f} s old (by its time stamp and this computer's clock; "
                    f"a heartbeat comes every 10 s): nothing was sent"
                )
            return
        raise CommandRefused(
            f"{device} has no status at this broker: unknown there, or never started; nothing was sent"
        )

    async def _answers(self, heard: AsyncIterator[Delivery], id: str, wait: float) -> AsyncIterator[Ack | Unknown]:
        sent = self._clock.monotonic()
        deadline, accepted = sent + min(self._ack_wait, wait), False
        while delivery := await self._next(heard, deadline):
            ack = self._note(delivery)
            if ack is None or (ack.user, ack.id) != (self._user, id) or (accepted and ack.state == "accepted"):
                continue
            yield ack
            if ack.state in FINAL:
                return
            deadline, accepted = sent + wait, True
        if accepted:
            yield Unknown(f"accepted, but no final answer in {wait:g} s: the device may still be at it")
        else:
            yield Unknown(
                f"no answer in {self._ack_wait:g} s; it is not sent again by itself: look at the device first"
            )

    async def _next(self, heard: AsyncIterator[Delivery], deadline: float) -> Delivery | None:
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                delivery = await anext(heard)
        except (TimeoutError, StopAsyncIteration):
            return None
        delivery.acknowledge()
        return delivery

    def _note(self, delivery: Delivery) -> Ack | None:
        """Keep a meta, return an ack; what is neither, or outside the contract, answers nothing."""
        try:
            if delivery.topic.endswith("/meta"):
                self.meta = decode(Meta, delivery.payload)
            elif delivery.topic.endswith("/ack"):
                return decode(Ack, delivery.payload)
        except ContractError:
            return None
        return None
