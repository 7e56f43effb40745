"""Each rule of safe high voltage has its tests, no test names a rule that does not exist, and the page agrees."""

import re
import unittest

from trackerdcs.tests.rules import PAGE, rule_tests, written

RULES = range(1, 22)


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

    def test_the_page_of_guarantees_names_the_tests_of_each_rule(self) -> None:
        page = PAGE.read_text(encoding="utf-8")
        self.assertEqual([int(n) for n in re.findall(r"^## (\d+)\. ", page, re.M)], list(RULES))
        self.assertEqual(written(page), page, "run: python -m trackerdcs.tests.rules")


if __name__ == "__main__":
    unittest.main()
