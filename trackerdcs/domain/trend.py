"""What a plot over a window shows: quantities in buckets, and what was going on meanwhile; for JSON and as a table."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from trackerdcs.domain.answers import Answer, Kind, Table, said
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.join import Measured, Seen, Window
from trackerdcs.domain.messages import TEXT
from trackerdcs.domain.moments import S, iso
from trackerdcs.domain.plain import plain
from trackerdcs.domain.run import Run
from trackerdcs.domain.series import Bucket

MOST_QUANTITIES = 16
MOST_BUCKETS = 5000
MOST_BANDS = 200
"""Runs, and events, of one answer: more would be a wall of marks."""
HOUR = 3600 * S


@dataclass(frozen=True)
class Happened:
    """An event as it is stored."""

    ts: int
    stand: str
    device: str
    channel: str | None
    event: str
    why: str = ""


@dataclass(frozen=True)
class Marks:
    """What was going on in a window, the newest of each; `note` says what could not be asked, or was left out."""

    runs: tuple[Run, ...] = ()
    events: tuple[Happened, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Trend:
    """Quantities over a window; `width` is the length of a bucket in ns, `record` whether a gap record was asked."""

    window: Window
    width: int
    seen: tuple[Seen, ...]
    record: str
    marks: Marks = Marks()


def asked_window(since: int | None, until: int | None, now: int) -> Window:
    """What a plot shows: the last hour if nothing is said. ContractError where it is no window; nothing can have been
    measured later than now, so it ends there."""
    stop = now if until is None else until
    start = max(stop - HOUR, 0) if since is None else since
    if start >= stop:
        raise ContractError(f"since: {iso(start)} is not before until: {iso(stop)}")
    if start >= now:
        raise ContractError(f"since: {iso(start)} is later than now: nothing can have been measured yet")
    return Window(start, min(stop, now))


def meant(words: Sequence[str], known: Sequence[Measured]) -> list[Measured]:
    """The quantities by their whole names, in their order; ContractError for what is no such name."""
    if not words:
        raise ContractError("quantity: expected at least one, such as demo/hv1/ch0/v_mon; /api/quantities lists them")
    unique = list(dict.fromkeys(words))
    if len(unique) > MOST_QUANTITIES:
        raise ContractError(f"quantity: {len(unique)} of them, at most {MOST_QUANTITIES} at once")
    by_name = {m.name: m for m in known}
    return [by_name.get(word) or _unlisted(word) for word in unique]


def _unlisted(word: str) -> Measured:
    """One that no stand file knows may have been stored all the same, by another loader or in other times."""
    parts = word.split("/")
    if len(parts) != 4 or not all(parts) or len(word) > 200 or not word.isprintable():
        raise ContractError(f"quantity: {word[:80]!r}: expected stand/device/channel/name, such as demo/hv1/ch0/v_mon")
    if parts[3] == TEXT:
        raise ContractError(f"quantity: {word[:80]!r} is a text and has no mean: trackerdcs history shows it")
    return Measured(parts[0], parts[1], parts[2], parts[3])


def with_period(of: Measured, buckets: Sequence[Bucket]) -> Measured:
    """Where nobody says how often it is measured, as often as the values show: else no gap would ever be seen."""
    steps = [(after.start - before.start) / before.count for before, after in pairwise(buckets)]
    return of if of.period or not steps else replace(of, period=statistics.median(steps) / S)


def quantities_answer(known: Sequence[Measured]) -> Answer:
    """A list of quantities."""
    names = ("stand", "device", "channel", "quantity", "unit", "period", "shared")
    return {"quantities": [{"name": m.name} | {name: getattr(m, name) for name in names} for m in known]}


def trend_answer(trend: Trend) -> Answer:
    """Buckets in columns: a plot of four quantities has thousands of them. `at`: s from the window's start."""
    start = trend.window.start
    return {
        "window": {"start": iso(start), "stop": iso(trend.window.stop)},
        "start_ms": start / 1e6,
        "bucket_s": trend.width / S,
        "gap_record": trend.record,
        "series": [
            {
                "quantity": seen.of.name,
                "unit": seen.of.unit,
                "period_s": seen.of.period,
                "statistics": plain(seen.statistics),
                "gaps": [said(plain(gap)) | _offsets(gap.start, gap.stop, start) for gap in seen.gaps],
                "at": [round((b.start - start) / S, 6) for b in seen.buckets],
                "length": [round((b.stop - b.start) / S, 6) for b in seen.buckets],
                "n": [b.count for b in seen.buckets],
                "mean": [b.mean for b in seen.buckets],
                "low": [b.low for b in seen.buckets],
                "high": [b.high for b in seen.buckets],
            }
            for seen in trend.seen
        ],
        "runs": [_run(run) for run in trend.marks.runs],
        "events": [said(plain(event)) for event in trend.marks.events],
        "note": trend.marks.note,
    }


def trend_table(trend: Trend) -> Table:
    """A row for each bucket that has values, and one for each gap, whose numbers are empty."""
    columns: tuple[tuple[str, Kind], ...] = (
        ("quantity", "text"), ("unit", "text"), ("start", "time"), ("stop", "time"),
        ("n", "whole"), ("mean", "number"), ("low", "number"), ("high", "number"), ("gap", "text"),
    )  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for seen in trend.seen:
        head = (seen.of.name, seen.of.unit)
        own: list[tuple[Any, ...]] = [
            (*head, b.start, b.stop, b.count, b.mean, b.low, b.high, None) for b in seen.buckets
        ]
        own += [(*head, g.start, g.stop, g.frames, None, None, None, g.kind) for g in seen.gaps]
        rows += sorted(own, key=lambda row: (row[2], row[8] is not None, row[3]))
    return Table(columns, rows)


def quantities_table(known: Sequence[Measured]) -> Table:
    """A row for each quantity."""
    columns: tuple[tuple[str, Kind], ...] = (
        ("name", "text"), ("stand", "text"), ("device", "text"), ("channel", "text"), ("quantity", "text"),
        ("unit", "text"), ("period", "number"), ("shared", "flag"),
    )  # fmt: skip
    return Table(
        columns, [(m.name, m.stand, m.device, m.channel, m.quantity, m.unit, m.period, m.shared) for m in known]
    )


def _offsets(start: int, stop: int, origin: int) -> dict[str, float]:
    return {"at": (start - origin) / S, "until": (stop - origin) / S}


def _run(run: Run) -> dict[str, Any]:
    names = [module.name for module in run.modules if module.name]
    whole = {
        name: getattr(run, name) for name in ("id", "calibration", "state", "stand", "sim", "number", "start", "end")
    }
    marked: dict[str, Any] = said(whole | {"modules": names})
    return marked
