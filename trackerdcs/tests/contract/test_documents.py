"""Documents run: commands are executed, examples loaded, links followed, and no page and no block is left alone."""

import asyncio
import re
import sqlite3
import subprocess
import tempfile
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from trackerdcs.adapters.series_sqlite import SCHEMA
from trackerdcs.cli.check import faults_of
from trackerdcs.settings import read_stand
from trackerdcs.tests.documents import ROOT, Block, anchors, blocks, links, pages
from trackerdcs.tests.pictures import FOLDER, stale
from trackerdcs.tests.running_demo import LIMIT_S, AgainstTheDemo
from trackerdcs.tests.typed import run_block

README = "README.md"
PAGES = pages()
BLOCKS = [block for page, text in PAGES.items() for block in blocks(page, text)]
NOT_CODE = ("", "text", "csv")
ELSEWHERE = {
    "doc/how-to/calibrate.md": ("integration/test_calibrate.py", {"sh"}),
    "doc/how-to/control-with-node-red.md": ("contract/test_control_page_doc.py", {"yaml"}),
    "doc/how-to/conditions-of-a-run.md": ("e2e/test_conditions_of_a_run.py", {"sh", "python"}),
    "doc/how-to/drive-a-device.md": ("integration/test_drive_a_device.py", {"sh"}),
    "doc/how-to/guard-a-stand.md": ("e2e/test_guard_a_stand.py", {"sh"}),
    "doc/how-to/handle-alarms.md": ("integration/test_handle_alarms.py", {"sh"}),
    "doc/how-to/import-old-runs.md": ("integration/test_import_run.py", {"sh", "yaml"}),
    "doc/how-to/load-foreign-topics.md": ("contract/test_load_foreign_topics.py", {"yaml", "json", "sh"}),
    "doc/reference/dashboards.md": ("integration/test_dashboards.py", {"influxql"}),
    "doc/how-to/manage-users.md": ("unit/test_cli_users.py", {"sh"}),
    "doc/how-to/install-the-stack.md": ("e2e/test_in_docker_install.py", {"sh"}),
    "doc/how-to/scale-out.md": ("e2e/test_in_docker_install.py", {"sh", "yaml"}),
    "doc/reference/mapping-file.md": ("contract/test_reference.py", {"yaml"}),
    "doc/reference/secrets.md": ("integration/test_secrets.py", {"sh"}),
    "doc/reference/stand-file.md": ("contract/test_reference.py", {"yaml"}),
    "doc/reference/topics.md": ("contract/test_reference.py", {"json"}),
    "doc/tutorials/add-a-supply.md": ("contract/test_add_a_supply.py", {"python", "yaml", "sh"}),
}
"""Pages whose own tests do more with their blocks than this one could."""


def is_stand(block: Block) -> None:
    """A stand file, or a part of one, which need not be all that its drivers ask for."""
    whole = re.search(r"^stand:", block.text, re.M)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stand.yaml")
        path.write_text(block.text if whole else f"stand: page\n{block.text}", encoding="utf-8")
        stand = read_stand(path)
        unittest.TestCase().assertEqual(faults_of(stand) if whole else [], [], block.place)


def is_python(block: Block) -> None:
    compile(block.text, block.place, "exec")


def is_query(block: Block) -> None:
    """Of the SQLite file of the time series."""
    db = sqlite3.connect(":memory:")
    try:
        db.executescript(SCHEMA)
        db.execute(block.text)
    finally:
        db.close()


CHECKS: dict[str, Callable[[Block], None]] = {"yaml": is_stand, "python": is_python, "sql": is_query}


def checked_by(block: Block) -> str | None:
    """Who checks a block; None: nobody."""
    page, languages = ELSEWHERE.get(block.page, ("", set()))
    if block.language in languages:
        return page
    if block.language in CHECKS or block.language in NOT_CODE or (block.page, block.language) == (README, "sh"):
        return "here"
    return None


