"""Takes commands and kills from the broker into the store of runs: none is acknowledged before it is kept."""

import asyncio
import logging

from trackerdcs.app.command_record import CommandRecord
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain import topics
from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.errors import ContractError, StoreDown
from trackerdcs.ports import Inlet

LINGER = 0.1
RETRY = 2.0
"""Seconds between two tries of a store that is away."""

log = logging.getLogger(__name__)


def filters_of(stand: str) -> list[str]:
    """What is said of commands and kills in a stand."""
    leaves = [topics.any_device(stand, leaf) for leaf in ("cmd/+", "ack", "event")]
    return [*leaves, topics.kills_of(stand)]


class CommandKeeper:
    """One recorder. What it has not kept is still with the broker: it may be killed any time."""

    def __init__(self, inlet: Inlet, record: CommandRecord) -> None:
        self._inlet, self._record = inlet, record
        self._edge = EdgeLog(log)
        self._trouble: str | None = None
        self._not_whole = 0
        self._last = ""

    @property
    def fault(self) -> str | None:
        """Why nothing is kept now."""
        return self._trouble or self._inlet.fault

    @property
    def remark(self) -> str | None:
        """What was not kept whole since the start."""
        return f"{self._not_whole} commands not kept whole, the last: {self._last}" if self._not_whole else None

    async def run(self) -> None:
        """Keep, for ever."""
        while True:
            gulp = await self._inlet.gulp(LINGER)
            for arrival in gulp.arrivals:
                await self._kept(arrival)
            gulp.acknowledge()

    async def _kept(self, arrival: Arrival) -> None:
        while True:
            try:
                lost = await asyncio.to_thread(self._record.take, arrival)
            except ContractError as e:  # who it was for refuses it, and says so
                self._edge.fail(arrival.topic, f"{arrival.topic}: {e}")
                return
            except Exception as e:  # noqa: BLE001 whatever it is: what cannot be kept waits, and is said
                text = str(e) if isinstance(e, StoreDown) else f"{type(e).__name__}: {e}"
                self._trouble = f"the store of runs takes no commands, they wait with the broker: {text}"
                self._edge.fail("store", self._trouble)
                await asyncio.sleep(RETRY)
                continue
            self._trouble = None
            self._edge.ok("store", "the store of runs takes commands again")
            if lost is not None:
                self._not_whole, self._last = self._not_whole + 1, lost
                log.error("%s", lost)
            return
