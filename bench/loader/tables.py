"""Runs as Markdown: medians with lowest and highest, and each aim beside what was measured."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from bench.loader.runs import Run

Runs = Mapping[str, Sequence[Run]]
THEIRS = "telegraf"


def median(runs: Sequence[Run], value: Callable[[Run], float]) -> float:
    """Of the runs that were exact; 0 if there are none."""
    return statistics.median([value(run) for run in runs if run.rate] or [0.0])


def spread(runs: Sequence[Run], value: Callable[[Run], float], digits: int = 1) -> str:
    """Median [lowest-highest] of the runs that were exact."""
    values = [value(run) for run in runs if run.rate]
    if not values:
        return "-"
    return f"{median(runs, value):.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"


def exactness(runs: Sequence[Run]) -> str:
    """How many runs stored each message, once."""
    bad = [run.found.replace("|", "/") for run in runs if not run.rate]
    return f"{len(runs)} of {len(runs)}" if not bad else f"**{len(runs) - len(bad)} of {len(runs)}** ({'; '.join(bad)})"


COLUMNS = (
    "loader",
    "1000/s",
    "x Telegraf",
    "10-90 %",
    "first, s",
    "loader us",
    "database us",
    "broker us",
    "MB",
    "exact",
)


def table(runs: Runs) -> str:
    """One row a loader: 1000 messages/s in all and between, s to the first point, us of processor time a message."""
    rows = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for name, of in runs.items():
        times = ratio(runs, name, THEIRS, lambda run: run.rate)
        cells = [
            name,
            spread(of, lambda run: run.rate / 1000),
            f"{times:.2f}" if times else "-",
            number(median(of, lambda run: run.slope / 1000), 1),
            number(median(of, lambda run: run.first or 0.0), 2),
            spread(of, lambda run: run.us("loader")),
            number(median(of, lambda run: run.us("database")), 1),
            number(median(of, lambda run: run.us("broker")), 1),
            number(max(run.rss for run in of), 0),
            exactness(of),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def number(value: float, digits: int) -> str:
    """A number; what was not measured is no zero."""
    return f"{value:.{digits}f}" if value else "-"


def ratio(runs: Runs, one: str, other: str, value: Callable[[Run], float]) -> float | None:
    """Median of one against that of the other; None where one is missing."""
    values = [median(runs.get(name, ()), value) for name in (one, other)]
    return values[0] / values[1] if all(values) else None


Aim = tuple[str, float | None, float, bool, str]
"""What, measured (None: not exact, or nothing to compare with), aimed at, whether at least that, unit."""


def beside(live: Runs, drain: Runs, ours: str) -> list[Aim]:
    """What is aimed at beside the others."""

    def us(run: Run) -> float:
        return run.us("loader")

    def rate(run: Run) -> float:
        return run.rate

    whole: list[tuple[Runs, Aim]] = [
        (live, (f"{ours}: live rate, against Telegraf", ratio(live, ours, THEIRS, rate), 1.2, True, "times")),
        (live, (f"{ours}: live rate, against the sink in C", ratio(live, ours, "sink", rate), 0.95, True, "times")),
        (drain, (f"{ours}: drain, against Telegraf", ratio(drain, ours, THEIRS, rate), 3.0, True, "times")),
        (live, (f"{ours}: processor time live, against Telegraf", ratio(live, ours, THEIRS, us), 0.2, False, "times")),
        (drain, (f"{ours}: processor time draining, the same", ratio(drain, ours, THEIRS, us), 0.2, False, "times")),
    ]
    return [aim for runs, aim in whole if ours in runs]


def alone(runs: Mapping[str, Run]) -> list[Aim]:
    """What is aimed at for one run of ours each."""
    found: list[Aim] = []
    for name, what in (("backlog", "backlog with the broker"), ("outage", "database away")):
        if run := runs.get(name):
            memory = run.rss if run.rate else None
            found.append((f"memory (RSS), {what}, {run.count} messages", memory, 100.0, False, "MB"))
    if run := runs.get("devices"):
        cores = run.cpu["loader"] / run.seconds if run.rate and run.seconds else None
        found.append(("1000 devices of 10 quantities at 1 Hz", cores, 1.0, False, "cores"))
    return found


def aims(rows: Sequence[Aim]) -> str:
    """Each aim beside what was measured for it."""
    lines = ["| what | aim | measured | |", "|---|---|---|---|"]
    for what, value, aim, at_least, unit in rows:
        sign, measured, verdict = ">=" if at_least else "<=", "-", "**not measured**"
        if value is not None:
            reached = value >= aim if at_least else value <= aim
            measured, verdict = f"{value:.2f} {unit}", "reached" if reached else "**not reached**"
        lines.append(f"| {what} | {sign} {aim:g} {unit} | {measured} | {verdict} |")
    return "\n".join(lines)
