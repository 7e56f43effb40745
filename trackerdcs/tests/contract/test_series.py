"""Every TimeSeries by the suite of `series_suite`: in memory, in a SQLite file, and in a real InfluxDB."""

import asyncio
import tempfile
import unittest
from pathlib import Path

from trackerdcs.adapters.series_influx import InfluxSeries
from trackerdcs.adapters.series_memory import MemorySeries
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.domain.errors import StoreDown
from trackerdcs.ports import TimeSeries
from trackerdcs.tests.contract.series_suite import T0, SeriesContract
from trackerdcs.tests.servers import Influxd


class TestMemorySeries(SeriesContract):
    __test__ = True

    def make(self) -> TimeSeries:
        return MemorySeries()

    def test_down_and_back(self) -> None:
        series = MemorySeries()
        series.down = "switched off"
        with self.assertRaisesRegex(StoreDown, "switched off"):
            asyncio.run(series.write([self.point(T0, {"v_mon": 1.0})]))


class TestSqliteSeries(SeriesContract):
    __test__ = True

    def make(self) -> TimeSeries:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return SqliteSeries(Path(folder.name) / "series.sqlite")


class TestInfluxSeries(SeriesContract):
    __test__ = True
    examples = 25
    server: Influxd

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Influxd()
        cls.addClassCleanup(cls.server.stop)

    def make(self) -> TimeSeries:
        return InfluxSeries(self.server.url, self.server.org, self.server.bucket, self.server.token)


def load_tests(loader: unittest.TestLoader, _: object, __: object) -> unittest.TestSuite:
    """The suite itself has no store to run against."""
    cases = (TestMemorySeries, TestSqliteSeries, TestInfluxSeries)
    return unittest.TestSuite(map(loader.loadTestsFromTestCase, cases))
