"""What outlives a restart of a service beside its commands: modules, what is latched, ways down not at their end."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from trackerdcs.app.command_memory import PATIENCE, RETRY, START_PATIENCE
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain.channel import Intent, Intents
from trackerdcs.domain.errors import StoreFault
from trackerdcs.ports import CommandLog

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Earlier:
    """What earlier starts have left, by channel; of a guard, by interlock."""

    modules: dict[str, str | None]
    latched: dict[str, str]
    intents: Intents


class Remembered:
    """Nobody waits for the disk: what it does not take is tried again, the last word of each channel wins."""

    def __init__(self, device: str, commands: CommandLog) -> None:
        self._device, self._commands = device, commands
        self._unsaved: dict[tuple[str, str], Callable[[], None]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._edge = EdgeLog(log)
        self.fault: str | None = None
        """Why some of it is remembered in memory only, for the device's status."""

    async def recall(self) -> Earlier | None:
        """Read what earlier starts have left; None if nobody can tell."""

        def read() -> Earlier:
            return Earlier(self._commands.bindings(), self._commands.latches(), self._commands.intents())

        try:
            async with asyncio.timeout(START_PATIENCE):
                return await asyncio.to_thread(read)
        except (StoreFault, TimeoutError) as e:
            self._failed(f"what the last run has left is not readable: {str(e) or 'the disk does not answer'}")
            return None

    async def bind(self, ch: str, module: str | None) -> None:
        """Write the module of a channel down; raises StoreFault."""
        await asyncio.to_thread(self._commands.bind, ch, module)

    def latch(self, ch: str, cause: str | None) -> None:
        """Write the cause of a trip or of an open interlock, or its end, down soon."""
        self._soon("latch", ch, lambda: self._commands.latch(ch, cause))

    def intend(self, ch: str, intent: Intent | None, cause: str | None) -> None:
        """Write down soon that a way down has begun, or that it is at its end (None)."""
        self._soon("intent", ch, lambda: self._commands.intend(ch, intent, cause))

    async def close(self, patience: float) -> None:
        """Let the disk take the last ones for so many s, and try no longer."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=patience)
            self._writing.cancel()

    def _soon(self, what: str, ch: str, write: Callable[[], None]) -> None:
        self._unsaved[what, ch] = write
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        while self._unsaved:
            key, write = next(iter(self._unsaved.items()))
            writing = asyncio.ensure_future(asyncio.to_thread(write))
            if not (await asyncio.wait({writing}, timeout=PATIENCE))[0]:
                self._failed("the disk does not answer")
            try:
                await writing
            except StoreFault as e:
                self._failed(str(e))
                await asyncio.sleep(RETRY)
                continue
            except Exception:  # nobody else would hear of it, and the others have to be written
                log.exception("%s: %s of %s is not written down", self._device, *key)
            if self._unsaved[key] is write:
                del self._unsaved[key]
        self.fault = None
        self._edge.ok("disk", f"{self._device}: what must outlive a restart is on disk again")

    def _failed(self, why: str) -> None:
        self.fault = f"what must outlive a restart is in memory only: {why}"
        self._edge.fail("disk", f"{self._device}: {self.fault}")
