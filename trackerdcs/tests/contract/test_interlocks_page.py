"""The page of interlocks says what the guard says: its commands, who may send them, and the longest bypass."""

import unittest
from typing import get_args

from trackerdcs.app.guard_commands import COMMANDS, LONGEST, PRETENCES, PROOF
from trackerdcs.domain import dew_point
from trackerdcs.domain.freshness import PERIODS
from trackerdcs.domain.guarding import State
from trackerdcs.domain.interlock import Action
from trackerdcs.tests.contract.test_reference import FOLDER, rows

PAGE = (FOLDER / "interlocks.md").read_text(encoding="utf-8")


class Page(unittest.TestCase):
    def test_the_commands(self) -> None:
        listed = {row[0].strip("`"): row[1:4] for row in rows(PAGE, "command")}
        expected = {
            name: [", ".join(f"`{arg}`" for arg in spec.args), spec.role, "needed" if spec.reason else ""]
            for name, spec in COMMANDS.items()
        }
        self.assertEqual(listed, expected)

    def test_the_states_and_actions(self) -> None:
        self.assertEqual([row[0].strip("`") for row in rows(PAGE, "state")], list(get_args(State)))
        for action in get_args(Action):
            self.assertIn(f"`{action}`", PAGE)

    def test_the_numbers(self) -> None:
        low, high = dew_point.VALID
        for text in (
            f"1 s to {LONGEST / 3600:g} h",
            f"`{PRETENCES[0]}` or `{PRETENCES[1]}` for {PROOF:g} s",
            f"older than {PERIODS} periods",
            f"constants {dew_point.A} and {dew_point.B} °C",
            f"from {low:g} to\n  {high:g} °C",
        ):
            self.assertIn(text, PAGE)
