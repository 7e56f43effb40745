"""The stores of runs that need no server, by the suite."""

import unittest

from trackerdcs.adapters.runs_memory import MemoryRuns
from trackerdcs.domain.errors import StoreDown
from trackerdcs.ports_runs import RunStore
from trackerdcs.tests.contract.run_store_suite import RunStoreContract


class TestMemory(RunStoreContract):
    __test__ = True

    def make(self) -> RunStore:
        return MemoryRuns()

    def test_it_can_be_down(self) -> None:
        store = MemoryRuns()
        store.down = "switched off"
        with self.assertRaisesRegex(StoreDown, "switched off"):
            store.run("r")


def load_tests(loader: unittest.TestLoader, _: object, __: object) -> unittest.TestSuite:
    """The suite itself is no test."""
    return unittest.TestSuite(loader.loadTestsFromTestCase(each) for each in (TestMemory,))
