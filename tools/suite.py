"""The tests that `python -m unittest discover trackerdcs/` finds, in two processes at once: most of them wait.

Those of the stack in containers come after them, alone: a dozen of services starts on the cores that others measure on.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Iterator
from pathlib import Path

PARTS = ("integration", "rest")
IN_DOCKER, AFTER = ".e2e.test_in_docker_", "containers"
LIGHT = ".integration.test_inlet_"
"""Integration tests for which the other part has time."""
COUNTS = ("failures", "errors", "skipped", "unexpectedSuccesses")


def cases(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """The tests of a suite, in their order."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases(test)
        else:
            yield test


def belongs(test: unittest.TestCase) -> str:
    """The part that a test belongs to; what could not be imported is a test, too, and has its module in its name."""
    name = f".{test.id()}"
    if IN_DOCKER in name:
        return AFTER
    return PARTS[".integration." not in name or LIGHT in name]


def run(part: str, counts: Path) -> None:
    """Run one part in this process, and write down how many tests came to which end."""
    found = cases(unittest.defaultTestLoader.discover("trackerdcs"))
    suite = unittest.TestSuite(test for test in found if belongs(test) == part)
    result = unittest.TextTestRunner(warnings="default").run(suite)
    counts.write_text(json.dumps({"run": result.testsRun} | {name: len(getattr(result, name)) for name in COUNTS}))


def main() -> int:
    """Run both parts, each with locks of its own; the second one's output comes after the first one's."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        children = []
        for part in PARTS:
            locks = Path(folder, f"locks-{part}")
            locks.mkdir()
            out = None if part == PARTS[0] else Path(folder, part).open("wb")  # noqa: SIM115 closed with its process
            command = [sys.executable, "-m", "tools.suite", part, str(Path(folder, f"{part}.json"))]
            env = os.environ | {"TRACKERDCS_LOCKS": str(locks)}
            children.append((part, subprocess.Popen(command, stdout=out, stderr=out, env=env)))
        total = dict.fromkeys(("run", *COUNTS), 0)
        for part, child in [*children, (AFTER, None)]:
            if child is None:
                command = [sys.executable, "-m", "tools.suite", part, str(Path(folder, f"{part}.json"))]
                subprocess.run(command, check=False)
            else:
                child.wait()
            if (said := Path(folder, part)).exists():
                sys.stderr.write(said.read_text(encoding="utf-8", errors="replace"))
            counts = Path(folder, f"{part}.json")
            ended = json.loads(counts.read_text()) if counts.exists() else {"errors": 1}
            total = {name: total[name] + ended.get(name, 0) for name in total}
    return verdict(total, time.monotonic() - began)


def verdict(total: dict[str, int], seconds: float) -> int:
    """Say how it went, as unittest does; the exit status."""
    names = {"unexpectedSuccesses": "unexpected successes"}
    said = ", ".join(f"{names.get(name, name)}={total[name]}" for name in COUNTS if total[name])
    failed = any(total[name] for name in COUNTS if name != "skipped")
    print(f"\n{'-' * 70}\nRan {total['run']} tests in {seconds:.3f}s\n", file=sys.stderr)
    print(("FAILED" if failed else "OK") + (f" ({said})" if said else ""), file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(sys.argv[1], Path(sys.argv[2]))
    else:
        sys.exit(main())
