"""What writing points costs: SQLite over 10 and 1000 series, lines for InfluxDB slow and fast, InfluxDB itself.

Run from the root: .venv/bin/python bench/writing.py
"""

import asyncio
import random
import statistics
import tempfile
import time
import unittest
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from trackerdcs.adapters.series_influx import InfluxSeries
from trackerdcs.adapters.series_influx_lines import Lines, line
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.domain.series import FieldValue, Point, RejectedPoint
from trackerdcs.domain.storing import complaint
from trackerdcs.tests.servers import Influxd

S = 1_000_000_000
START = 1_760_000_012 * S + 345_678_901
BATCH = 5000
REPEATS = 5
FULL: dict[str, FieldValue] = {"v_set": -200.0, "on": 1.0, "state": "on"}


def batches(
    series: int, total: int, step: int = S, more: dict[str, FieldValue] | None = None, digits: int = 3
) -> list[list[Point]]:
    """A frame of all series each `step`; `digits` as an instrument gives them, or 17 as a computation does."""
    noise, made = random.Random(1), []
    tags = [(("stand", "bench"), ("device", f"hv{i // 4}"), ("channel", f"ch{i % 4}")) for i in range(series)]
    for k in range(total):
        v, i = round(noise.gauss(-200, 0.05), digits), round(noise.gauss(1.2e-7, 1e-9), digits + 7)
        fields = {"v_mon": v} if more is None else {"v_mon": v, "i_mon": i} | more
        made.append(Point("hv", tags[k % series], START + k // series * step, fields))
    return [made[i : i + BATCH] for i in range(0, total, BATCH)]


def spread(numbers: Sequence[float]) -> str:
    return f"{statistics.median(numbers):9.2f}  ({min(numbers):.2f} to {max(numbers):.2f})"


def slow_lines(points: Sequence[Point]) -> bytes:
    assert not any(map(complaint, points))
    return "\n".join(map(line, points)).encode()


def lines() -> None:
    print(f"lines for InfluxDB, CPU us a point, medians of {REPEATS * 4} side by side; ratio of slow to fast")
    print(f"  {'':24}{'slow':>9}{'fast':>9}{'ratio':>9}{'repr of the numbers alone':>28}")
    for title, more, digits in (
        ("2 numbers", {}, 3),
        ("2 numbers of 17 digits", {}, 17),
        ("4 numbers and a text", FULL, 3),
        ("the same, 17 digits", FULL, 17),
    ):
        (points,) = batches(40, BATCH, more=more, digits=digits)
        fast = Lines()
        assert len(fast.body(points)[0].split("\n")) == len(points)  # and from now on the series are known
        numbers = [value for point in points for value in point.fields.values() if type(value) is float]
        ways: list[Callable[[], object]] = [
            partial(slow_lines, points),
            lambda fast=fast, points=points: fast.body(points)[0].encode(),
            lambda numbers=numbers: list(map(repr, numbers)),
        ]
        spent: list[list[float]] = [[] for _ in ways]
        for _ in range(REPEATS * 4):
            for way, times in zip(ways, spent, strict=True):
                began = time.process_time()
                way()
                times.append((time.process_time() - began) / BATCH * 1e6)
        slow, quick, bare = map(statistics.median, spent)
        print(f"  {title:24}{slow:9.2f}{quick:9.2f}{slow / quick:9.1f}{bare:28.2f}")


async def rate(
    write: Callable[[Sequence[Point]], Awaitable[list[RejectedPoint]]], all_of_it: list[list[Point]], at_once: int = 1
) -> tuple[float, float]:
    """Thousand points a second, and CPU us of this process a point."""
    left = iter(all_of_it)

    async def work() -> None:
        for batch in left:
            assert await write(batch) == []

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(at_once)))
    number = sum(map(len, all_of_it))
    return number / (time.perf_counter() - began) / 1e3, (time.process_time() - cpu) / number * 1e6


def sqlite() -> None:
    print(f"SQLite, durable, {BATCH} points of one number a transaction, thousand points a second, {REPEATS} runs")
    cases = [(10, 300_000, S), (1000, 300_000, S), (10, 300_000, S // 1000)]
    made = [batches(*case) for case in cases]
    found: list[list[float]] = [[] for _ in cases]
    for _ in range(REPEATS):
        for all_of_it, rates in zip(made, found, strict=True):
            with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
                series = SqliteSeries(Path(folder) / "series.sqlite")
                rates.append(runner.run(rate(series.write, all_of_it))[0])
                runner.run(series.close())
    for (number, _, step), rates in zip(cases, found, strict=True):
        print(f"  {f'{number} series, {S // step} Hz':24}{spread(rates)}")


def influx() -> None:
    try:
        server = Influxd()
    except unittest.SkipTest as missing:
        print(f"InfluxDB: {missing}")
        return
    print(f"InfluxDB, {BATCH} points of two numbers a request, thousand points a second, {REPEATS} runs; CPU us here")
    made = batches(200, 200_000, more={})
    with server, asyncio.Runner() as runner:
        series = InfluxSeries(server.url, server.org, server.bucket, server.token)
        found: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
        for _ in range(REPEATS):
            for at_once, rates in found.items():
                rates.append(runner.run(rate(series.write, made, at_once)))
        runner.run(series.close())
    for at_once, rates in found.items():
        cpu = statistics.median(us for _, us in rates)
        print(f"  {f'{at_once} at once':24}{spread([rate for rate, _ in rates])}   {cpu:.2f}")


if __name__ == "__main__":
    lines()
    sqlite()
    influx()
