"""What became of each command, by its user and id: in memory at once, on disk as soon as the disk takes it."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.messages import FINAL, Ack
from trackerdcs.ports import CommandLog

REMEMBERED = 10_000
"""Acks kept in memory, so that a repeated command is known even when the log cannot be read."""
PATIENCE = 0.3
"""Seconds that the disk may take before a command goes on without it: it is answered within 1 s."""
RETRY = 5.0
"""Seconds until a log that failed is tried again."""

Key = tuple[str, str]
T = TypeVar("T")

log = logging.getLogger(__name__)


class CommandMemory:
    """The last ack of each command. A disk that is full, gone or hangs stops no command; it is a `fault`."""

    def __init__(self, command_log: CommandLog) -> None:
        self._log = command_log
        self._acks: dict[Key, Ack] = {}
        self._unsaved: dict[Key, Ack] = {}
        self._reading: asyncio.Future[Any] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._edge = EdgeLog(log)
        self.fault: str | None = None
        """Why commands are remembered in memory only, for the device's status."""

    async def find(self, user: str, id: str) -> Ack | None:
        """The last ack of a command; None if it is not known."""
        if known := self._acks.get((user, id)):
            return known
        try:
            return await self._read(partial(self._log.find, user, id))
        except StoreFault as e:
            self._failed(str(e))
            return None

    async def unfinished(self) -> list[Ack]:
        """What was accepted by an earlier start of the service and has not come to its end."""
        try:
            return await self._read(self._log.unfinished)
        except StoreFault as e:
            self._failed(str(e))
            return []

    async def note(self, ack: Ack) -> None:
        """Remember an ack; returns when it is on disk, or when the disk does not take it in time.

        What was refused has changed nothing, and to judge it anew after a crash is harmless: it waits for no disk.
        """
        key = (ack.user, ack.id)
        self._acks[key] = self._unsaved[key] = ack
        if len(self._acks) > REMEMBERED:
            self._forget_oldest()
        self._write_soon()
        if self._writing is None or self.fault or ack.state in ("refused", "expired"):
            return
        done, _ = await asyncio.wait({self._writing}, timeout=PATIENCE)
        if not done and self.fault is None:
            self._failed(f"no answer within {PATIENCE:g} s")

    async def close(self) -> None:
        """Try no longer; what could not be written is forgotten."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait({self._writing})

    async def _read(self, call: Callable[[], T]) -> T:
        if self._reading is not None and not self._reading.done():
            raise StoreFault("still no answer")  # each further question would only block one more thread
        reading = asyncio.ensure_future(asyncio.to_thread(call))
        self._reading = reading
        done, _ = await asyncio.wait({reading}, timeout=PATIENCE)
        if not done:
            reading.add_done_callback(lambda late: late.cancelled() or late.exception())
            raise StoreFault(f"no answer within {PATIENCE:g} s")
        return reading.result()

    def _write_soon(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        while True:
            batch, self._unsaved = self._unsaved, {}
            try:
                await asyncio.to_thread(self._log.record, *batch.values())
            except StoreFault as e:
                newest = list((batch | self._unsaved).items())[-REMEMBERED:]
                self._unsaved = dict(newest)
                self._failed(str(e))
                await asyncio.sleep(RETRY)
                continue
            if not self._unsaved:
                self.fault = None
                self._edge.ok("log", "commands are written down again")
                return

    def _forget_oldest(self) -> None:
        oldest = next((key for key, ack in self._acks.items() if ack.state in FINAL), None)
        if oldest is not None:
            del self._acks[oldest]

    def _failed(self, why: str) -> None:
        self.fault = f"commands are remembered in memory only: {why}"
        self._edge.fail("log", self.fault)
        self._write_soon()
