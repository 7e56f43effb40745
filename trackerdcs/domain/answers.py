"""What is said of runs and their conditions, for JSON and as tables: times as text, no bytes."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from trackerdcs.domain.join import ClockDoubt, Seen, Statistics, Window, clock_of
from trackerdcs.domain.moments import iso
from trackerdcs.domain.plain import plain
from trackerdcs.domain.run import ChipSummary, Run
from trackerdcs.domain.run_links import Binding
from trackerdcs.domain.run_results import Result

Kind = Literal["text", "number", "whole", "flag", "time"]
TIMES = frozenset({"requested", "start", "started", "end", "heard", "stop", "ts"})
"""Fields that hold a time, wherever they are."""
Answer = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows of named columns; times are ns UTC, None is unknown."""

    columns: tuple[tuple[str, Kind], ...]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Conditions:
    """A run's window, its clock, and what was seen in it; `record` is whether a gap record was asked, and why not."""

    run: Run
    window: Window
    width: int
    seen: tuple[Seen, ...]
    record: str

    @property
    def clock(self) -> ClockDoubt:
        return clock_of(self.run)


@dataclass(frozen=True)
class Noise:
    """Noise of a module in one run, over all chips or of one, and the conditions that it was measured under."""

    run: Run
    chips: tuple[ChipSummary, ...]
    against: tuple[Seen, ...]
    doubt: str = ""

    @property
    def noise(self) -> float | None:
        """Mean over all channels that have a noise."""
        known = [(c.noise, max(c.channels - c.bad, 1)) for c in self.chips if c.noise is not None]
        total = sum(n for _, n in known)
        return sum(noise * n for noise, n in known) / total if total else None


@dataclass(frozen=True)
class Then:
    """Which runs were on at a time (`doubts`, by run: why its end is none), and which module was on which channel."""

    ts: int
    runs: tuple[Run, ...]
    bindings: tuple[Binding, ...]
    doubts: Mapping[str, str] = field(default_factory=dict)


