"""For tests of the importer: a folder, stores in memory, and one call that imports."""

import tempfile
import unittest
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.ph2acf_folder import Ph2acfReader
from trackerdcs.adapters.runs_memory import MemoryRuns
from trackerdcs.adapters.series_memory import MemorySeries
from trackerdcs.app.importer import Imported, Importer
from trackerdcs.app.run_folders import find_runs
from trackerdcs.domain.run import Run


class ImporterCase(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.store, self.series = MemoryRuns(), MemorySeries()

    def importer(self, zone: str | None = None) -> Importer:
        return Importer(self.store, Ph2acfReader(zone), SystemClock(), self.series, "daq1")

    def take(self, folder: Path, zone: str | None = None, **more) -> Imported:
        (found,) = find_runs(folder)
        return self.importer(zone).take(found, **more)

    def run_of(self, taken: Imported) -> Run:
        assert taken.run is not None
        return taken.run

    def code(self, taken: Imported) -> tuple[str, str]:
        return taken.outcome, taken.why.code if taken.why else ""
