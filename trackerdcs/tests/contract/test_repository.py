"""What must never be in the repository: a developer's paths, a registry's address, images that move."""

import re
import subprocess
import tomllib
import unittest
from pathlib import Path
from typing import ClassVar

from trackerdcs.tests.programs import INFLUXD_VERSION

ROOT = Path(__file__).resolve().parents[3]
LOCKS = ("requirements.txt", "requirements-dev.txt")
# Spelled in two parts, so that this file does not find itself.
DEVELOPER_PATH = re.compile(r"(?<![\w.~*:/-])/" + r"(?:work|root|home|Users)/(?!\.)[\w.-]+")
INDEX = re.compile(
    r"--(?:extra-)?index-"
    + r"url\b|--find-"
    + r"links\b|--trusted-"
    + r"host\b|\bhttps?://[^\s\"']*/"
    + r"simple(?![\w-])"
)
MOVING_IMAGE = re.compile(r"^\s*(?:-\s*)?(?:image:|FROM)\s+\S+:" + r"latest\b|:" + r"latest[\"']", re.MULTILINE)


def tracked_texts() -> dict[str, str]:
    """Every tracked file that is text."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise unittest.SkipTest(f"not a git working tree: {listed.stderr.strip()}")
    texts = {}
    for name in filter(None, listed.stdout.split("\0")):
        try:
            texts[name] = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):  # a picture, or removed and not yet committed
            continue
    return texts


def found(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    """`file:line: what` for each place the pattern matches."""
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0].strip()}"
        for name, text in texts.items()
        for match in pattern.finditer(text)
    ]


class TestRepository(unittest.TestCase):
    texts: ClassVar[dict[str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.texts = tracked_texts()

    def test_no_path_of_a_developers_machine(self) -> None:
        self.assertEqual(found(DEVELOPER_PATH, self.texts), [])

    def test_no_package_index_is_named(self) -> None:
        self.assertEqual(found(INDEX, self.texts), [])

    def test_lock_files_name_only_packages_and_hashes(self) -> None:
        line = re.compile(r"[A-Za-z0-9._-]+==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
        for name in LOCKS:
            odd = [text for text in self.texts[name].splitlines() if not line.fullmatch(text)]
            self.assertEqual(odd, [], name)

    def test_the_lock_files_agree_and_hold_every_dependency(self) -> None:
        runtime, development = ({*re.findall(r"^(\S+==\S+)", self.texts[name], re.MULTILINE)} for name in LOCKS)
        self.assertEqual(runtime - development, set())
        project = tomllib.loads(self.texts["pyproject.toml"])
        locked = {pin.partition("==")[0] for pin in development}
        wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
        names = {re.split(r"[^A-Za-z0-9._-]", entry)[0].lower() for entry in wanted}
        self.assertEqual(names - locked, set(), "run: make lock")

    def test_no_image_tag_moves(self) -> None:
        self.assertEqual(found(MOVING_IMAGE, self.texts), [])

    def test_influxd_is_the_version_its_module_pins(self) -> None:
        self.assertIn(f"github.com/influxdata/influxdb/v2 v{INFLUXD_VERSION}\n", self.texts["tools/influxd/go.mod"])


class TestPatterns(unittest.TestCase):
    def test_each_pattern_finds_what_it_is_for(self) -> None:
        for pattern, bad in [
            (DEVELOPER_PATH, 'open("/' + 'home/ann/x")'),
            (DEVELOPER_PATH, "cd /" + "work/tree"),
            (INDEX, "--index-" + "url https://packages.example.org"),
            (INDEX, "https://packages.example.org/" + "simple/"),
            (MOVING_IMAGE, "    image: mosquitto:" + "latest"),
            (MOVING_IMAGE, "FROM python:" + "latest"),
        ]:
            with self.subTest(bad):
                self.assertEqual(len(found(pattern, {"file": f"first line\n{bad}\n"})), 1)

    def test_each_pattern_leaves_alone_what_is_fine(self) -> None:
        for pattern, good in [
            (DEVELOPER_PATH, "https://example.org/home/page and ./work/x and var/work/x"),
            (INDEX, "https://pypi.org/project/simple-thing"),
            (MOVING_IMAGE, "image: influxdb:2.7.12 # not the latest"),
        ]:
            with self.subTest(good):
                self.assertEqual(found(pattern, {"file": good}), [])
