"""The recorder of a site: who commanded what and which module was where, of all its stands, into the store of runs."""

import asyncio
from collections.abc import Sequence

from trackerdcs.app.announcer import Announcer, Who
from trackerdcs.app.binding_keeper import BindingKeeper
from trackerdcs.app.command_keeper import CommandKeeper
from trackerdcs.app.command_record import CommandRecord
from trackerdcs.app.run_keeper import StoreQueue
from trackerdcs.domain.freshness import HEARTBEAT
from trackerdcs.domain.instrument import Channel
from trackerdcs.domain.messages import NO_CHANNEL, Meta
from trackerdcs.domain.topics import RECORDER
from trackerdcs.ports import Bus, Clock, Inlet
from trackerdcs.ports_runs import RunStore

LOOK = 0.5


class Recording:
    """One recorder. `inlet` brings commands and kills, `bus` all that is said again and again."""

    def __init__(self, who: Who, stands: Sequence[str], inlet: Inlet, bus: Bus, store: RunStore, clock: Clock) -> None:
        self._who, self._stands, self._bus = who, tuple(stands), bus
        self._queue = StoreQueue()
        self._commands = CommandKeeper(inlet, CommandRecord(store, clock))
        self._bindings = BindingKeeper(store, self._queue)
        self._announcer = Announcer(who, bus, clock, self._fault, remark=lambda: self._commands.remark)

    async def run(self) -> None:
        """Record until cancelled."""
        sw, boot = self._who.sw, self._who.boot
        self._announcer.introduce(
            Meta(RECORDER, "trackerdcs", "", RECORDER, sw, False, boot, HEARTBEAT, {NO_CHANNEL: Channel({})})
        )
        async with asyncio.TaskGroup() as tasks:
            for job in (
                self._announcer.births(),
                self._announcer.run(),
                self._commands.run(),
                self._bindings.listen(self._bus, self._stands),
                self._queue.run(),
                self._look(),
            ):
                tasks.create_task(job)

    async def _look(self) -> None:
        """Say soon what keeps it."""
        while True:
            await asyncio.sleep(LOOK)
            self._announcer.refresh()

    def _fault(self) -> str | None:
        return "; ".join(filter(None, (self._commands.fault, self._queue.fault))) or None