class TestBlocks(unittest.TestCase):
    def test_each_is_checked_by_somebody(self) -> None:
        self.assertGreater(len(BLOCKS), 20)
        alone = [f"{block.place}: {block.language}" for block in BLOCKS if checked_by(block) is None]
        self.assertEqual(alone, [], "a fenced block that nobody executes, loads or decodes")

    def test_the_tests_of_other_pages_are_about_them(self) -> None:
        for page, (test, _) in ELSEWHERE.items():
            source = (ROOT / "trackerdcs" / "tests" / test).read_text(encoding="utf-8")
            self.assertIn(Path(page).name, source, test)
            self.assertIn(page, PAGES)

    def test_each_is_what_its_language_says(self) -> None:
        for block in BLOCKS:
            if block.language in CHECKS and checked_by(block) == "here":
                with self.subTest(block.place):
                    CHECKS[block.language](block)

    def test_every_fence_is_closed(self) -> None:
        for page, text in PAGES.items():
            fences = re.findall(r"^ {0,3}(?:```|~~~)", text, re.M)
            self.assertEqual(len(fences), 2 * len(list(blocks(page, text))), page)


class TestPictures(unittest.TestCase):
    def test_none_is_older_than_the_page_it_shows(self) -> None:
        self.assertTrue(list(FOLDER.glob("*.png")))
        self.assertEqual(stale(), [], "run: make containers")

    def test_each_is_shown_somewhere(self) -> None:
        shown = {Path(link).name for text in PAGES.values() for link in links(text)}
        self.assertEqual({path.name for path in FOLDER.glob("*.png")} - shown, set())


class TestLinks(unittest.TestCase):
    def test_each_leads_somewhere(self) -> None:
        dead = []
        for page, text in PAGES.items():
            for link in links(text):
                name, _, anchor = unquote(link).partition("#")
                target = (ROOT / page).parent / name if name else ROOT / page
                inside = target.resolve().is_relative_to(ROOT)
                if not inside or not target.exists():
                    dead.append(f"{page}: {link}")
                elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
                    dead.append(f"{page}: {link}: no such heading")
        self.assertEqual(dead, [])

    def test_each_page_can_be_reached_from_the_readme(self) -> None:
        reached, todo = set(), {README}
        while todo:
            page = todo.pop()
            reached.add(page)
            for link in links(PAGES[page]):
                target = ((ROOT / page).parent / unquote(link).partition("#")[0]).resolve()
                found = target.glob("*.md") if target.is_dir() else [target]
                todo |= ({str(path.relative_to(ROOT)) for path in found} & PAGES.keys()) - reached
        self.assertEqual(PAGES.keys() - reached, set(), "pages without a way to them")


class TestCommands(unittest.TestCase):
    def test_make_test_is_what_ci_runs_and_what_every_page_says(self) -> None:
        recipe = subprocess.run(["make", "-n", "-s", "test"], cwd=ROOT, capture_output=True, text=True, check=True)
        self.assertRegex(recipe.stdout, r"python -m tools\.suite\n")
        stages = re.findall(r"^stage (.+)$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.M)
        self.assertEqual(stages, ["make check", "make test"])
        for page, text in PAGES.items():
            for said in re.findall(r"`([^`\n]*unittest discover[^`\n]*)`", text):
                self.assertEqual(said, "python -m unittest discover trackerdcs/", page)

    def test_every_make_target_that_a_page_names_is_there(self) -> None:
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
        for page, text in PAGES.items():
            code = re.findall(r"`make ([^`\n]+)`|^make ([^#\n]+)", text, re.M)
            words = {word for pair in code for word in "".join(pair).split() if re.fullmatch("[a-z]+", word)}
            self.assertLessEqual(words, targets, page)


class TestReadme(AgainstTheDemo):
    def test_its_commands_work_as_they_stand(self) -> None:
        one, two = [block.text for block in BLOCKS if block.page == README and block.language == "sh"]
        self.assertEqual(re.findall(r"^make (\w+)", one, re.M), ["demo", "test"])
        self.assertNotRegex(one, r"(?m)^(?!make (demo|test)\b).")
        activate, rest = two.split("\n", 1)
        self.assertEqual(activate, ". .venv/bin/activate")
        self.run_as_typed(rest)

    async def test_what_it_tells_to_try_works(self) -> None:
        tried = re.search(r"break something with `(trackerdcs sim fault .*?)`", PAGES[README].replace("\n", " "))
        assert tried is not None
        for command in (tried[1], "trackerdcs sim clear hv1"):
            await asyncio.to_thread(self.run_as_typed, f"{command} --port {self.demo.sim_port}")
        await self.demo.all_stored(since=time.time_ns())

    def run_as_typed(self, lines: str) -> None:
        done = run_block(lines, self.environment, LIMIT_S)
        self.assertEqual(done.returncode, 0, f"{lines}\n{done.stdout}{done.stderr}")
