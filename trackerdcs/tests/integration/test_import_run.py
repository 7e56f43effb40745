"""`trackerdcs import-run` as a person types it, by the page import-old-runs.md, and its faults."""

import os
import re
import shutil
import tempfile
import time
import unittest
from pathlib import Path
from unittest.mock import patch

from typer.testing import CliRunner, Result

from trackerdcs.adapters.ph2acf_folder import Ph2acfReader
from trackerdcs.adapters.runs_sqlite import SqliteRuns
from trackerdcs.cli.main import app
from trackerdcs.domain.run import RunQuery
from trackerdcs.settings import read_stand
from trackerdcs.tests import ph2acf_files as made
from trackerdcs.tests.documents import blocks

PAGE = Path(__file__).parents[3] / "doc" / "how-to" / "import-old-runs.md"
STAND = """\
stand: bench
data: {data}
devices:
  hv1: {{driver: iseg_shr, link: {{resource: "TCPIP::127.0.0.1::15001::SOCKET"}}}}
"""


class ImportRun(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name).resolve()
        self.file = self.folder / "stand.yaml"
        self.file.write_text(STAND.format(data=self.folder / "data"))
        self.store = SqliteRuns(self.folder / "data" / "runs.sqlite")
        self.addCleanup(self.store.close)

    def run_made(self, number: int, place: str = "Results") -> Path:
        folder = made.write_run(self.folder / place, number)
        for path in folder.iterdir():
            os.utime(path, (time.time() - 3600,) * 2)
        return folder

    def typed(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["import-run", *arguments, "--file", str(self.file)])

    def said(self, result: Result, status: int = 0) -> str:
        self.assertEqual(result.exit_code, status, f"{result.output}{result.exception!r}")
        return result.stdout.strip()

    def test_the_page_is_true(self) -> None:
        for number in (7, 8, 9):
            self.run_made(number)
        shutil.copytree(self.folder / "Results" / "Run_9", self.folder / "elsewhere" / "Run_9")
        made.cut_in_half(self.folder / "Results" / "Run_9" / "Results.root")
        os.utime(self.folder / "Results" / "Run_9" / "Results.root", (time.time() - 3600,) * 2)
        # What is elsewhere is whole: it would be the same run.
        (self.folder / "elsewhere").rename(self.folder.with_name(f"{self.folder.name}-elsewhere"))
        elsewhere = self.folder.with_name(f"{self.folder.name}-elsewhere")
        self.addCleanup(shutil.rmtree, elsewhere)
        expected: list[str] = []
        page = list(blocks(str(PAGE), PAGE.read_text(encoding="utf-8")))
        for i, block in enumerate(page):
            if block.language != "sh":
                continue
            wanted = page[i + 1].text.strip() if i + 1 < len(page) and page[i + 1].language == "text" else None
            for line in block.text.splitlines():
                with self.subTest(line):
                    got = self.line(line.replace("elsewhere", str(elsewhere)))
                    if wanted is not None and line.startswith("trackerdcs"):
                        sizes = [re.sub(r"\d+ bytes of \d+", "n bytes", each) for each in (got, wanted)]
                        self.assertEqual(sizes[0].replace(f"{self.folder}/", ""), sizes[1])
                        expected.append(wanted)
        self.assertEqual(len(expected), 3)
        self.assertEqual([r.state for r in self.store.runs(RunQuery())], ["done"] * 3)
        self.assertEqual(self.store.quarantined(), [])

    def line(self, line: str) -> str:
        """A line of the page, in the folder of the test."""
        command, _, status = line.partition(" || test $? = ")
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            if command.startswith("cp "):
                shutil.copy2(*command.split()[1:])
                return ""
            _, _, *arguments = command.split()
            return self.said(self.typed(*arguments), int(status or 0))
        finally:
            os.chdir(before)

    def test_the_stand_file_of_the_page_loads(self) -> None:
        (text,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
        self.file.write_text(f"stand: page\n{text}")
        self.assertEqual(read_stand(self.file).stand.runs.user, "web")

    def test_many_are_read_by_processes_and_again_by_a_newer_version(self) -> None:
        for number in range(1, 6):
            self.run_made(number)
        got = self.said(self.typed(str(self.folder), "--jobs", "2"))
        self.assertEqual(got, "5 imported (5 done), 0 known already, 0 in quarantine, 0 not stored")
        self.assertIn("0 imported, 0 known", self.said(self.typed("--again")))
        self.assertIn("5 imported (5 done)", self.said(self.typed("--again", "--all", "--jobs", "2")))
        with patch.object(Ph2acfReader, "version", 2):
            self.assertIn("5 imported (5 done)", self.said(self.typed("--again", "--jobs", "1")))
        self.assertEqual({run.importer for run in self.store.runs(RunQuery())}, {2})
        self.assertEqual({run.stand for run in self.store.runs(RunQuery())}, {"bench"})

    def test_what_is_typed_wrongly_is_said(self) -> None:
        for arguments, words in [
            ((), "give folders, or one of"),
            ((str(self.folder), "--again"), "give folders, or one of"),
            (("nowhere",), "nowhere is no folder"),
            ((str(self.folder), "--zone", "Mars/Base"), "is no time zone"),
            ((str(self.folder), "--zone", "../etc/passwd"), "is no time zone"),
        ]:
            with self.subTest(arguments):
                result = self.typed(*arguments)
                self.assertEqual(result.exit_code, 2)
                self.assertIn(words, re.sub(r"[\s│]+", " ", result.output))

    def test_a_folder_that_was_just_copied_waits(self) -> None:
        folder = self.run_made(1)
        os.utime(folder / "Results.root")
        self.assertIn("1 in quarantine", self.said(self.typed(str(folder)), 1))
        self.assertIn("still_written", self.said(self.typed("--quarantine")))
        self.assertIn("1 imported", self.said(self.typed("--retry", "--settle", "0")))

    def test_a_store_that_cannot_be_written_is_said(self) -> None:
        folder = self.run_made(1)
        (self.folder / "data").mkdir()
        (self.folder / "data" / "runs.sqlite").write_bytes(b"something else" * 100)
        result = self.typed(str(folder))
        self.assertEqual(result.exit_code, 1, result.output)
        self.assertIn("runs.sqlite", result.output)
