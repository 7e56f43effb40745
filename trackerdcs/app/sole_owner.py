"""One owner per device: listens for another one that says of itself, live, that it is this device."""

import asyncio
import logging
from collections.abc import Callable

from trackerdcs.app.announcer import Who
from trackerdcs.domain.codec import decode
from trackerdcs.domain.errors import ContractError, InUse
from trackerdcs.domain.freshness import HEARTBEAT, SILENCE
from trackerdcs.domain.messages import Status
from trackerdcs.ports import Bus, Clock, Delivery

GRACE = 0.2
"""Seconds in which a broker says what it has retained."""

log = logging.getLogger(__name__)


class SoleOwner:
    """To be made when the bus is entered; nothing must have been said of the device yet. Times in s."""

    def __init__(
        self,
        who: Who,
        bus: Bus,
        clock: Clock,
        grace: float = GRACE,
        heartbeat: float = HEARTBEAT,
        silence: float = SILENCE,
    ) -> None:
        self._who, self._bus, self._clock = who, bus, clock
        self._grace, self._heartbeat, self._silence = grace, heartbeat, silence
        self._heard = bus.subscribe(who.topic("status"))
        self._other: str | None = None
        self._other_at = 0.0

    @property
    def fault(self) -> str | None:
        """Who else says that it owns the device, for its status."""
        if self._other is None or self._clock.monotonic() - self._other_at > self._silence:
            return None
        return f"another owner speaks for {self._who.device}: boot {self._other}; end one of the two"

    async def alone(self) -> None:
        """Return when nobody else owns the device; InUse names who does.

        What the broker has kept of one that may live is waited for, for a heartbeat; without a broker nobody is.
        """
        if not self._bus.connected:
            return
        deadline = self._clock.monotonic() + self._grace
        while (heard := await self._next(deadline)) is not None:
            status, retained = heard
            if status.state == "offline":
                return
            if not retained:
                raise InUse(f"another owner of {self._who.device} says that it is {status.state}: boot {status.boot}")
            log.warning("%s: boot %s may live, listening for %g s", self._who.device, status.boot, self._heartbeat)
            deadline = self._clock.monotonic() + 1.2 * self._heartbeat

    async def watch(self, report: Callable[[str, str], None]) -> None:
        """Say it when another owner appears later, for ever."""
        async for delivery in self._heard:
            if (heard := self._foreign(delivery)) is None or heard[1]:
                continue
            status = heard[0]
            if status.state == "offline":
                self._other = None
                continue
            known = self.fault
            self._other, self._other_at = status.boot, self._clock.monotonic()
            if known is None and self.fault is not None:
                log.error("%s", self.fault)
                report("foreign_owner", self.fault)

    async def _next(self, deadline: float) -> tuple[Status, bool] | None:
        while (left := deadline - self._clock.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    delivery = await anext(self._heard)
            except (TimeoutError, StopAsyncIteration):
                return None
            if (heard := self._foreign(delivery)) is not None:
                return heard
        return None

    def _foreign(self, delivery: Delivery) -> tuple[Status, bool] | None:
        """What another boot says of itself, and whether it was kept."""
        delivery.acknowledge()
        if not delivery.payload:
            return None
        try:
            status = decode(Status, delivery.payload)
        except ContractError as e:
            log.warning("%s: %s", delivery.topic, e)
            return None
        return None if status.boot == self._who.boot else (status, delivery.retained)
