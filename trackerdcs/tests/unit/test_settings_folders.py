"""Stand files, and folders of them."""

import tempfile
import unittest
from pathlib import Path

from trackerdcs.domain.errors import ConfigError
from trackerdcs.settings import read_stands

STAND = "stand: {name}\ndevices: {{env1: {{driver: env_board, link: {{resource: 'TCPIP::127.0.0.1::9::SOCKET'}}}}}}\n"


class TestReadStands(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def write(self, file: str, text: str) -> Path:
        path = self.folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def stands(self, *paths: Path) -> list[str]:
        return [file.stand.stand for file in read_stands(paths)]

    def test_files_and_folders_in_their_order(self) -> None:
        last = self.write("last.yaml", STAND.format(name="a"))
        self.write("in/c.yaml", STAND.format(name="c"))
        self.write("in/b.yaml", STAND.format(name="b"))
        self.assertEqual(self.stands(self.folder / "in", last), ["b", "c", "a"])

    def test_what_is_no_stand_file_is_passed_over_and_it_is_said(self) -> None:
        self.write("b.yaml", STAND.format(name="b"))
        self.write("mapping.yaml", "topics: []\n")
        self.write("b.compose.yaml", "services: [\n")
        self.write("notes.txt", "stand: no\n")
        with self.assertLogs("trackerdcs.settings", "WARNING") as logs:
            self.assertEqual(self.stands(self.folder), ["b"])
        self.assertEqual(
            [x.getMessage() for x in logs.records], [f"{self.folder}/mapping.yaml: passed over, it is no stand file"]
        )

    def test_what_may_be_one_is_never_passed_over(self) -> None:
        self.write("b.yaml", STAND.format(name="b"))
        for text, why in (("stand: [\n", "bad.yaml:"), ("stand: c\n", "devices: missing"), ("", "the file is empty")):
            self.write("bad.yaml", text)
            with self.assertRaisesRegex(ConfigError, why):
                self.stands(self.folder)

    def test_one_name_is_one_stand(self) -> None:
        self.write("b.yaml", STAND.format(name="b"))
        self.write("c.yaml", STAND.format(name="b"))
        with self.assertRaisesRegex(ConfigError, "c.yaml:1: stand: b stands in .*b.yaml already"):
            self.stands(self.folder)

    def test_nothing_there(self) -> None:
        with self.assertRaisesRegex(ConfigError, "no stand file"):
            self.stands(self.folder)
        with self.assertRaisesRegex(ConfigError, "absent.yaml: cannot be read"):
            self.stands(self.folder / "absent.yaml")
