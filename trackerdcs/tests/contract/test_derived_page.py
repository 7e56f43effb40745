"""The page of derived quantities says what the formulas are, and its example is a stand without faults."""

import tempfile
import unittest
from pathlib import Path
from typing import get_args, get_type_hints

from trackerdcs.cli.check import faults_of
from trackerdcs.domain.derived import DerivedConfig
from trackerdcs.domain.dew_point import VALID
from trackerdcs.domain.formulas import FORMULAS, T_SENSOR
from trackerdcs.domain.instrument import UNITS
from trackerdcs.settings import read_stand
from trackerdcs.tests.contract.test_reference import FOLDER, rows
from trackerdcs.tests.documents import blocks

PAGE = (FOLDER / "derived.md").read_text(encoding="utf-8")


class Page(unittest.TestCase):
    def test_the_formulas(self) -> None:
        listed = {row[0].strip("`"): row[1:4] for row in rows(PAGE, "formula")}
        expected = {
            name: [
                str(formula.version),
                ", ".join(f"`{key}` {unit}" for key, unit in formula.inputs.items()),
                ", ".join(f"`{quantity}` {UNITS[quantity]}" for quantity in formula.outputs),
            ]
            for name, formula in FORMULAS.items()
        }
        self.assertEqual(listed, expected)
        self.assertEqual(get_args(get_type_hints(DerivedConfig)["formula"]), tuple(FORMULAS))
        for low, high in (VALID, T_SENSOR):
            self.assertIn(f"from {low:g} to {high:g} degC", PAGE)

    def test_the_example(self) -> None:
        (example,) = blocks("derived.md", PAGE)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "stand.yaml")
            path.write_text(example.text, encoding="utf-8")
            file = read_stand(path)
        self.assertEqual(faults_of(file), [])
        self.assertEqual(len(file.stand.derived), 4)
