"""The page conditions-of-a-run.md, as it stands, against a running demonstrator; and api.md against the document."""

import asyncio
import csv
import json
import os
import re
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from trackerdcs.adapters.runs_sqlite import SqliteRuns
from trackerdcs.domain.run import RunModule
from trackerdcs.domain.run_links import Binding
from trackerdcs.tests.documents import ROOT, blocks
from trackerdcs.tests.join_case import S, made_run, result
from trackerdcs.tests.running_demo import LIMIT_S, AgainstTheDemo
from trackerdcs.tests.typed import run_block

PAGE, API = "doc/how-to/conditions-of-a-run.md", "doc/reference/api.md"
MODULE = "demo-module-1"
LONG = 20


class TestPage(AgainstTheDemo):
    async def asyncSetUp(self) -> None:
        """A run over the last seconds of the demonstrator, as the bridge would leave it."""
        await self.demo.all_stored()
        now = time.time_ns()
        await self.demo.all_stored(since=now)
        modules = (RunModule(MODULE, channels=("demo/hv1/ch0", "demo/lv1/ch1")),)
        runs = SqliteRuns(self.demo.data / "runs.sqlite")
        run = made_run("page", now - LONG * S, end=now + 60 * S, stand="demo", modules=modules)
        runs.put_run(run)
        runs.put_results("page", 1, [result("page")])
        runs.put_binding(Binding("demo", "hv1", "ch0", MODULE, now - LONG * S))
        runs.close()

    def said(self, text: str) -> str:
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{self.demo.web_port}")

    async def test_its_commands_and_its_program_work(self) -> None:
        page = (ROOT / PAGE).read_text(encoding="utf-8")
        shell = "\n".join(self.said(block.text) for block in blocks(PAGE, page) if block.language == "sh")
        with tempfile.TemporaryDirectory() as folder:
            done = await asyncio.to_thread(run_block, f"cd {folder}\n{shell}", self.environment, LIMIT_S)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            rows = list(csv.DictReader(Path(folder, "conditions.csv").read_text(encoding="utf-8").splitlines()))
        seen = {f"demo/{place}/{quantity}" for place in ("hv1/ch0", "lv1/ch1") for quantity in ("v_mon", "i_mon")}
        self.assertEqual({row["quantity"] for row in rows if row["mean"]}, seen | {"demo/env1/-/t_air"})
        for word in ("demo/env1/-/t_air", "pedenoise", '"next"', MODULE):
            self.assertIn(word, done.stdout)
        (program,) = (block.text for block in blocks(PAGE, page) if block.language == "python")
        program = program.replace("var/demo/stand.json", str(self.demo.stand_file))
        ran = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, cwd=ROOT, env=os.environ
        )
        out, _ = await asyncio.wait_for(ran.communicate(), LIMIT_S)
        self.assertEqual(ran.returncode, 0)
        self.assertRegex(out.decode(), r"demo/hv1/ch0/v_mon V -?[\d.e-]+ \d+\n")

    async def test_each_route_of_the_document_is_on_the_page_of_the_api(self) -> None:
        def read() -> Any:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.demo.web_port}/api/openapi.json") as reply:
                return json.load(reply)

        document = await asyncio.to_thread(read)
        parts = re.split(r"^### ", (ROOT / API).read_text(encoding="utf-8"), flags=re.M)[1:]
        sections = {part.partition("\n")[0]: part for part in parts}
        found = {
            f"{m.upper()} {path}": said for path, methods in document["paths"].items() for m, said in methods.items()
        }
        self.assertEqual(sections.keys(), found.keys())
        for name, said in found.items():
            own = set(re.findall(r"`(\w+)`", sections[name]))
            for parameter in said.get("parameters", ()):
                if parameter["in"] == "query":
                    self.assertIn(parameter["name"], own, name)
