"""Writes down who was told of what before it is sent. Nobody waits long for a disk: people are told all the same."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from trackerdcs.app.command_memory import PATIENCE, RETRY, START_PATIENCE
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.notice import Key, Notice
from trackerdcs.domain.notifying import Episode
from trackerdcs.ports_notify import EarlierNews, Told

log = logging.getLogger(__name__)


class ToldKeeper:
    """What the disk does not take is tried again; `fault` says so meanwhile, for the status."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._episodes: dict[str, Episode] = {}
        self._notices: dict[Key, Notice] = {}
        self._sent: set[Key] = set()
        self._writing: asyncio.Task[None] | None = None
        self._edge = EdgeLog(log)
        self.fault: str | None = None
        self.remark: str | None = None
        """That what was known before this start is lost, for people to look at."""

    async def recall(self) -> EarlierNews:
        """What earlier starts knew; nothing if the disk cannot tell: rather twice than never."""
        try:
            async with asyncio.timeout(START_PATIENCE):
                return await asyncio.to_thread(self._told.recall)
        except (StoreFault, TimeoutError) as e:
            why = str(e) or "the disk does not answer"
            self.remark = f"who was told of what, and who had been put on shift, is not known from before: {why}"
            self._failed(why)
            return EarlierNews([], [], None)

    async def save(self, episodes: Mapping[str, Episode], notices: Sequence[Notice]) -> None:
        """Return when it is on disk, or when the disk takes too long."""
        self._episodes |= episodes
        self._notices |= {notice.key: notice for notice in notices}
        self._sent -= {notice.key for notice in notices}
        await self._written()

    async def sent(self, keys: Sequence[Key]) -> None:
        """The same for notices that an address has taken."""
        for key in keys:
            self._notices.pop(key, None)
        self._sent |= set(keys)
        await self._written()

    async def put_on_shift(self, people: Sequence[str]) -> None:
        """Raises StoreFault."""
        await asyncio.to_thread(self._told.put_on_shift, people)

    async def close(self, patience: float) -> None:
        """Let the disk take the last ones for so many s."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=patience)
            self._writing.cancel()

    async def _written(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())
        if self.fault is not None:
            return
        done, _ = await asyncio.wait({self._writing}, timeout=PATIENCE)
        if not done and self.fault is None:
            self._failed("the disk does not answer")

    async def _write(self) -> None:
        while self._episodes or self._notices or self._sent:
            batch = self._episodes, list(self._notices.values()), self._sent
            self._episodes, self._notices, self._sent = {}, {}, set()
            try:
                await asyncio.to_thread(self._told.note, *batch)
            except StoreFault as e:
                self._failed(str(e))
                self._episodes = batch[0] | self._episodes
                unsent = {n.key: n for n in batch[1] if n.key not in self._sent}
                self._notices = unsent | self._notices
                self._sent |= batch[2] - self._notices.keys()
                await asyncio.sleep(RETRY)
        self.fault = None
        self._edge.ok("disk", "who was told is on disk again")

    def _failed(self, why: str) -> None:
        self.fault = f"who was told is in memory only, after a restart they are told again: {why}"
        self._edge.fail("disk", self.fault)
