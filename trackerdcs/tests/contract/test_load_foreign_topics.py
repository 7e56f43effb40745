"""The page load-foreign-topics.md: each mapping is loaded, each message on it becomes what it says."""

import re
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path

from typer.testing import CliRunner

from trackerdcs.adapters.series_influx_lines import line
from trackerdcs.cli.main import app
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.translator import Translator
from trackerdcs.settings import load_mapping

PAGE = Path(__file__).parents[3] / "doc" / "how-to" / "load-foreign-topics.md"
BLOCK = re.compile(r"^```(yaml|json|text) *(\S*)\n(.*?)^```$", re.M | re.S)
ARRIVED = 1_800_000_000_000_000_000


class TestLoadForeignTopics(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "mapping.yaml")

    def blocks(self) -> Iterator[tuple[Translator, str, str]]:
        """Each block behind a mapping: what translates by it, second word (a topic, `stored`, `refused`) and text."""
        for language, word, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
            if language == "yaml":
                self.path.write_text(text, encoding="utf-8")
                translator = Translator(load_mapping(self.path))
            else:
                yield translator, word, text

    def points(self, translator: Translator, topic: str, payload: str) -> str:
        """What is stored of a message, as the page writes it."""
        reader = translator.reader(topic)
        assert reader is not None, topic
        lines = [line(point) for point in reader.points(payload.encode(), ARRIVED)]
        return "".join(f"{text.removesuffix(f' {ARRIVED}')}\n" for text in lines)

    def test_each_message_becomes_what_the_page_says(self) -> None:
        stored, count = "", 0
        for translator, word, text in self.blocks():
            if word == "stored":
                self.assertEqual(stored, text)
                count += 1
            elif word != "refused":
                with self.subTest(word):
                    stored = self.points(translator, word, text.removesuffix("\n"))
        self.assertEqual(count, 6)

    def test_each_cause_is_what_the_page_says(self) -> None:
        count = 0
        for translator, word, text in self.blocks():
            for row in text.splitlines() if word == "refused" else ():
                found = re.fullmatch(r"([^,]*),(\{.*\}),(.*?)", row)
                assert found is not None, row
                with self.subTest(row), self.assertRaises(ContractError) as caught:
                    self.points(translator, found[1], found[2])
                why, ends_otherwise = found[3].removesuffix("..."), found[3].endswith("...")
                self.assertEqual(str(caught.exception)[: len(why) if ends_otherwise else None], why)
                count += 1
        self.assertEqual(count, 6)

    def test_the_file_is_checked_as_the_page_says(self) -> None:
        page = PAGE.read_text(encoding="utf-8")
        self.assertIn("```sh\ntrackerdcs check mapping.yaml\n```\n", page)
        self.assertEqual(page.count("```sh"), 1)
        self.path.write_text(BLOCK.findall(page)[0][2], encoding="utf-8")
        result = CliRunner().invoke(app, ["check", str(self.path)])
        self.assertEqual(
            (result.exit_code, result.stdout), (0, f"{self.path}: OK, mapping of lab/{{sensor}}/{{quantity}}\n")
        )
