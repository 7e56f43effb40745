"""The page of alarms says what the service says: states, rules that are always there, commands, the longest shelf."""

import unittest
from typing import get_args

from trackerdcs.app.alarm_commands import COMMANDS, COMMENT
from trackerdcs.app.alarms import TOGETHER
from trackerdcs.domain.alarm import LONGEST
from trackerdcs.domain.alarm_config import DEFAULTS
from trackerdcs.domain.messages import AlarmState
from trackerdcs.tests.contract.test_reference import FOLDER, rows

PAGE = (FOLDER / "alarms.md").read_text(encoding="utf-8")


class Page(unittest.TestCase):
    def test_the_states(self) -> None:
        self.assertEqual([row[0].strip("`") for row in rows(PAGE, "state")], list(get_args(AlarmState)))

    def test_the_rules_that_are_there(self) -> None:
        listed = {row[0].strip("`"): (row[1], row[2]) for row in rows(PAGE, "rule")}
        self.assertEqual({name: row[1] for name, row in listed.items()}, {n: r.severity for n, r in DEFAULTS.items()})
        for name, rule in DEFAULTS.items():
            if rule.delay:
                self.assertIn(f"{rule.delay:g} s", listed[name][0], name)
            self.assertEqual("latched" in listed[name][0], rule.latch, name)
            self.assertTrue(rule.guidance, "somebody has to know what to do")

    def test_the_commands(self) -> None:
        listed = {row[0].strip("`"): row[1:3] for row in rows(PAGE, "command")}
        expected = {n: [", ".join(f"`{arg}`" for arg in spec.args), spec.role] for n, spec in COMMANDS.items()}
        self.assertEqual(listed, expected)

    def test_the_numbers(self) -> None:
        for text in (
            f"1 to {LONGEST / 60:g} minutes",
            f"after {LONGEST / 3600:g} h at most",
            f"at most {COMMENT} characters",
            f"in pieces of {TOGETHER}",
        ):
            self.assertIn(text, PAGE)
