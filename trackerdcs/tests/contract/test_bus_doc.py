"""The table in doc/reference/bus.md says what the implementations declare."""

import unittest
from pathlib import Path
from typing import get_args

from trackerdcs.adapters.broker_amqtt import EmbeddedBroker
from trackerdcs.adapters.bus_memory import MemoryBus
from trackerdcs.ports import Lack
from trackerdcs.tests.contract import bus_case

PAGE = Path(__file__).parents[3] / "doc" / "reference" / "bus.md"
DECLARED = (bus_case.MosquittoCase.lacks, EmbeddedBroker.lacks, MemoryBus.lacks)


class BusPageTest(unittest.TestCase):
    def test_the_table_is_what_is_declared(self) -> None:
        rows = [
            [cell.strip() for cell in line.split("|")[1:-1]]
            for line in PAGE.read_text().splitlines()
            if line[:1] == "|"
        ]
        said = {row[0]: row[1:] for row in rows if row[0] in get_args(Lack)}
        want = {lack: ["lacks" if lack in lacks else "yes" for lacks in DECLARED] for lack in get_args(Lack)}
        self.assertEqual(said, want)
