"""The rooms of ARCHITECTURE.md: who may import whom and which libraries, and what keeps discovery working."""

import ast
import statistics
import sys
import unittest
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
# The table of ARCHITECTURE.md: room -> (rooms it may import beside itself, third parties it may import).
ROOMS: dict[str, tuple[set[str], set[str]]] = {
    "domain": (set(), set()),
    "ports": ({"domain"}, set()),
    "settings": ({"domain"}, {"pydantic", "yaml"}),
    "drivers": ({"domain", "ports"}, set()),
    "app": ({"domain", "ports"}, set()),
    "sim": ({"domain", "ports"}, {"numpy", "uproot"}),
    "web": ({"domain", "ports", "app", "settings"}, {"fastapi", "argon2"}),
}
INSIDE = {*ROOMS, "adapters"}
ROOMS["services"] = (INSIDE, set())
ROOMS["cli"] = (INSIDE | {"services"}, {"typer", "rich"})
ONE_LIBRARY_A_FILE = "adapters"
# What a library brings and shows to its users, such as exceptions from below, counts as that library.
PART_OF = {
    "bson": "pymongo",
    "gridfs": "pymongo",
    "pydantic_core": "pydantic",
    "pyvisa_py": "pyvisa",
    "starlette": "fastapi",
    "urllib3": "influxdb_client",
}
PARTS = {"ports_runs": "ports", "ports_alarms": "ports"}
"""Files beside `ports.py` that belong to the same room: one file would be longer than the ceiling."""
IMPURE = {"asyncio", "io", "logging", "os", "socket", "sqlite3", "subprocess", "threading", "time"}
CEILING = 300


def parsed(source: str) -> ast.Module:
    """The module's tree; again if another thread was formatting a traceback just then, which confuses Python 3.11."""
    while True:
        try:
            return ast.parse(source)
        except SystemError:
            continue


def imports(source: str) -> set[str]:
    """Dotted names a source imports anywhere in it; a relative import keeps its dots."""
    found = set()
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names}
    return found


def forbidden(room: str, source: str) -> list[str]:
    """What a source in this room imports against the table; empty when all is well."""
    if room == "tests":
        return sorted(f"{name} is relative" for name in imports(source) if name.startswith("."))
    if room not in ROOMS and room != ONE_LIBRARY_A_FILE:
        return [f"no such room: {room}"]
    rooms, libraries = ROOMS.get(room, ({"domain", "ports"}, set()))
    wrong, third_parties = [], set()
    for name in sorted(imports(source)):
        first, _, rest = name.partition(".")
        first = PART_OF.get(first, first)
        if name.startswith("."):
            wrong.append(f"{name} is relative")
        elif first == "trackerdcs":
            into = rest.partition(".")[0]
            if PARTS.get(into, into) not in rooms | {room}:
                wrong.append(f"{room} may not import {name}")
        elif first in sys.stdlib_module_names:
            if room == "domain" and first in IMPURE:
                wrong.append(f"domain is pure, {first} is not")
        elif room == ONE_LIBRARY_A_FILE:
            third_parties.add(first)
        elif first not in libraries:
            wrong.append(f"{room} may not import {name}")
    if len(third_parties - {"numpy"}) > 1:
        wrong.append(f"one library a file, not {', '.join(sorted(third_parties))}")
    return wrong


def sources() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"]


class TestRooms(unittest.TestCase):
    def test_every_import_is_allowed(self) -> None:
        wrong = []
        for path in sources():
            inside = path.relative_to(PACKAGE)
            first = inside.parts[0].removesuffix(".py")
            room = PARTS.get(first, first)
            wrong += [f"{inside}: {why}" for why in forbidden(room, path.read_text(encoding="utf-8"))]
        self.assertEqual(wrong, [])

    def test_a_forbidden_import_is_found(self) -> None:
        for room, source, why in [
            ("domain", "import pydantic", "domain may not import pydantic"),
            ("domain", "def f():\n    from trackerdcs.ports import Bus", "domain may not import trackerdcs.ports.Bus"),
            ("domain", "from time import monotonic", "domain is pure, time is not"),
            ("app", "from trackerdcs import adapters", "app may not import trackerdcs.adapters"),
            ("drivers", "from . import registry", "..registry is relative"),
            ("tests", "from .servers import require", ".servers.require is relative"),
            ("services", "import trackerdcs.cli.main", "services may not import trackerdcs.cli.main"),
            ("cli", "from trackerdcs.tests.programs import FIND", "cli may not import trackerdcs.tests.programs.FIND"),
            ("adapters", "import pyvisa, serial, numpy", "one library a file, not numpy, pyvisa, serial"),
            ("helpers", "", "no such room: helpers"),
        ]:
            with self.subTest(source):
                self.assertEqual(forbidden(room, source), [why])

    def test_an_allowed_import_passes(self) -> None:
        for room, source in [
            ("domain", "import dataclasses\nfrom trackerdcs.domain.topics import Topic"),
            ("adapters", "import asyncio, numpy, pyvisa, pyvisa_py\nfrom trackerdcs import ports"),
            ("settings", "import yaml\nfrom pydantic_core import ErrorDetails"),
            ("cli", "import typer\nfrom trackerdcs.services.demo import serve"),
            ("tests", "import hypothesis\nfrom trackerdcs.cli.main import app"),
        ]:
            with self.subTest(source):
                self.assertEqual(forbidden(room, source), [])


class TestHouse(unittest.TestCase):
    def test_package_init_files_are_there_and_empty(self) -> None:
        folders = {PACKAGE, *(PACKAGE / "tests").glob("[!_]*/"), *(path.parent for path in sources())}
        inits = [folder / "__init__.py" for folder in sorted(folders) if folder.is_dir()]
        self.assertEqual([str(path) for path in inits if not path.exists() or path.stat().st_size], [])

    def test_no_first_level_name_hides_a_standard_module(self) -> None:
        names = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()}
        self.assertEqual(names & sys.stdlib_module_names, set())

    def test_nothing_but_tests_is_called_test(self) -> None:
        called = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("test*") if path.suffix in ("", ".py")]
        outside = [str(path) for path in called if path != Path("tests") and path.parts[0] != "tests"]
        self.assertEqual(outside, [])

    def test_no_file_is_longer_than_the_ceiling(self) -> None:
        lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
        long = {str(path.relative_to(PACKAGE)): count for path, count in lines.items() if count > CEILING}
        self.assertEqual(long, {}, f"ceiling {CEILING} lines, median now {statistics.median(lines.values()):.0f}")
