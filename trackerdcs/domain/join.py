"""A run and what the slow control saw meanwhile: windows, quantities, gaps, statistics. Nothing is interpolated."""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from trackerdcs.domain.errors import ContractError, TrackerError
from trackerdcs.domain.gaps import Account
from trackerdcs.domain.messages import TEXT
from trackerdcs.domain.moments import S, iso
from trackerdcs.domain.run import Run, RunModule
from trackerdcs.domain.series import Bucket

GAP = 3.0
"""Without a value, or with less than half of those due, for so many periods there is a gap."""
APART_S = 1.0
"""Clocks that disagree by more are said to."""
QUIET_S = 60.0
"""A run that goes on is heard of several times in this time; without, nobody knows whether it still does."""
EMPTY, FEW = "empty", "few"


class NotFound(TrackerError):
    """There is nothing of this name."""


class NotYet(TrackerError):
    """What is asked for has not begun."""


@dataclass(frozen=True)
class Window:
    """[start, stop) in ns UTC. `doubt`: why the stop is none that was measured."""

    start: int
    stop: int
    doubt: str = ""


@dataclass(frozen=True)
class Measured:
    """A quantity that is measured again and again, each `period` s if that is known; `shared`: by no one module."""

    stand: str
    device: str
    channel: str
    quantity: str
    unit: str = ""
    period: float | None = None
    shared: bool = False

    @property
    def place(self) -> str:
        return f"{self.stand}/{self.device}/{self.channel}"

    @property
    def name(self) -> str:
        return f"{self.place}/{self.quantity}"


@dataclass(frozen=True)
class Gap:
    """Where values are missing: `empty` and `few` as the time series shows it, else what the gap record says of the
    device's frames: `lost` `parked` `missing` and so on."""

    start: int
    stop: int
    kind: str
    frames: int | None = None
    cause: str = ""


@dataclass(frozen=True)
class Statistics:
    """Of all values in a window; `complete` is their share of those that were due, None where nobody knows."""

    n: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    complete: float | None = None


@dataclass(frozen=True)
class Seen:
    """What the slow control saw of one quantity over a window."""

    of: Measured
    statistics: Statistics
    buckets: tuple[Bucket, ...] = ()
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True)
class ClockDoubt:
    """How the times of a run became ours: seconds east of UTC, from what, seconds that the clocks still disagree, and
    why that is to be looked at (empty: it need not be)."""

    source: str
    offset: int | None
    difference: float | None
    doubt: str


def window_of(run: Run, now: int) -> Window:
    """From the start to the end of a run; of one that goes on, to now; of one whose bridge is not heard of any more, to
    when it was last. NotYet for one that has not begun."""
    if run.start is None:
        raise NotYet(f"run {run.id} is {run.state} and has no start: there is no time to look at")
    if run.end is not None and run.end > run.start:
        return Window(run.start, run.end)
    last = max([run.start, *_moments(run)])
    if run.final:
        return Window(run.start, last + 1, "nobody knows when the run ended: until the last that is known of it")
    if _goes_on(last, now):
        return Window(run.start, max(now, run.start + 1), f"the run is {run.state}: until now")
    doubt = f"the run was {run.state} when it was last heard of, at {iso(last)}: until then"
    return Window(run.start, last + 1, doubt)


def on_at(run: Run, ts: int, now: int) -> bool:
    """Whether a run was on; one whose end nobody knows, until the last that is known of it."""
    if run.start is None or ts < run.start:
        return False
    ended = run.end is not None or run.final
    return (not ended and _goes_on(max([run.start, *_moments(run)]), now)) or ts < window_of(run, now).stop


def _goes_on(last: int, now: int) -> bool:
    return now - last <= QUIET_S * S


def clock_of(run: Run) -> ClockDoubt:
    """What is known of the clock of the run's computer."""
    zone = run.zone
    if zone is None:
        return ClockDoubt("", None, None, "nobody has compared the clock of the run's computer with another one")
    apart, doubt = zone.difference, ""
    if zone.source == "assumed":
        doubt = "the time zone of the run's computer is assumed: conditions may be shifted by hours"
    elif apart is None:
        doubt = "how far the clock of the run's computer is from another one is not known"
    elif abs(apart) > APART_S:
        doubt = f"the clocks disagree by {apart:g} s: conditions may be shifted by that"
    return ClockDoubt(zone.source, zone.offset, apart, doubt)


def chosen(
    wanted: Sequence[str], known: Sequence[Measured], channels: Collection[str], stands: Collection[str]
) -> list[Measured]:
    """The quantities meant by `v_mon` (of the channels; else of all in the stands), `hv1/ch0/v_mon` (of the stands) or
    `demo/hv1/ch0/v_mon` (of any); without a word, all of the channels and what is shared. ContractError for none."""
    ours = [m for m in known if m.stand in stands]
    fed = [m for m in known if m.place in channels]
    if not wanted:
        return list(dict.fromkeys([*fed, *(m for m in ours if m.shared)]))
    found: dict[Measured, None] = {}
    for word in wanted:
        found |= dict.fromkeys(_meant(word, known, ours, fed))
    return list(found)


