"""Any quantities over any window, what was going on meanwhile, and which quantities there are."""

import asyncio
from collections.abc import Collection, Sequence

from trackerdcs.app.joiner import Joiner, Stores
from trackerdcs.domain import topics
from trackerdcs.domain.errors import TrackerError
from trackerdcs.domain.join import Measured, NotFound, Window, seen
from trackerdcs.domain.run import Run, RunQuery
from trackerdcs.domain.series import Sample, Selection
from trackerdcs.domain.trend import MOST_BANDS, Happened, Marks, Trend, asked_window, meant, with_period
from trackerdcs.ports import Clock

Place = tuple[str, str, str | None]


class Trends:
    """The use cases. Nothing is kept between two of them; whatever blocks is in a thread."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores, self._clock = stores, clock
        self._joiner = Joiner(stores, clock)

    def quantities(self, stand: str | None = None) -> list[Measured]:
        """All that the stand files know, or those of one stand; NotFound where no file knows it."""
        found = [m for m in self._stores.known if stand in (None, m.stand)]
        if stand is not None and not found:
            raise NotFound(f"there is no stand {stand[:60]!r} that measures something")
        return found

    async def series(
        self,
        words: Sequence[str],
        since: int | None,
        until: int | None,
        number: int,
        visible: Collection[str] | None = None,
    ) -> Trend:
        """Quantities by their whole names in at most `number` buckets each; runs of `visible` stands, None: of all.
        ContractError for what cannot be asked."""
        window = asked_window(since, until, self._clock.now())
        of = meant(words, self._stores.known)
        buckets, marks = await asyncio.gather(
            self._joiner.buckets([(m, window) for m in of], number), self._marks(of, window, visible)
        )
        stands = sorted({m.stand for m in of if m.period})
        accounts, record = await asyncio.to_thread(self._joiner.accounts, stands, window)

        def judged() -> Trend:
            found = tuple(seen(with_period(m, b), b, window, accounts) for m, b in zip(of, buckets, strict=True))
            widths = [b.stop - b.start for each in buckets for b in each[:2]]
            return Trend(window, max(widths, default=-(-(window.stop - window.start) // number)), found, record, marks)

        return await asyncio.to_thread(judged)

    async def _marks(self, of: Sequence[Measured], window: Window, visible: Collection[str] | None) -> Marks:
        """A plot without its bands is better than none: what cannot be had now is said in the note."""
        notes: list[str] = []
        runs: list[Run] = []
        events: list[Happened] = []
        try:
            runs = await asyncio.to_thread(self._runs, {m.stand for m in of}, window, visible)
        except TrackerError as e:
            notes.append(f"runs are not shown: {e}")
        try:
            events = await self._events(of, window)
        except TrackerError as e:
            notes.append(f"events are not shown: {e}")
        for name, found in (("runs", runs), ("events", events)):
            if len(found) > MOST_BANDS:
                notes.append(f"more than {MOST_BANDS} {name}: the newest are shown")
        return Marks(tuple(runs[:MOST_BANDS]), tuple(events[-MOST_BANDS:]), "; ".join(notes))

    def _runs(self, stands: set[str], window: Window, visible: Collection[str] | None) -> list[Run]:
        query = RunQuery(since=window.start, until=window.stop, limit=MOST_BANDS + 1, stands=visible)
        return [run for run in self._stores.runs().runs(query) if not run.stand or run.stand in stands]

    async def _events(self, of: Sequence[Measured], window: Window) -> list[Happened]:
        """Of the channels that are shown, of their devices, and of the guard of their stand."""
        places: dict[Place, None] = {}
        for m in of:
            places |= dict.fromkeys(
                [(m.stand, m.device, m.channel), (m.stand, m.device, None), (m.stand, topics.GUARD, None)]
            )
        found = await asyncio.gather(*(self._of(place, window) for place in places))
        return sorted((event for each in found for event in each), key=lambda event: event.ts)

    async def _of(self, place: Place, window: Window) -> list[Happened]:
        stand, device, channel = place
        series = self._stores.series(stand)

        async def texts(quantity: str) -> Sequence[Sample]:
            return await series.samples(Selection(stand, device, channel, quantity, window.start, window.stop))

        events = await texts("event")
        why = {sample.ts: str(sample.value) for sample in await texts("why")} if events else {}
        return [Happened(e.ts, stand, device, channel, str(e.value), why.get(e.ts, "")) for e in events]
