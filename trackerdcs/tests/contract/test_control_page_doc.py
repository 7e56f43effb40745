"""control-with-node-red.md: its mapping takes what the flow of test data makes; control-page.md has every sign."""

import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from trackerdcs.domain.translator import Translator
from trackerdcs.settings import load_mapping
from trackerdcs.tests.documents import ROOT, blocks
from trackerdcs.tests.nodered import node_or_skip
from trackerdcs.tests.programs import NODERED

HOW_TO = "doc/how-to/control-with-node-red.md"
REFERENCE = "doc/reference/control-page.md"


class TestHowTo(unittest.TestCase):
    def test_the_mapping_takes_what_the_flow_makes(self) -> None:
        flows = json.loads((NODERED / "flows.json").read_text(encoding="utf-8"))
        code = next(flow["func"] for flow in flows if flow["id"] == "dcs-testdata-made")
        script = f"console.log(JSON.stringify(new Function('msg', {json.dumps(code)})({{}})))"
        done = subprocess.run(
            [str(node_or_skip()), "-e", script], capture_output=True, text=True, check=True, timeout=30
        )
        made = json.loads(done.stdout)
        (block,) = [b for b in blocks(HOW_TO, (ROOT / HOW_TO).read_text(encoding="utf-8")) if b.language == "yaml"]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "mapping.yaml")
            path.write_text(block.text, encoding="utf-8")
            reader = Translator(load_mapping(path)).reader(made["topic"])
        assert reader is not None
        (point,) = reader.points(made["payload"].encode(), 1_800_000_000_000_000_000)
        self.assertEqual(set(point.fields), {"t_air", "level"})


class TestReference(unittest.TestCase):
    text = (ROOT / REFERENCE).read_text(encoding="utf-8")

    def test_every_state_and_fate_stands_there_with_its_symbol(self) -> None:
        for file, table in (("channel_view.js", "STATES"), ("fates.js", "SHOWN")):
            source = (NODERED / "src" / file).read_text(encoding="utf-8")
            rows = re.findall(r"symbol: '(.*?)', text: '(.*?)'", source.split(f"{table} = {{")[1].split("};")[0])
            self.assertGreater(len(rows), 6)
            for symbol, words in rows:
                shown = symbol.encode().decode("unicode_escape") if "\\u" in symbol else symbol
                self.assertIn(words, self.text)
                self.assertIn(shown, self.text, words)

    def test_every_setting_stands_there_with_its_default(self) -> None:
        main = (NODERED / "main.js").read_text(encoding="utf-8")
        found = re.findall(r"env\('(\w+)', '(.*?)'\)", main)
        self.assertGreater(len(found), 7)
        for name, default in found:
            self.assertIn(f"`TRACKERDCS_{name}`", self.text)
            self.assertIn(f"`{default}`", self.text)


if __name__ == "__main__":
    unittest.main()
