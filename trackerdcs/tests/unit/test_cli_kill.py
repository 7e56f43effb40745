"""`trackerdcs kill` before anything heavy is imported: whatever listens in the data folder is killed first."""

import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from trackerdcs.adapters.kill_socket import KillSocket
from trackerdcs.cli.main import app

DOWN = {
    "device": "hv1",
    "state": "down",
    "cause": "killed",
    "channels": {"ch0": {"on": False, "v_mon": 0.1, "down": True}},
}


class TestKill(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.kills: list[tuple[str, str]] = []
        self.enterContext(KillSocket(self.folder / "hv1.kill", self.kill, lambda: DOWN))

    def kill(self, by: str, id: str) -> dict[str, Any]:
        self.kills.append((by, id))
        return DOWN | {"state": "killing"}

    def run_it(self, text: str, *arguments: str, name: str = "stand.yaml") -> Result:
        file = self.folder / name
        file.write_text(text)
        arguments = arguments or ("bench", "--file", str(file))
        return CliRunner().invoke(app, ["kill", *arguments, "--wait", "3", "--reason", "smoke"])

    def good(self) -> dict[str, Any]:
        channels = {"ch0": {"v_min": -800, "v_max": 0, "i_limit_max": 2e-5}}
        link = {"resource": "TCPIP::127.0.0.1::1::SOCKET"}
        supply = {"driver": "iseg_shr", "sim": True, "link": link, "channels": channels}
        return {"stand": "bench", "data": str(self.folder), "devices": {"hv1": supply}}

    def test_all_is_seen_off_without_a_broker_and_without_the_topic(self) -> None:
        for indent in (None, 1):
            with self.subTest(indent=indent):
                result = self.run_it(json.dumps(self.good(), indent=indent), name="stand.json")
                self.assertEqual(result.exit_code, 0, result.output)
                self.assertRegex(result.stdout, r"hv1: killing, over its socket in \d+ ms\nhv1: down: ch0 off 0.1 V")
        self.assertEqual(len(self.kills), 2)
        self.assertRegex(self.kills[0][0], "at this computer: smoke")
        result = self.run_it(json.dumps(self.good()), str(self.folder / "stand.json"), name="stand.json")
        self.assertEqual(result.exit_code, 0, "the file in place of the name")

    def test_rule_08_a_bad_stand_file_stands_in_nobodys_way(self) -> None:
        result = self.run_it(f"stand: bench # ours\ndata: {self.folder} # here\ndevices: {{hv1: [\n")
        self.assertEqual(len(self.kills), 1)
        self.assertEqual(result.exit_code, 1)
        self.assertIn("hv1: down", result.stdout)
        self.assertIn("NOT PROVEN DOWN: the rest of the stand", result.stderr)

    def test_another_stands_file_kills_nothing(self) -> None:
        result = self.run_it(
            json.dumps(self.good()), "other", "--file", str(self.folder / "stand.json"), name="stand.json"
        )
        self.assertEqual((result.exit_code, self.kills), (2, []))
        self.assertIn("is the file of bench", result.stderr)


if __name__ == "__main__":
    unittest.main()
