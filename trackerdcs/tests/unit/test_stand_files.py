"""Stand files are found by name and in folders; what has a fault is named, and nothing is passed over in silence."""

import tempfile
import unittest
from pathlib import Path

from trackerdcs.domain.errors import ConfigError
from trackerdcs.services.stand_files import read_stands

STAND = "stand: {}\ndevices:\n  hv1:\n    driver: iseg_shr\n    link: {{resource: TCPIP::127.0.0.1::15001::SOCKET}}\n"
MAPPING = "topics:\n  lab/room/#:\n    stand: room\n"


class FindsStands(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def refused(self, text: str, *paths: Path) -> None:
        with self.assertRaises(ConfigError) as caught:
            read_stands(paths)
        self.assertEqual(str(caught.exception), text)

    def test_a_folder_and_a_file(self) -> None:
        for name in ("b", "a"):
            self.write(f"lab/{name}.yaml", STAND.format(name))
        alone = self.write("c.yaml", STAND.format("c"))
        found = read_stands([self.folder / "lab", alone])
        self.assertEqual([file.stand.stand for file in found], ["a", "b", "c"])

    def test_what_is_no_stand_is_passed_over_with_a_line(self) -> None:
        self.write("a.yaml", STAND.format("a"))
        mapping = self.write("mapping.yaml", MAPPING)  # with a fault, which is for whoever reads mappings
        self.write("stands.compose.yaml", STAND.format("z"))
        self.write("notes.txt", "not: [yaml")
        with self.assertLogs("trackerdcs.services.stand_files") as logs:
            self.assertEqual([file.stand.stand for file in read_stands([self.folder])], ["a"])
        self.assertEqual([record.getMessage().partition(": ")[0] for record in logs.records], [str(mapping)])

    def test_faults_are_named(self) -> None:
        first, again = self.write("a.yaml", STAND.format("a")), self.write("b.yaml", STAND.format("a"))
        self.refused(f"{again}:1: stand: a is described by {first} already", self.folder)
        again.write_text(STAND.format("b") + "devicess: 1\n")
        self.refused(f"{again}:6: devicess: unknown key; did you mean devices?", self.folder)
        again.write_text("a: [")
        with self.assertRaisesRegex(ConfigError, f"^{again}:"):
            read_stands([self.folder])
        gone = self.folder / "gone"
        self.refused(f"{gone}: cannot be read: No such file or directory", gone)
        gone.mkdir()
        self.refused(f"{gone}: no stand file in this folder: expected *.yaml with stand and devices", gone)
        self.refused(
            f"{first}:1: stand: a is described by {first} already",
            first,
            first,
        )