def said(value: Any, name: str = "") -> Any:
    """A plain value with its times as text, and without bytes."""
    if isinstance(value, Mapping):
        return {key: said(each, key) for key, each in value.items() if not isinstance(each, bytes)}
    if isinstance(value, list):
        return [said(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None  # JSON knows no others
    return iso(value) if name in TIMES and isinstance(value, int) and not isinstance(value, bool) else value


def run_answer(run: Run) -> Answer:
    """The whole record, and what is to be thought of its clock."""
    whole: Answer = said(plain(run))
    return whole | {"clock": plain(clock_of(run))}


def brief_answer(run: Run) -> Answer:
    """A run as lists have it."""
    names = ("id", "number", "state", "calibration", "tracker", "flavour", "sim", "stand", "device", "requested_by")
    more = ("why", "start", "end", "failure", "modules", "channels", "bad", "origin", "complete")
    whole = said(plain(run))
    return {name: whole[name] for name in (*names, *more)} | {"clock_doubt": clock_of(run).doubt}


def conditions_answer(found: Conditions) -> Answer:
    """By quantity: unit, statistics, gaps, buckets."""
    return {
        "run": brief_answer(found.run),
        "window": said(plain(found.window)),
        "clock": plain(found.clock),
        "bucket_s": found.width / 1e9,
        "gap_record": found.record,
        "conditions": [
            {
                "quantity": seen.of.name,
                "unit": seen.of.unit,
                "period_s": seen.of.period,
                "statistics": plain(seen.statistics),
                "gaps": said(plain(seen.gaps)),
                "buckets": [
                    {
                        "start": iso(b.start),
                        "stop": iso(b.stop),
                        "n": b.count,
                        "mean": b.mean,
                        "low": b.low,
                        "high": b.high,
                    }
                    for b in seen.buckets
                ],
            }
            for seen in found.seen
        ],
    }


def noise_answer(module: str, rows: Sequence[Noise]) -> Answer:
    """By run, the newest first."""
    return {
        "module": module,
        "rows": [
            {
                "run": row.run.id,
                "number": row.run.number,
                "calibration": row.run.calibration,
                "state": row.run.state,
                "sim": row.run.sim,
                "start": iso(row.run.start),
                "noise": row.noise,
                "chips": len(row.chips),
                "chip": _chip(row),
                "bad": sum(c.bad for c in row.chips),
                "against": {seen.of.name: plain(seen.statistics) for seen in row.against},
                "clock_doubt": clock_of(row.run).doubt,
                "doubt": row.doubt,
            }
            for row in rows
        ],
    }


def then_answer(then: Then) -> Answer:
    """Runs and bindings."""
    return {
        "time": iso(then.ts),
        "runs": [brief_answer(run) | {"doubt": then.doubts.get(run.id, "")} for run in then.runs],
        "bindings": said(plain(then.bindings)),
    }


def runs_table(runs: Sequence[Run]) -> Table:
    """A row a run."""
    columns: tuple[tuple[str, Kind], ...] = (
        ("id", "text"), ("number", "whole"), ("state", "text"), ("calibration", "text"), ("modules", "text"),
        ("start", "time"), ("end", "time"), ("stand", "text"), ("requested_by", "text"), ("why", "text"),
        ("sim", "flag"), ("failure", "text"), ("channels", "whole"), ("bad", "whole"), ("clock_doubt", "text"),
    )  # fmt: skip
    return Table(
        columns,
        [
            (
                r.id, r.number, r.state, r.calibration, " ".join(m.name or m.fuse_id for m in r.modules),
                r.start, r.end, r.stand, r.requested_by, r.why,
                r.sim, r.failure.code if r.failure else None, r.channels, r.bad, clock_of(r).doubt,
            )
            for r in runs
        ],
    )  # fmt: skip


def results_table(results: Sequence[Result], channels: bool) -> Table:
    """A row for each chip and list of numbers; with `channels` one for each of its channels."""
    place: tuple[tuple[str, Kind], ...] = (
        ("run", "text"), ("module", "text"), ("kind", "text"), ("board", "whole"), ("optical_group", "whole"),
        ("hybrid", "whole"), ("chip", "whole"), ("chip_type", "text"), ("name", "text"),
    )  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for r in results:
        where = (r.run, r.module, r.kind, r.board, r.optical_group, r.hybrid, r.chip, r.chip_type)
        if channels:
            bad = {b.channel: b.why for b in r.bad}
            rows += [(*where, n, i, v, bad.get(i)) for n, vs in r.values.items() for i, v in enumerate(vs)]
        else:
            rows += [(*where, n, s.n, s.mean, s.rms, s.low, s.high) for n, s in r.stats.items()]
            rows += [(*where, n, 1, v, None, v, v) for n, v in r.numbers.items()]
    if channels:
        return Table((*place, ("channel", "whole"), ("value", "number"), ("bad", "text")), rows)
    numbers: tuple[tuple[str, Kind], ...] = (
        ("mean", "number"),
        ("rms", "number"),
        ("low", "number"),
        ("high", "number"),
    )
    return Table((*place, ("n", "whole"), *numbers), rows)


def conditions_table(found: Conditions) -> Table:
    """A row for each bucket that has values, and one for each gap, whose numbers are empty."""
    columns: tuple[tuple[str, Kind], ...] = (
        ("run", "text"), ("quantity", "text"), ("unit", "text"), ("start", "time"), ("stop", "time"),
        ("n", "whole"), ("mean", "number"), ("low", "number"), ("high", "number"), ("gap", "text"),
    )  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for seen in found.seen:
        head = (found.run.id, seen.of.name, seen.of.unit)
        own: list[tuple[Any, ...]] = [
            (*head, b.start, b.stop, b.count, b.mean, b.low, b.high, None) for b in seen.buckets
        ]
        own += [(*head, g.start, g.stop, g.frames, None, None, None, g.kind) for g in seen.gaps]
        rows += sorted(own, key=lambda row: (row[3], row[9] is not None, row[4]))
    return Table(columns, rows)


def statistics_table(seen: Sequence[Seen]) -> Table:
    """A row a quantity, for people: its mean over the run, and what is missing of it."""
    columns: tuple[tuple[str, Kind], ...] = (
        ("quantity", "text"), ("unit", "text"), ("n", "whole"), ("mean", "number"), ("low", "number"),
        ("high", "number"), ("complete", "number"), ("gaps", "whole"),
    )  # fmt: skip
    each = [(s.of, s.statistics, len(s.gaps)) for s in seen]
    return Table(columns, [(of.name, of.unit, t.n, t.mean, t.low, t.high, t.complete, g) for of, t, g in each])


def noise_table(module: str, rows: Sequence[Noise]) -> Table:
    """A row for each run (and chip), three columns for each quantity."""
    names = list(dict.fromkeys(seen.of.name for row in rows for seen in row.against))
    columns: list[tuple[str, Kind]] = [
        ("module", "text"), ("run", "text"), ("number", "whole"), ("start", "time"), ("calibration", "text"),
        ("state", "text"), ("sim", "flag"), ("chip", "text"), ("noise", "number"), ("bad", "whole"),
    ]  # fmt: skip
    for name in names:
        columns += [(f"{name} mean", "number"), (f"{name} low", "number"), (f"{name} high", "number")]
    made = []
    for row in rows:
        known = {seen.of.name: seen.statistics for seen in row.against}
        against = [v for n in names for s in (known.get(n, Statistics(0)),) for v in (s.mean, s.low, s.high)]
        r = row.run
        head = (module, r.id, r.number, r.start, r.calibration, r.state, r.sim, _chip(row), row.noise)
        made.append((*head, sum(c.bad for c in row.chips), *against))
    return Table((*columns,), made)


def then_table(then: Then) -> Table:
    """A row for each run and each binding."""
    columns: tuple[tuple[str, Kind], ...] = (
        ("what", "text"), ("name", "text"), ("module", "text"), ("start", "time"), ("stop", "time"), ("state", "text"),
    )  # fmt: skip
    rows: list[tuple[Any, ...]] = [
        ("run", r.id, _names([m.name or m.fuse_id for m in r.modules]), r.start, r.end, r.state) for r in then.runs
    ]
    rows += [("channel", f"{b.stand}/{b.device}/{b.channel}", b.module, b.start, b.stop, None) for b in then.bindings]
    return Table(columns, rows)


def _chip(row: Noise) -> str | None:
    """Board, optical group, hybrid, chip of the only one."""
    if len(row.chips) != 1:
        return None
    (c,) = row.chips
    return f"b{c.board}-o{c.optical_group}-h{c.hybrid}-{c.chip_type.lower()}{c.chip}"


def _names(names: Collection[str]) -> str:
    return " ".join(name for name in names if name)
