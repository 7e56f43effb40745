"""Conditions of a run of 2 h: 20 quantities at 1 Hz in 1000 buckets, from SQLite and from InfluxDB; noise of 100 runs.

Run from the root: .venv/bin/python bench/join.py
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.runs_sqlite import SqliteRuns
from trackerdcs.adapters.series_influx import InfluxSeries
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.app.joiner import Joiner
from trackerdcs.domain.answers import conditions_answer
from trackerdcs.domain.gaps import Account
from trackerdcs.domain.join import Measured
from trackerdcs.domain.run import ChipSummary, Run, RunModule, RunQuery
from trackerdcs.domain.series import Point
from trackerdcs.ports import TimeSeries
from trackerdcs.ports_runs import RunStore
from trackerdcs.tests.servers import Influxd

S = 1_000_000_000
HOURS = 2
START = 1_760_000_012 * S + 345_678_901
CHANNELS = [f"ch{i}" for i in range(4)]
QUANTITIES = ["v_set", "v_mon", "i_mon", "p_mon", "t_air"]
SHORT_RUNS, SHORT_S = 100, 60
REPEATS = 15


class Stores:
    """app.joiner.Stores of one time series."""

    def __init__(self, runs: RunStore, series: TimeSeries) -> None:
        self._runs, self._series = runs, series
        self.known: Sequence[Measured] = [
            Measured("bench", "hv1", channel, quantity, "", 1.0) for channel in CHANNELS for quantity in QUANTITIES
        ]

    def runs(self) -> RunStore:
        return self._runs

    def series(self, stand: str) -> TimeSeries:
        return self._series

    def accounts(self, stand: str, since: int) -> list[Account]:
        return []


def frames(first: int, behind: int) -> list[Point]:
    return [
        Point(
            "hv",
            (("stand", "bench"), ("device", "hv1"), ("channel", channel), ("module", f"M{channel}")),
            START + i * S + i % 1000,
            {quantity: -200.0 + (i * 7919 % 1009) / 1e4 for quantity in QUANTITIES},
        )
        for i in range(first, behind)
        for channel in CHANNELS
    ]


def fill(runs: RunStore) -> None:
    channels = tuple(f"bench/hv1/{channel}" for channel in CHANNELS)
    modules, summary = (RunModule("M", channels=channels),), (ChipSummary(0, 0, 0, 0, "SSA", 2.0, channels=120),)
    ends = [START + HOURS * 3600 * S, *(START + i * SHORT_S * S + SHORT_S * S for i in range(SHORT_RUNS))]
    for i, end in enumerate(ends):
        start = START if i == 0 else end - SHORT_S * S
        name = "long" if i == 0 else f"short{i}"
        runs.put_run(Run(name, "done", stand="bench", start=start, end=end, modules=modules, summary=summary))


def median_ms(runner: asyncio.Runner, work: Callable[[], Awaitable[object]]) -> str:
    async def once() -> tuple[float, float]:
        began, spent = time.perf_counter(), time.process_time()
        await work()
        return (time.perf_counter() - began) * 1e3, (time.process_time() - spent) * 1e3

    runner.run(once())
    times, own = zip(*(runner.run(once()) for _ in range(REPEATS)), strict=True)
    best = min(times)
    return f"{statistics.median(times):7.1f} ms median, {best:7.1f} best, {statistics.median(own):7.1f} of a core here"


def measure(name: str, runner: asyncio.Runner, runs: RunStore, series: TimeSeries) -> None:
    for first in range(0, HOURS * 3600, 1250):
        assert runner.run(series.write(frames(first, min(first + 1250, HOURS * 3600)))) == []
    join = Joiner(Stores(runs, series), SystemClock())
    found = runner.run(join.conditions("long"))
    counted = sum(b.count for seen in found.seen for b in seen.buckets)
    assert (len(found.seen), counted) == (20, 20 * HOURS * 3600) and max(len(s.buckets) for s in found.seen) == 1000
    took = median_ms(runner, lambda: join.conditions("long"))
    print(f"{name:9} conditions of {HOURS} h, 20 quantities, 1000 buckets {took}")

    async def one() -> None:
        await join.conditions("long", ["hv1/ch0/v_mon"])

    print(f"{name:9} the same of one quantity                    {median_ms(runner, one)}")
    print(
        f"{name:9} noise of {SHORT_RUNS} runs against a quantity          "
        f"{median_ms(runner, lambda: join.noise('M', ['hv1/ch0/t_air'], RunQuery(limit=SHORT_RUNS)))}"
    )
    began = time.perf_counter()
    conditions_answer(found)
    print(f"{name:9} the answer as plain values for JSON         {(time.perf_counter() - began) * 1e3:8.1f} ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        runs = SqliteRuns(Path(folder) / "runs.sqlite")
        fill(runs)
        sqlite = SqliteSeries(Path(folder) / "series.sqlite")
        measure("SQLite", runner, runs, sqlite)
        runner.run(sqlite.close())
        with Influxd() as server:
            influx = InfluxSeries(server.url, server.org, server.bucket, server.token)
            measure("InfluxDB", runner, runs, influx)
            runner.run(influx.close())
        runs.close()


if __name__ == "__main__":
    main()
