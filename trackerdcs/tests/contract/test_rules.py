"""Each rule of safe high voltage has a test named after it, and no test names a rule that does not exist."""

import ast
import re
import unittest
from collections.abc import Iterator
from pathlib import Path

import trackerdcs.tests

RULES = range(1, 22)
TESTS = Path(trackerdcs.tests.__path__[0])


def rule_tests() -> Iterator[tuple[str, str]]:
    """The methods of test cases that say they prove a rule, and where they are."""
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = (m for m in node.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef))
                yield from (
                    (m.name, f"{path.relative_to(TESTS)}: {node.name}")
                    for m in methods
                    if m.name.startswith("test_rule")
                )


class TestRules(unittest.TestCase):
    def test_each_rule_has_a_test_and_each_such_test_a_rule(self) -> None:
        found: dict[int, list[str]] = {}
        for name, where in rule_tests():
            number = re.match(r"test_rule_(\d\d)_[a-z0-9]", name)
            self.assertIsNotNone(number, f"{where}.{name}: expected test_rule_NN_what")
            assert number is not None
            found.setdefault(int(number[1]), []).append(where)
        self.assertEqual(set(RULES) - found.keys(), set(), "rules without a test")
        self.assertEqual(found.keys() - set(RULES), set(), "tests of rules that do not exist")


if __name__ == "__main__":
    unittest.main()