def seen(of: Measured, buckets: Sequence[Bucket], window: Window, accounts: Iterable[Account] = ()) -> Seen:
    """Statistics and gaps of what was stored in a window."""
    gaps = [*_told(accounts, of, window), *_holes(buckets, window, of.period)]
    gaps.sort(key=lambda gap: (gap.start, gap.stop, gap.kind))
    return Seen(of, statistics(buckets, window, of.period), tuple(buckets), tuple(gaps))


def statistics(buckets: Sequence[Bucket], window: Window, period: float | None) -> Statistics:
    """Of all values, from their buckets: exact but for rounding."""
    n, weighted, low, high = 0, 0.0, math.inf, -math.inf
    for b in buckets:
        n += b.count
        weighted += b.mean * b.count
        low, high = b.low if b.low < low else low, b.high if b.high > high else high
    due = (window.stop - window.start) / (period * S) if period else 0.0
    complete = min(1.0, n / due) if due >= 1 else None
    if n == 0:
        return Statistics(0, complete=complete)
    return Statistics(n, min(max(weighted / n, low), high), low, high, complete)


def modules_of(run: Run, module: str | None) -> list[RunModule]:
    """The modules of a run by this name, or all."""
    return [m for m in run.modules if module is None or m.name == module]


def _moments(run: Run) -> Iterator[int]:
    for ts in (
        run.started,
        run.heard,
        *(ts for s in run.stages for ts in (s.start, s.stop)),
        *(e.ts for e in run.events),
    ):
        if ts is not None:
            yield ts


def _meant(
    word: str, known: Sequence[Measured], ours: Sequence[Measured], fed: Sequence[Measured]
) -> Sequence[Measured]:
    parts = word.split("/")
    if parts[-1] == TEXT:
        raise ContractError(f"quantity: {word[:80]!r} is a text and has no mean: trackerdcs history shows it")
    if not all(parts):
        raise ContractError(f"quantity: {word[:80]!r}: expected v_mon, hv1/ch0/v_mon or demo/hv1/ch0/v_mon")
    if len(parts) == 1:
        found = [m for m in fed if m.quantity == word] or [m for m in ours if m.quantity == word]
    elif len(parts) == 3:
        found = [m for m in ours if [m.device, m.channel, m.quantity] == parts]
    elif len(parts) == 4:
        # One that no stand file knows may have been stored all the same, by another loader or in other times.
        found = [m for m in known if m.name == word] or [Measured(parts[0], parts[1], parts[2], parts[3])]
    else:
        found = []
    if not found:
        names = ", ".join(sorted({m.quantity for m in fed} or {m.quantity for m in ours})) or "none"
        raise ContractError(
            f"quantity: {word[:80]!r} is not measured here. Known: {names}; others by their whole name, "
            "such as demo/env1/-/t_air"
        )
    return found


def _holes(buckets: Sequence[Bucket], window: Window, period: float | None) -> Iterator[Gap]:
    """Stretches that lack values, as fine as the buckets show them."""
    if not period:
        return
    shortest, open_gap = GAP * period * S, None
    for gap in _lacking(buckets, window, period):
        if open_gap is not None and gap.start <= open_gap.stop:
            kind = open_gap.kind if open_gap.kind == gap.kind else FEW
            open_gap = replace(open_gap, stop=gap.stop, kind=kind)
            continue
        if open_gap is not None and open_gap.stop - open_gap.start >= shortest:
            yield open_gap
        open_gap = gap
    if open_gap is not None and open_gap.stop - open_gap.start >= shortest:
        yield open_gap


def _lacking(buckets: Sequence[Bucket], window: Window, period: float) -> Iterator[Gap]:
    at, half = window.start, 0.5 / (period * S)
    for bucket in buckets:
        if bucket.start > at:
            yield Gap(at, bucket.start, EMPTY)
        if bucket.count < (bucket.stop - bucket.start) * half:
            yield Gap(bucket.start, bucket.stop, FEW)
        at = bucket.stop
    if at < window.stop:
        yield Gap(at, window.stop, EMPTY)


def _told(accounts: Iterable[Account], of: Measured, window: Window) -> Iterator[Gap]:
    """What the gap record says of the device's frames. Between which frames is known, when each was meant is not."""
    for account in accounts:
        if (account.stand, account.device) != (of.stand, of.device):
            continue
        for span in account.spans:
            if span.after is None and span.before is None:
                continue
            start = window.start if span.after is None else max(span.after, window.start)
            stop = window.stop if span.before is None else min(span.before, window.stop)
            if start < stop:
                yield Gap(start, stop, span.fate, span.frames, span.cause)
