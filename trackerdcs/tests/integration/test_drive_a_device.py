"""The page about driving a device: what it says to type is typed, what it says to see is seen."""

import dataclasses
import json
import os
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from trackerdcs.domain.messages import Ack
from trackerdcs.tests.running_demo import LIMIT_S, AgainstTheDemo
from trackerdcs.tests.service import TRACKERDCS
from trackerdcs.tests.typed import run_block

PAGE = Path(__file__).parents[3] / "doc" / "how-to" / "drive-a-device.md"
# Where the real ones are not installed: what the page needs of them, over the same library and the same wire.
MOSQUITTO_PUB = """
import argparse
from paho.mqtt.publish import single
parser = argparse.ArgumentParser(add_help=False)
for option in "hptm":
    parser.add_argument(f"-{option}", required=True)
parser.add_argument("-q", type=int)
given = parser.parse_args()
single(given.t, given.m, given.q, hostname=given.h, port=int(given.p))
"""
MOSQUITTO_SUB = """
import argparse
from paho.mqtt.subscribe import simple
parser = argparse.ArgumentParser(add_help=False)
for option in "hptC":
    parser.add_argument(f"-{option}", required=True)
parser.add_argument("-q", type=int)
parser.add_argument("-W")
given = parser.parse_args()
count = int(given.C)
found = simple([given.t], given.q, count, hostname=given.h, port=int(given.p))
for message in found if count > 1 else [found]:
    print(message.payload.decode())
"""


class Page(AgainstTheDemo):
    def setUp(self) -> None:
        self.page = PAGE.read_text(encoding="utf-8")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = [str(Path(TRACKERDCS).parent), os.environ["PATH"]]
        if not shutil.which("mosquitto_pub"):
            path.insert(0, folder.name)
            for name, program in (("mosquitto_pub", MOSQUITTO_PUB), ("mosquitto_sub", MOSQUITTO_SUB)):
                file = Path(folder.name, name)
                file.write_text(f"#!{sys.executable}\n{program}")
                file.chmod(0o755)
        self.shell = self.environment | {"PATH": ":".join(path)}

    def run_block(self, text: str) -> str:
        text = text.replace("-p 1883", f"-p {self.demo.port}").replace(
            "trackerdcs doctor", "trackerdcs doctor --listen 1"
        )
        done = run_block(text, self.shell, LIMIT_S)
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}{done.stderr}")
        return done.stdout

    def test_every_command_does_what_the_page_says(self) -> None:
        blocks = re.findall(r"^```sh\n(.*?)^```", self.page, flags=re.M | re.S)
        sent, read, ended, known, asked = map(self.run_block, blocks)
        self.assertEqual(re.findall(r"^\w+", sent, flags=re.M), ["accepted", "done"] * 5)
        self.assertRegex(read, r"demo/hv1 ch0 v_set in V, times in UTC: \d+ samples(.|\n)*time,ts_ns,value\n.*Z,\d+,")
        self.assertRegex(ended, r"^accepted\ndone, (.|\n)*accepted\ndone, (.|\n)*OK   store")
        meta, status = map(json.loads, known.splitlines())
        self.assertEqual((meta["channels"]["ch0"]["commands"]["set_voltage"]["args"]["v"]["unit"]), "V")
        self.assertEqual(status["state"], "online")
        accepted, done = map(json.loads, asked.splitlines())
        self.assertEqual([ack["state"] for ack in (accepted, done)], ["accepted", "done"])
        self.assertAlmostEqual(done["readback"]["v_set"], -50.0, delta=0.1)
        self.assertEqual((done["user"], done["id"]), ("cli", accepted["id"]))

    def test_the_outputs_shown_look_like_those_that_come(self) -> None:
        shown = re.findall(r"^```text\n(.*?)^```", self.page, flags=re.M | re.S)
        self.assertEqual(len(shown), 2)
        self.assertRegex(shown[0], r"^accepted\ndone, v_set -50\.000 V, ")
        for line in shown[1].splitlines():
            ack = json.loads(line.replace(",...", ""))
            self.assertLessEqual(set(ack), {field.name for field in dataclasses.fields(Ack)})


if __name__ == "__main__":
    unittest.main()
