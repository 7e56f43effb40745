"""Answers "under which conditions?": runs from one database, what the slow control saw meanwhile from the other."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Protocol

from trackerdcs.domain.answers import Conditions, Noise, Then
from trackerdcs.domain.errors import ContractError, TrackerError
from trackerdcs.domain.gaps import Account
from trackerdcs.domain.join import Measured, NotFound, Window, chosen, modules_of, on_at, seen, window_of
from trackerdcs.domain.run import Run, RunFile, RunModule, RunQuery, order
from trackerdcs.domain.run_links import BindingQuery
from trackerdcs.domain.run_results import Blob, Result, ResultQuery, key_of
from trackerdcs.domain.series import Bucket, Selection
from trackerdcs.ports import Clock, TimeSeries
from trackerdcs.ports_runs import RunStore

BUCKETS, MOST_BUCKETS = 1000, 10_000
MOST_QUANTITIES = 200
MOST_RUNS = 1000
MOST_LOOKS = 5000
"""Quantities times runs of one question."""
MOST_MEANS = 200_000
"""Quantities times buckets of one answer."""
Cursor = tuple[int | None, str]
"""Start and id of the last run of a page."""


class Stores(Protocol):
    """What is joined. Each call raises ConfigError, StoreDown or StoreFault where it is not to be had now."""

    @property
    def known(self) -> Sequence[Measured]: ...
    def runs(self) -> RunStore: ...
    def series(self, stand: str) -> TimeSeries: ...
    def accounts(self, stand: str, since: int) -> list[Account]:
        """What the gap records say of the devices of a stand; TrackerError where there are none."""


class Joiner:
    """The use cases. Nothing is kept between two of them; whatever blocks is in a thread."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores, self._clock = stores, clock

    async def runs(self, query: RunQuery, after: Cursor | None = None) -> tuple[list[Run], Cursor | None]:
        """The newest first, `query.limit` of them, behind those up to `after`; and where the next page begins."""

        def read() -> list[Run]:
            wanted, store = query.limit + 1, self._stores.runs()
            behind = query
            if after is not None and after[0] is not None:
                until = after[0] + 1
                behind = replace(query, until=until if query.until is None else min(until, query.until))
            while True:  # runs of one start may be more than a page
                found = store.runs(replace(behind, limit=wanted))
                new = [run for run in found if after is None or order(run) > _order(after)]
                if len(new) > query.limit or len(found) < wanted:
                    return new
                wanted *= 2

        new = await asyncio.to_thread(read)
        page = new[: query.limit]
        return page, (page[-1].start, page[-1].id) if len(new) > len(page) else None

    async def run(self, run: str) -> Run:
        """The whole record; NotFound."""
        found = await asyncio.to_thread(lambda: self._stores.runs().run(run))
        if found is None:
            raise NotFound(f"there is no run {run[:60]!r}")
        return found

    async def results(self, query: ResultQuery) -> list[Result]:
        """Of one run; NotFound where there is no such run."""
        await self.run(query.run or "")
        return await asyncio.to_thread(lambda: self._stores.runs().results(query))

    async def files(self, run: str) -> list[RunFile]:
        """The raw files of a run, by name; NotFound where there is no such run."""
        await self.run(run)
        return await asyncio.to_thread(lambda: self._stores.runs().raw_files(run))

    async def file(self, run: str, name: str) -> tuple[RunFile, Iterator[bytes]]:
        """A raw file and what reads it, piece by piece, blocking; NotFound for what is not in the list of files."""
        about = next((each for each in await self.files(run) if each.name == name), None)
        if about is None:
            raise NotFound(f"run {run} has no file {name[:120]!r}: its names are as GET /api/runs/{run}/files says")

        def begun() -> Iterator[bytes]:
            pieces = self._stores.runs().raw(run, name)
            return chain((next(pieces, b""),), pieces)  # what is away is said before a byte is sent

        return about, await asyncio.to_thread(begun)

    async def picture(self, run: str, key: str, name: str | None = None) -> tuple[Result, Blob]:
        """A picture of the result with this key, by its name or the first; NotFound."""
        known = await self.results(ResultQuery(run, blobs=False))
        head = next((each for each in known if key_of(each) == key), None)
        if head is None:
            raise NotFound(f"run {run} has no result {key[:60]!r}: keys are as GET /api/runs/{run}/results says")
        place = ResultQuery(run, head.kind, None, head.hybrid, head.chip, head.chip_type or None)
        found = await self.results(place)
        result = next((each for each in found if each.key == head.key), head)
        for blob in result.blobs:
            if blob.data and name in (None, blob.name):
                return result, blob
        names = ", ".join(blob.name for blob in result.blobs) or "none"
        raise NotFound(f"result {key} of run {run} has no picture {(name or '')[:60]!r}, it has {names}")

    async def conditions(
        self, run: str, quantities: Sequence[str] = (), width: int | None = None, visible: Collection[str] | None = None
    ) -> Conditions:
        """What was seen while a run was on, in buckets of about `width` ns; not said: a thousandth of the window.
        Of the stands that are `visible` alone, None for all."""
        found = await self.run(run)
        window = window_of(found, self._clock.now())
        length = window.stop - window.start
        number = BUCKETS if width is None else max(1, -(-length // width))
        if number > MOST_BUCKETS:
            least = -(-length // MOST_BUCKETS) / 1e9
            raise ContractError(f"bucket: this run would have {number} of them: {least:.3g}s is the shortest for it")
        of = await self._of(found, found.modules, quantities, visible)
        if len(of) * number > MOST_MEANS:
            raise ContractError(
                f"bucket: {len(of)} quantities in {number} buckets are {len(of) * number} means, at most {MOST_MEANS} "
                "at once: name fewer quantities, or a longer bucket"
            )
        buckets = await self.buckets([(m, window) for m in of], number)
        stands = sorted({m.stand for m in of if m.period})
        accounts, record = await asyncio.to_thread(self.accounts, stands, window)
        found_here = tuple(seen(m, b, window, accounts) for m, b in zip(of, buckets, strict=True))
        widths = [b.stop - b.start for each in buckets for b in each]
        return Conditions(found, window, max(widths, default=-(-length // number)), found_here, record)

    async def noise(self, module: str, against: Sequence[str], query: RunQuery, chips: bool = False) -> list[Noise]:
        """Noise of a module in all its runs that measured it, beside what else was measured meanwhile."""

        def read() -> list[Run]:
            store = self._stores.runs()
            briefs = store.runs(replace(query, module=module))
            whole = (store.run(brief.id) for brief in briefs if brief.start is not None)
            return [run for run in whole if run is not None]

        asked: list[tuple[Measured, Window]] = []
        rows: list[tuple[Run, str, int]] = []
        now = self._clock.now()
        for run in await asyncio.to_thread(read):
            window, doubt = window_of(run, now), ""
            try:
                of = await self._of(run, modules_of(run, module), against, query.stands) if against else []
            except ContractError as e:
                of, doubt = [], str(e)  # this run has no such quantity, others do
            rows.append((run, doubt or window.doubt, len(of)))
            asked += [(m, window) for m in of]
        if against and rows and not asked:
            raise ContractError(rows[0][1])
        if len(asked) > MOST_LOOKS:
            raise ContractError(
                f"against: {max(n for *_, n in rows)} quantities in {len(rows)} runs are {len(asked)} looks at the "
                f"slow control, at most {MOST_LOOKS} at once: name fewer quantities, or fewer runs (limit, since)"
            )
        buckets = await self.buckets(asked, 1)
        all_seen = [seen(m, b, w) for (m, w), b in zip(asked, buckets, strict=True)]
        found, at = [], 0
        for run, doubt, count in rows:
            own, at = tuple(all_seen[at : at + count]), at + count
            places = {(m.board, m.optical_group) for m in modules_of(run, module)}
            of_module = tuple(c for c in run.summary if (c.board, c.optical_group) in places and c.noise is not None)
            groups = [(c,) for c in of_module] if chips else [of_module] if of_module else []
            found += [Noise(run, group, own, doubt) for group in groups]
        return found

    async def at(
        self, ts: int, stand: str | None = None, module: str | None = None, visible: Collection[str] | None = None
    ) -> Then:
        """Which runs were on, and which module was on which channel; of the stands that are `visible`, None for all."""

        def read() -> Then:
            store = self._stores.runs()
            query = RunQuery(module=module, stand=stand, since=ts, until=ts + 1, limit=MOST_RUNS, stands=visible)
            now = self._clock.now()
            runs = [run for brief in store.runs(query) if (run := store.run(brief.id)) and on_at(run, ts, now)]
            doubts = {run.id: window_of(run, now).doubt for run in runs}
            bindings = store.bindings(BindingQuery(stand=stand, module=module, at=ts))
            shown = (b for b in bindings if b.module is not None and (visible is None or b.stand in visible))
            return Then(ts, tuple(runs), tuple(shown), doubts)

        return await asyncio.to_thread(read)

    async def _of(
        self, run: Run, modules: Sequence[RunModule], words: Sequence[str], visible: Collection[str] | None
    ) -> list[Measured]:
        """Which quantities are meant, of the channels that the record names, else of those bound at that time."""
        channels = {channel for m in modules for channel in m.channels}
        if not channels and (names := [m.name for m in modules if m.name]):
            channels = await asyncio.to_thread(self._bound, names, run.start)
        stands = {channel.partition("/")[0] for channel in channels} | ({run.stand} if run.stand else set())
        known = [m for m in self._stores.known if visible is None or m.stand in visible]
        of = chosen(words, known, channels, stands or {m.stand for m in known})
        if hidden := [m.name for m in of if visible is not None and m.stand not in visible]:
            raise ContractError(f"quantity: {hidden[0][:80]!r} is of a stand that is not visible here")
        if len(of) > MOST_QUANTITIES:
            raise ContractError(f"quantity: {len(of)} of them are meant, at most {MOST_QUANTITIES} at once")
        return of

    def _bound(self, modules: Sequence[str], ts: int | None) -> set[str]:
        store = self._stores.runs()
        found = [b for module in modules for b in store.bindings(BindingQuery(module=module, at=ts))]
        return {f"{b.stand}/{b.device}/{b.channel}" for b in found}

    async def buckets(self, asked: Sequence[tuple[Measured, Window]], number: int) -> list[list[Bucket]]:
        """In the order asked for; one request for all that are in the same database."""
        by_store: dict[int, tuple[TimeSeries, list[int]]] = {}
        for place, (of, _) in enumerate(asked):
            series = self._stores.series(of.stand)
            by_store.setdefault(id(series), (series, []))[1].append(place)
        found: list[list[Bucket]] = [[] for _ in asked]
        for series, places in by_store.values():
            some = [_selection(*asked[place]) for place in places]
            for place, buckets in zip(places, await series.many_buckets(some, number), strict=True):
                found[place] = buckets
        return found

    def accounts(self, stands: Sequence[str], window: Window) -> tuple[list[Account], str]:
        """What the gap records of some stands say, and whether they could be asked. Blocks."""
        accounts: list[Account] = []
        try:
            for stand in stands:
                accounts += self._stores.accounts(stand, window.start)
        except TrackerError as e:
            return [], f"not asked: {e}"
        return accounts, "asked" if stands else "not asked: it knows no such quantity"


def _order(cursor: Cursor) -> tuple[bool, int, str]:
    start, run = cursor
    return start is not None, -(start or 0), run


def _selection(of: Measured, window: Window) -> Selection:
    return Selection(of.stand, of.device, of.channel, of.quantity, window.start, window.stop)
