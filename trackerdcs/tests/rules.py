"""Which tests prove each rule of safe high voltage; `python -m trackerdcs.tests.rules` writes it into the page."""

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from trackerdcs.tests.documents import ROOT

TESTS = Path(__file__).resolve().parent
PAGE = ROOT / "doc" / "explanation" / "guarantees.md"
_SECTION = re.compile(r"^## (\d+)\. .*?(?=^## )", re.M | re.S)
_TESTS = re.compile(r"\n+\*Tests:\*.*", re.S)


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


def written(page: str) -> str:
    """The page with the tests of each rule at the end of its section, as their names say it."""
    proofs: dict[int, set[str]] = {}
    for name, _ in rule_tests():
        number, what = name.removeprefix("test_rule_").split("_", 1)
        proofs.setdefault(int(number), set()).add(what.replace("_", " "))

    def section(match: re.Match[str]) -> str:
        names = "; ".join(sorted(proofs.get(int(match[1]), ())))
        return f"{_TESTS.sub('', match[0]).rstrip()}\n\n{textwrap.fill(f'*Tests:* {names}.', 120)}\n\n"

    return _SECTION.sub(section, page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
