"""What became of each command, by its user and id: in memory at once, on disk as soon as the disk takes it."""

import asyncio
import logging

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.messages import FINAL, Ack
from trackerdcs.ports import CommandLog

REMEMBERED = 10_000
"""Acks kept in memory, and as many refusals: a flood of nonsense makes no command that was executed unknown. The
disk is asked at the start only: no command lives longer than 10 s, and to repeat one in the safe direction is safe."""
START_PATIENCE = 2.0
"""Seconds that the disk may take to tell what earlier starts have noted."""
UNTOUCHED = frozenset({"refused", "expired"})
PATIENCE = 0.3
"""Seconds that the disk may take before a command goes on without it: it is answered within 1 s."""
RETRY = 5.0
"""Seconds until a log that failed is tried again."""

Key = tuple[str, str]

log = logging.getLogger(__name__)


class CommandMemory:
    """The last ack of each command. A disk that is full, gone or hangs stops no command; it is a `fault`."""

    def __init__(self, command_log: CommandLog) -> None:
        self._log = command_log
        self._executed: dict[Key, Ack] = {}
        self._refused: dict[Key, Ack] = {}
        self._unsaved: dict[Key, Ack] = {}
        self._writing: asyncio.Task[None] | None = None
        self._next_write: asyncio.Future[None]
        self._edge = EdgeLog(log)
        self.fault: str | None = None
        """Why commands are remembered in memory only, for the device's status."""

    async def recall(self) -> list[Ack]:
        """Read what earlier starts of the service have noted; returns what had not come to its end."""
        reading = asyncio.ensure_future(asyncio.to_thread(self._log.recall, REMEMBERED))
        done, _ = await asyncio.wait({reading}, timeout=START_PATIENCE)
        try:
            acks = reading.result() if done else None
        except StoreFault as e:
            self._failed(str(e))
            return []
        if acks is None:
            reading.add_done_callback(lambda late: late.cancelled() or late.exception())
            self._failed(f"no answer within {START_PATIENCE:g} s")
            return []
        for ack in acks:
            self._remember(ack)
        return [ack for ack in acks if ack.state not in FINAL]

    def find(self, user: str, id: str) -> Ack | None:
        """The last ack of a command; None if it is not known."""
        return self._executed.get((user, id)) or self._refused.get((user, id))

    def note(self, ack: Ack) -> None:
        """Remember an ack, and have it written down soon."""
        self._unsaved[ack.user, ack.id] = ack
        self._remember(ack)
        self._write_soon()

    async def saved(self) -> None:
        """Return when all that was noted is on disk, or when the disk does not take it in time."""
        if not self._unsaved or self.fault:
            return
        done, _ = await asyncio.wait({self._next_write}, timeout=PATIENCE)
        if not done and self.fault is None:
            self._failed(f"no answer within {PATIENCE:g} s")

    async def close(self) -> None:
        """Let the disk take the last ones, and try no longer."""
        if self._writing is not None:
            if self.fault is None:
                await asyncio.wait({self._writing}, timeout=PATIENCE)
            self._writing.cancel()
            await asyncio.wait({self._writing})

    def _remember(self, ack: Ack) -> None:
        known = self._refused if ack.state in UNTOUCHED else self._executed
        known[ack.user, ack.id] = ack
        if len(known) > REMEMBERED:
            oldest = next((key for key, ack in known.items() if ack.state in FINAL), None)
            if oldest is not None:
                del known[oldest]

    def _write_soon(self) -> None:
        if self._writing is None or self._writing.done():
            self._next_write = asyncio.get_running_loop().create_future()
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        while True:
            batch, self._unsaved = self._unsaved, {}
            this_write, self._next_write = self._next_write, asyncio.get_running_loop().create_future()
            try:
                await asyncio.to_thread(self._log.record, *batch.values())
            except StoreFault as e:
                newest = list((batch | self._unsaved).items())[-REMEMBERED:]
                self._unsaved = dict(newest)
                self._failed(str(e))
                this_write.set_result(None)
                await asyncio.sleep(RETRY)
                continue
            this_write.set_result(None)
            if not self._unsaved:
                self.fault = None
                self._edge.ok("log", "commands are written down again")
                return

    def _failed(self, why: str) -> None:
        self.fault = f"commands are remembered in memory only: {why}"
        self._edge.fail("log", self.fault)
        self._write_soon()
