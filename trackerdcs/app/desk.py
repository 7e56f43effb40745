"""What the desk of a shift looks things up in: the story of alarms, the commands that were given, the logbook."""

import asyncio
import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol

from trackerdcs.domain.alarm_story import Chapter, chapter
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.join import NotFound
from trackerdcs.domain.logbook import Cursor, Entry, EntryQuery, attached
from trackerdcs.domain.run_links import CommandQuery, Place, StoredCommand
from trackerdcs.domain.series import Selection
from trackerdcs.domain.topics import ALARMS
from trackerdcs.ports import Clock, TimeSeries
from trackerdcs.ports_runs import RunStore


class Stores(Protocol):
    """Each call raises ConfigError, StoreDown or StoreFault where it is not to be had now."""

    def runs(self, make: bool = False) -> RunStore:
        """`make`: to write into, where there is none yet."""

    def series(self, stand: str) -> TimeSeries: ...


class Desk:
    """The use cases; whatever blocks is in a thread."""

    def __init__(self, stores: Stores, stands: Sequence[str], clock: Clock) -> None:
        self._stores, self._stands, self._clock = stores, tuple(stands), clock

    async def story(
        self, stand: str | None, alarm: str | None, since: int | None, until: int | None, span: int
    ) -> tuple[list[Chapter], tuple[int, int]]:
        """What has become of alarms in a window, the newest first, and the window: the last `span` ns if nothing else
        is said."""
        stop = self._clock.now() if until is None else until
        start = max(0, stop - span) if since is None else since
        found: list[Chapter] = []
        for name in [stand] if stand is not None else self._stands:
            series = self._stores.series(name)
            parts = [
                {s.ts: str(s.value) for s in await series.samples(Selection(name, ALARMS, None, field, start, stop))}
                for field in ("event", "why", "data")
            ]
            events, whys, data = parts
            made = (chapter(name, ts, event, whys.get(ts, ""), data.get(ts, "")) for ts, event in events.items())
            found += [each for each in made if each is not None and alarm in (None, each.alarm)]
        return sorted(found, key=lambda c: (c.ts, c.alarm), reverse=True), (start, stop)

    async def commands(self, query: CommandQuery) -> tuple[list[StoredCommand], Place | None]:
        """The newest first, `query.limit` of them, and where the next page begins."""
        store = await asyncio.to_thread(self._stores.runs)
        found = await asyncio.to_thread(store.commands, replace(query, limit=query.limit + 1))
        page = found[::-1][: query.limit]
        return page, page[-1].place if len(found) > query.limit else None

    async def entries(self, query: EntryQuery) -> tuple[list[Entry], Cursor | None]:
        """The newest first, and where the next page begins."""
        store = await asyncio.to_thread(self._stores.runs)
        found = await asyncio.to_thread(store.entries, replace(query, limit=query.limit + 1))
        page = found[: query.limit]
        return page, (page[-1].ts, page[-1].id) if len(found) > query.limit else None

    async def write(
        self, draft: Entry, files: list[tuple[str, bytes]], visible: Collection[str] | None = None
    ) -> tuple[Entry, bool]:
        """Keep what somebody wrote, now; `id` may be the writer's own, and then twice is once: False for the second.
        ContractError where it refers to what is not there, or not of the `visible` stands (None: of all), or where the
        id is another entry's."""
        entry = replace(draft, id=draft.id or uuid.uuid4().hex, ts=self._clock.now(), attachments=attached(files))

        def seen(stand: str | None) -> bool:
            return visible is None or stand in visible

        def keep() -> tuple[Entry, bool]:
            store = self._stores.runs(make=True)
            if entry.refers and not any(seen(each.stand) for each in store.entries(EntryQuery(id=entry.refers))):
                raise ContractError(f"refers: there is no entry {entry.refers}")
            if entry.run and ((run := store.run(entry.run)) is None or not seen(run.stand)):
                raise ContractError(f"run: there is no run {entry.run}")
            if store.put_entry(entry, [content for _, content in files]):
                return entry, True
            (known,) = store.entries(EntryQuery(id=entry.id))
            if replace(known, ts=entry.ts) != entry:
                raise ContractError(f"id: {entry.id} is another entry, and entries are never changed")
            return known, False

        return await asyncio.to_thread(keep)

    async def attachment(self, id: str, n: int) -> tuple[Entry, bytes]:
        """The entry and the content of one of its attachments; NotFound where there is none."""

        def read() -> tuple[Entry, bytes]:
            store = self._stores.runs()
            found = store.entries(EntryQuery(id=id))
            content = store.attachment(id, n) if found and 0 <= n < len(found[0].attachments) else None
            if content is None:
                raise NotFound(f"there is no attachment {n} of an entry {id!r:.60}")
            return found[0], content

        return await asyncio.to_thread(read)
