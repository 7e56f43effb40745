"""The SQLite series knows what it has stored: the roll-up is that of the points, the fast way that of the slow one."""

import asyncio
import math
import sqlite3
import tempfile
import unittest
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from trackerdcs.adapters.series_memory import MemorySeries
from trackerdcs.adapters.series_sqlite import SCHEMA, SqliteSeries
from trackerdcs.adapters.series_sqlite_writer import TEXTS, PointWriter
from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.series import FieldValue, Point, Sample, Selection
from trackerdcs.domain.storing import MINUTE
from trackerdcs.tests.contract.series_suite import ALWAYS, T0, S
from trackerdcs.tests.odd_points import CH0, CH1, good, points

BREAK = "CREATE TRIGGER t BEFORE INSERT ON minute BEGIN SELECT RAISE(ABORT, 'broken'); END"
QUANTITIES = (*good, "on")


def point(channel: int, ts: int, value: float) -> Point:
    return Point("hv", (CH0, CH1)[channel], T0 + ts, {"v_mon": value})


channels, numbers = st.integers(0, 1), st.sampled_from([0.0, -1.5, 3.0, 1e6])
times = st.builds(lambda minute, s: minute * MINUTE + s * S, st.integers(0, 3), st.integers(0, 59))
batches = st.lists(st.builds(point, channels, times, numbers), max_size=12)
"""In any order, with time stamps that come again."""
who = st.sampled_from(["mine", "mine", "mine", "other", "broken", "anew"])


class TestRollUp(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.examples = 0

    def check(self, steps: list[tuple[str, list[Point]]]) -> None:
        """Writes from here, from another process as it were, in vain, and after opening the file anew."""
        self.examples += 1
        path = self.folder / f"{self.examples}.sqlite"
        mine, other = SqliteSeries(path), SqliteSeries(path)
        asyncio.run(mine.write([]))
        look = sqlite3.connect(path, isolation_level=None)
        model: dict[tuple[str, int], float] = {}
        try:
            for how, batch in steps:
                if how == "broken":
                    look.execute(BREAK)
                    if batch:
                        with self.assertRaisesRegex(StoreDown, "broken"):
                            asyncio.run(mine.write(batch))
                    look.execute("DROP TRIGGER t")
                    continue
                if how == "anew":
                    asyncio.run(mine.close())
                    mine = SqliteSeries(path)
                self.assertEqual(asyncio.run((other if how == "other" else mine).write(batch)), [])
                model |= {(p.tags[2][1], p.ts): float(p.fields["v_mon"]) for p in batch}
                self.assert_right(look, model)
        finally:
            look.close()
            for series in (mine, other):
                asyncio.run(series.close())

    def assert_right(self, look: sqlite3.Connection, model: dict[tuple[str, int], float]) -> None:
        of_series = "FROM number JOIN series ON series.id = number.series"
        stored = look.execute(f"SELECT channel, ts, value {of_series}").fetchall()
        self.assertEqual({(channel, ts): value for channel, ts, value in stored}, model)
        by_minute: dict[tuple[str, int], list[float]] = {}
        for (channel, ts), value in model.items():
            by_minute.setdefault((channel, ts // MINUTE), []).append(value)
        expected = {key: (len(v), math.fsum(v), min(v), max(v)) for key, v in by_minute.items()}
        columns = "channel, minute, count, total, low, high"
        rows = look.execute(f"SELECT {columns} FROM minute JOIN series ON series.id = minute.series").fetchall()
        self.assertEqual({(row[0], row[1]): row[2:] for row in rows}, expected)  # these sums are exact

    def test_it_is_that_of_the_points_after_every_write(self) -> None:
        @settings(max_examples=80, deadline=None, derandomize=True)
        @given(st.lists(st.tuples(who, batches), max_size=6))
        @example([("mine", [point(0, S, 1.0)]), ("other", [point(0, 9 * S, 5.0)]), ("mine", [point(0, 9 * S, 1.0)])])
        @example([("mine", [point(0, S, 1.0)]), ("broken", [point(0, 9 * S, 5.0)]), ("mine", [point(0, 5 * S, 1.0)])])
        @example([("mine", [point(0, t * S, 1.0) for t in range(50)]), ("mine", [point(0, 49 * S, 2.0)])])
        @example([("mine", [point(0, S, 1.0)]), ("mine", [point(0, t * S, 2.0) for t in (2, 3, 2, 70, 65, 2)])])
        @example([("mine", [point(0, 99 * S, 1.0)]), ("anew", [point(0, 98 * S, 2.0)])])
        def check(steps: list[tuple[str, list[Point]]]) -> None:
            self.check(steps)

        check()

    def test_a_stream_in_order_and_then_all_of_it_again(self) -> None:
        stream = [point(t % 2, t * S, float(t % 7)) for t in range(400)]
        self.check([("mine", stream[i : i + 37]) for i in range(0, 400, 37)] * 2)


def in_order(sample: Sample) -> tuple[int, bool, FieldValue]:
    return sample.ts, isinstance(sample.value, str), sample.value


class TestFastWay(unittest.TestCase):
    def test_it_takes_and_rejects_what_the_memory_does(self) -> None:
        """Values that were in order once go a fast way; the reference goes none."""

        @settings(max_examples=80, deadline=None, derandomize=True)
        @given(st.lists(st.lists(points, max_size=15), max_size=4))
        @example([[Point("hv", CH0, 5, fields)] * 2 for fields in odd_fields()])
        def check(batches: list[list[Point]]) -> None:
            with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
                reference, series = MemorySeries(), SqliteSeries(Path(folder) / "series.sqlite")
                for batch in batches:
                    expected, found = (runner.run(one.write(batch)) for one in (reference, series))
                    self.assertEqual(*([(id(r.point), r.why) for r in rejected] for rejected in (expected, found)))
                for channel in ("ch0", "ch 1,=é"):
                    for quantity in QUANTITIES:
                        wanted = Selection("demo", "hv1", channel, quantity, *ALWAYS)
                        # Two measurements may have values of one time, which come in any order.
                        both = (runner.run(one.samples(wanted)) for one in (reference, series))
                        self.assertEqual(*(sorted(samples, key=in_order) for samples in both))
                runner.run(series.close())

        check()

    def test_the_texts_that_it_knows_are_bounded(self) -> None:
        db = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(db.close)
        db.executescript(SCHEMA)
        writer = PointWriter(db)
        texts = [*map(str, range(TEXTS + 5)), "x" * 1000]
        self.assertEqual(writer.write([Point("hv", CH0, i, {"state": text}) for i, text in enumerate(texts)]), [])
        self.assertEqual(len(writer._texts), 5)
        self.assertEqual([row[0] for row in db.execute("SELECT value FROM text ORDER BY ts")], texts)


def odd_fields() -> list[dict[str, Any]]:
    """One after the other: a text, a number for it, a text that no store takes after one that it took, and halves."""
    return [
        {"on": True, "state": "on", "v_mon": 1.0},
        {"state": 1.0},
        {"v_mon": 2.0, "state": True},
        {"v_mon": 3.0, "state": "a\rb"},
        {"v_mon": "on"},
        {"v_mon": 4.0, "state": ["on"]},
        {"v_mon": 1.1e300},
        {"v_mon": -1.1e300},
        {"v_mon": math.nan},
        {"on": False, "v_mon": 1e300, "state": "off"},
    ]
