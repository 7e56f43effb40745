"""doc/how-to/install-the-stack.md and scale-out.md: every block is done as it stands there, on a stack of its own."""

import os
import re
import subprocess
import unittest
from functools import partial
from pathlib import Path
from typing import ClassVar

from trackerdcs.tests.compose_stack import ComposeStack
from trackerdcs.tests.documents import Block, blocks, pages

INSTALL, SCALE = "doc/how-to/install-the-stack.md", "doc/how-to/scale-out.md"
LIMIT_S = 600
PAGES = pages()


def block(page: str, language: str, says: str) -> Block:
    (found,) = (b for b in blocks(page, PAGES[page]) if b.language == language and says in b.text)
    return found


class TestInstallTheStack(unittest.TestCase):
    stack: ClassVar[ComposeStack]

    @classmethod
    def setUpClass(cls) -> None:
        cls.stack = ComposeStack(start=False)
        cls.addClassCleanup(cls.stack.stop)

    def do(self, page: str, says: str, instead: dict[str, str] | None = None, status: int = 0) -> str:
        """Type a block into a shell in the project's folder; what it says."""
        typed = block(page, "sh", says).text
        for old, new in (instead or {}).items():
            self.assertIn(old, typed)
            typed = typed.replace(old, new)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", typed],
            cwd=self.stack.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        self.assertEqual(done.returncode, status, f"{typed}\n{done.stdout}{done.stderr}")
        return done.stdout

    def git(self, *words: str, folder: Path) -> None:
        who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)

    def test_a_lab_from_the_first_stand_to_an_update(self) -> None:
        folder = self.stack.folder
        upstream = folder.with_name(f"{folder.name}-upstream")
        self.addCleanup(subprocess.run, ["rm", "-r", str(upstream)], check=False)
        self.git("init", "-q", "-b", "main", folder=folder)
        self.git("add", "-A", folder=folder)
        self.git("commit", "-qm", "as it is", folder=folder)
        self.git("clone", "-q", str(folder), str(upstream), folder=folder)
        self.git("remote", "add", "origin", str(upstream), folder=folder)
        self.git("fetch", "-q", folder=folder)
        self.git("branch", "-u", "origin/main", folder=folder)

        (folder / "stands").mkdir()
        stand = folder / "stands" / "bench1.yaml"
        text = block(INSTALL, "yaml", "stand: bench1").text
        stand.write_text(text)
        os.environ.pop("COMPOSE_FILE")  # the block writes it into .env
        self.do(INSTALL, "docker run --rm -v")
        self.assertTrue(self.stack.healthy("bench1-lv1"))  # its instrument is at an address that nobody has

        stand.write_text(text + "  env1: {driver: env_board, link: {resource: TCPIP::192.0.2.22::4001::SOCKET}}\n")
        made = ["docker", "run", "--rm", "-v", f"{folder}:/lab:ro", "-w", "/lab", "trackerdcs:test"]
        made += ["compose", "stands/bench1.yaml"]
        with (folder / "stands" / "bench1.compose.yaml").open("w") as file:
            subprocess.run(made, stdout=file, check=True)
        owner = self.stack.docker("compose", "ps", "-q", "bench1-lv1")
        self.do(INSTALL, "kill -s HUP mosquitto")
        self.stack.until(partial(self.stack.healthy, "bench1-env1"), "the new device's owner logs in")
        self.assertEqual(self.stack.docker("compose", "ps", "-q", "bench1-lv1"), owner)

        self.do(INSTALL, "git pull --ff-only")
        said = self.do(INSTALL, "cli-bench1 doctor", status=1)
        self.assertRegex(said, r"OK +broker mosquitto:1883 answers")
        self.assertRegex(said, r"bench1/lv1")

        (folder / "stands" / "bench2.yaml").write_text(
            re.sub("bench1", "bench2", text).replace("192.0.2.21", "192.0.2.23")
        )
        with (folder / "stands" / "bench2.compose.yaml").open("w") as file:
            subprocess.run([*made[:-1], "stands/bench2.yaml"], stdout=file, check=True)
        (folder / "loaders.yaml").write_text(block(SCALE, "yaml", "loader-b").text)
        files = ["docker-compose.yml", "stands/bench1.compose.yaml", "stands/bench2.compose.yaml", "loaders.yaml"]
        (folder / ".env").write_text(f"COMPOSE_FILE={':'.join(files)}\n")
        self.stack.docker("compose", "up", "-d", timeout=LIMIT_S)
        self.stack.docker("compose", "kill", "-s", "HUP", "mosquitto")
        for loader in ("loader", "loader-b"):
            self.stack.until(partial(self.stack.healthy, loader), f"{loader} is healthy")

        # The machine's Docker is left as it is: the file is checked as a deployment would, and not deployed.
        said = self.do(
            SCALE,
            "docker stack deploy",
            {"deploy --resolve-image never -c stack.json trackerdcs": "config -c stack.json"},
        )
        self.assertIn("loader-b", said)


if __name__ == "__main__":
    unittest.main()
