"""SQLite series: ingest rate, and 7 days at 1 Hz cut into 1000 parts, from the roll-up and from the raw points.

Run from the root: .venv/bin/python bench/series.py
"""

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from trackerdcs.adapters.series_sqlite import PARTS as CUT
from trackerdcs.adapters.series_sqlite import SHORT, SqliteSeries
from trackerdcs.domain.series import Point, Selection
from trackerdcs.domain.storing import cut

S = 1_000_000_000
SECONDS = 7 * 24 * 3600
CHANNELS = 4
BATCH = 1250
"""Frames of four channels each: 5000 points a transaction."""
START = 1_760_000_012 * S + 345_678_901  # not a whole minute: the plot of "the last 7 days" never begins on one
PARTS = 1000
REPEATS = 7


def frames(first: int, behind: int) -> list[Point]:
    return [
        Point(
            "hv",
            (("stand", "bench"), ("device", "hv1"), ("channel", f"ch{channel}")),
            START + i * S + i % 1000,
            {"v_mon": -200.0 + (i * 7919 % 1009) / 1e4},
        )
        for i in range(first, min(behind, SECONDS))
        for channel in range(CHANNELS)
    ]


def median_ms(work: Callable[[], object]) -> float:
    work()  # warm
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        path = Path(folder) / "series.sqlite"
        series = SqliteSeries(path)
        spent = 0.0
        for first in range(0, SECONDS, BATCH):
            batch = frames(first, first + BATCH)
            began = time.perf_counter()
            assert runner.run(series.write(batch)) == []
            spent += time.perf_counter() - began
        stored = CHANNELS * SECONDS
        print(f"ingest   {stored / spent:10.0f} points/s  (durable, {BATCH * CHANNELS} points a transaction)")
        single = frames(0, 1)
        print(
            f"         {median_ms(lambda: runner.run(series.write(single))):10.2f} ms  (one frame, {CHANNELS} channels)"
        )
        runner.run(series.close())
        print(f"size     {path.stat().st_size / stored:10.1f} bytes/point")

        series = SqliteSeries(path, read_only=True)
        selection = Selection("bench", "hv1", "ch2", "v_mon", START, START + SECONDS * S)
        found = runner.run(series.buckets(selection, PARTS))
        parts = cut(selection, PARTS)
        assert parts is not None
        with sqlite3.connect(path) as db:
            (number,) = db.execute("SELECT id FROM series WHERE channel = 'ch2'").fetchone()
            db.execute("CREATE TEMP TABLE part (i INTEGER PRIMARY KEY, a INTEGER, b INTEGER)")
            db.execute(CUT, (parts.origin, parts.width, parts.stop))
            raw = median_ms(lambda: db.execute(SHORT, (number,)).fetchall())
        db.close()
        rolled = median_ms(lambda: runner.run(series.buckets(selection, PARTS)))
        assert sum(bucket.count for bucket in found) == SECONDS
        print(f"7 days   {rolled:10.2f} ms  {len(found)} buckets from the roll-up (all of `buckets`)")
        print(f"         {raw:10.2f} ms  the same from {SECONDS} raw points (the SQL alone)")
        print(f"         {raw / rolled:10.1f} times faster; medians of {REPEATS}, warm")
        runner.run(series.close())


if __name__ == "__main__":
    main()
