"""The tutorial add-a-supply.md, run as it stands: its files and lines, and the whole suite on what comes out."""

import ast
import contextlib
import importlib
import io
import re
import sys
import tempfile
import unittest
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

import trackerdcs.drivers
import trackerdcs.sim
from trackerdcs.domain.limits import narrow
from trackerdcs.drivers.registry import DRIVERS, driver_class
from trackerdcs.settings import load_stand
from trackerdcs.sim.stand import SIMULATORS
from trackerdcs.sim.world import World
from trackerdcs.tests import driver_contract, driver_faults
from trackerdcs.tests.driver_cases import generate
from trackerdcs.tests.scripted_link import ScriptedLink
from trackerdcs.tests.sim_stand import running

PAGE = Path(__file__).resolve().parents[3] / "doc" / "tutorials" / "add-a-supply.md"
EXAMPLE = '"TCPIP::192.0.2.10::5025::SOCKET"'
STAND = "stand: bench\nbus: {kind: embedded}\n"


class TestAddASupply(unittest.TestCase):
    files: ClassVar[dict[str, str]]
    asked: ClassVar[str]
    yaml: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        """Put the page's files beside the project's own."""
        page = PAGE.read_text()
        cls.files = dict(
            re.findall(r"^`(trackerdcs/[\w/]+\.py)`[^\n]*:\n```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        )
        (cls.asked,) = re.findall(r"address in\.\n```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        (cls.yaml,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        for room in (trackerdcs.drivers, trackerdcs.sim):
            where = folder / room.__name__.rpartition(".")[2]
            where.mkdir()
            cls.enterClassContext(patch.object(room, "__path__", [*room.__path__, str(where)]))
        for path in ("drivers/e36103a.py", "sim/e36103a.py"):
            (folder / path).write_text(cls.files[f"trackerdcs/{path}"])
        entry = ast.literal_eval("{" + cls.files["trackerdcs/drivers/registry.py"] + "}")
        cls.enterClassContext(patch.dict(DRIVERS, entry))
        names = vars(importlib.import_module("trackerdcs.sim.e36103a"))
        for module in ("trackerdcs.sim.e36103a", "trackerdcs.drivers.e36103a"):
            cls.addClassCleanup(sys.modules.pop, module, None)
        simulator = eval("{" + cls.files["trackerdcs/sim/stand.py"] + "}", names)
        cls.enterClassContext(patch.dict(SIMULATORS, simulator))

    def test_the_driver_is_a_file_of_about_twenty_lines_and_a_line(self) -> None:
        lines = [line for line in self.files["trackerdcs/drivers/e36103a.py"].splitlines() if line]
        self.assertLessEqual(len(lines), 25)
        self.assertEqual(len(self.files["trackerdcs/drivers/registry.py"].splitlines()), 1)

    def test_it_passes_the_whole_suite(self) -> None:
        suite, result = unittest.TestSuite(), unittest.TestResult()
        for contract in (driver_contract.SupplyOnItsWire, driver_contract.SupplyContract, driver_faults.SupplyFaults):
            for case in generate(contract, ["e36103a"], ("tcp",)).values():
                suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
        suite.run(result)
        self.assertEqual([text for _, text in result.failures + result.errors], [])
        self.assertGreater(result.testsRun, 15)

    def test_asking_it_shows_what_it_measures(self) -> None:
        with running(SIMULATORS["e36103a"](World())) as sim:
            sim.faults.set("front_panel", channel="ch1", v_set=5.0, i_limit=1.0, on=True)
            shown = io.StringIO()
            self.assertIn(EXAMPLE, self.asked)
            with contextlib.redirect_stdout(shown):
                exec(self.asked.replace(EXAMPLE, repr(sim.resource)), {})
            self.assertRegex(shown.getvalue(), r"(?s)SIM-36103.*'v_mon': 5\.0.*'state': 'on'")

    def test_its_stand_file_is_read(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "bench.yaml")
            path.write_text(STAND + self.yaml)
            device = load_stand(path).devices["lv2"]
        channels = narrow(driver_class(device.driver)(ScriptedLink()).channels(), device)
        self.assertEqual(channels["ch1"].commands["set_voltage"].args["v"].high, 1.5)
