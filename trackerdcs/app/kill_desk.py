"""The event loop's side of a kill: hears it by topic, tells the commands, and gives the channels back at its end."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any

from trackerdcs.app.command_desk import CommandDesk
from trackerdcs.app.killer import Killer, News, Progress
from trackerdcs.app.power import Power
from trackerdcs.app.worker import Worker
from trackerdcs.domain import topics
from trackerdcs.domain.codec import load, plain
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.instrument import Role
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.ports import Bus, Clock, Delivery, PowerSupply

WHY = 200
"""Characters of the longest cause: it may quote what a client has sent."""

log = logging.getLogger(__name__)

Report = Callable[[str, str, dict[str, Any]], None]


class KillDesk:
    """Owns the killer of one high-voltage supply. `users`: who may kill by topic, anyone if None."""

    def __init__(
        self,
        device: str,
        channels: dict[str, ChannelConfig],
        users: dict[str, Role] | None,
        driver: PowerSupply,
        worker: Worker,
        reach: Callable[[], None],
        power: Power,
        desk: CommandDesk,
        report: Report,
        clock: Clock,
    ) -> None:
        self._device, self._users, self._power, self._desk, self._report = device, users, power, desk, report
        self._loop = asyncio.get_running_loop()
        self.no_socket: str | None = None
        self.killer = Killer(device, channels, driver, worker, reach, self._tell, clock)

    @property
    def fault(self) -> str | None:
        """What a kill waits for, and why the local socket cannot be used."""
        faults = [fault for fault in (self.killer.fault, self.no_socket) if fault]
        return "; ".join(faults) or None

    async def serve(self, bus: Bus, own: Bus | None, stand: str) -> None:
        """Obey kills of the stand, for ever, heard by a connection of its `own`, entered here, or else by `bus`."""
        if own is not None:
            async with own as bus:
                return await self.serve(bus, None, stand)
        async for delivery in bus.subscribe(topics.kills_of(stand)):
            delivery.acknowledge()
            self.take(delivery)

    def by_socket(self, by: str, id: str) -> dict[str, Any]:
        """A kill over the local socket, from any thread: what is done."""
        return self._said(self.killer.kill(by, id))

    def look(self) -> dict[str, Any]:
        """How far a kill is, from any thread."""
        return self._said(self.killer.progress())

    def _said(self, progress: Progress) -> dict[str, Any]:
        return {
            "device": self._device,
            "state": progress.state,
            "cause": progress.cause,
            "channels": progress.channels,
        }

    def take(self, delivery: Delivery) -> None:
        """Obey one, or say why not."""
        try:
            user = topics.parse(delivery.topic).item or ""
        except ContractError as e:
            self._refuse(str(e))
            return
        if delivery.retained:
            self._refuse(f"a retained kill by {user} is none: send it again without the retain flag")
        elif self._users is not None and user not in self._users:
            self._refuse(f"user {user!r} is not among the command users of this stand")
        else:
            id, reason = _id_and_reason(delivery.payload)
            self.killer.kill(f"{user}{reason}"[:WHY], id)

    def _refuse(self, why: str) -> None:
        log.warning("%s: kill refused: %s", self._device, why)
        self._report("kill_refused", why, {})

    def _tell(self, news: News, by: str, id: str | None) -> None:
        """From the killer's thread, or that of whoever killed."""
        try:
            self._loop.call_soon_threadsafe(self._hear, news, by, id)
        except RuntimeError:
            log.warning("%s: %s after the end of the service", self._device, news)

    def _hear(self, news: News, by: str, id: str | None) -> None:
        match news:
            case "killed":
                # In this order: what ends as killed must not find its channel free.
                self._power.killed(f"killed by {by}")
                self._desk.end_all("killed")
                self._report("killed", f"by {by}", {"id": id} if id else {})
            case "emergency":
                self._report("kill_emergency", f"second kill, by {by}", {"id": id} if id else {})
            case "down":
                if not self.killer.release():
                    return  # by another one: its end counts
                self._power.kill_ended()
                self._report("kill_ended", f"{by}: every channel was seen off", {})


def _id_and_reason(payload: bytes) -> tuple[str, str]:
    """Any payload is a kill; one that says its `id` is the same kill as another with this id."""
    try:
        said = load(payload)
    except ContractError:
        said = {}
    id, reason = said.get("id"), said.get("reason")
    return (
        id if isinstance(id, str) and id else str(uuid.uuid4()),
        f": {plain(reason)}" if isinstance(reason, str) and reason else "",
    )
