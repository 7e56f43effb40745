"""What decides in Node-RED and on the control page, by tests in JavaScript; flows.json is what its sources make."""

import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from trackerdcs.tests.nodered import node_or_skip
from trackerdcs.tests.programs import NODERED

CEILING = 300


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(node_or_skip()), *arguments]
    return subprocess.run(command, cwd=NODERED, capture_output=True, text=True, timeout=120, check=False)


class TestJavaScript(unittest.TestCase):
    def test_its_own_tests_pass(self) -> None:
        files = sorted(str(path) for path in (NODERED / "tests").glob("*.test.js"))
        self.assertGreater(len(files), 3)
        done = run("--test", "--test-reporter=tap", *files)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:])
        count = re.search(r"^# pass (\d+)$", done.stdout, re.M)
        self.assertGreater(int(count[1]) if count else 0, 30)

    def test_the_flows_are_what_their_sources_make(self) -> None:
        done = run("build.js", "--check")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_no_file_is_longer_than_the_ceiling(self) -> None:
        ours = [
            p for p in NODERED.rglob("*.*") if p.suffix in (".js", ".html", ".css") and "node_modules" not in p.parts
        ]
        long = {p.name: n for p in ours if (n := len(p.read_text(encoding="utf-8").splitlines())) > CEILING}
        self.assertEqual(long, {})


class TestFlows(unittest.TestCase):
    flows = json.loads((NODERED / "flows.json").read_text(encoding="utf-8"))

    def test_there_is_no_credential_and_no_test_data_by_default(self) -> None:
        self.assertNotIn("credentials", {key for flow in self.flows for key in flow})
        self.assertEqual(
            [flow["id"] for flow in self.flows if flow["type"] == "tab" and flow["disabled"]], ["dcs-testdata"]
        )

    def test_every_node_is_ours_by_its_id_and_wires_lead_somewhere(self) -> None:
        ids = {flow["id"] for flow in self.flows}
        self.assertEqual([i for i in ids if not i.startswith("dcs-")], [])
        self.assertEqual({to for flow in self.flows for wire in flow.get("wires", []) for to in wire} - ids, set())

    def test_only_the_desk_reaches_the_broker(self) -> None:
        publishing = {flow["id"] for flow in self.flows if flow["type"] == "mqtt out"}
        leading = {
            flow["id"] for flow in self.flows for wire in flow.get("wires", []) for to in wire if to in publishing
        }
        self.assertEqual(leading, {"dcs-asked", "dcs-testdata-made"})
        self.assertEqual({f["retain"] for f in self.flows if f["type"] == "mqtt out"}, {"false"})


class TestPackages(unittest.TestCase):
    def test_the_lock_file_names_no_registry(self) -> None:
        lock = json.loads((NODERED / "package-lock.json").read_text(encoding="utf-8"))
        self.assertEqual([name for name, entry in lock["packages"].items() if "resolved" in entry], [])
        self.assertTrue(all("integrity" in entry for name, entry in lock["packages"].items() if name))

    def test_the_image_is_the_version_of_the_lock(self) -> None:
        lock = json.loads((NODERED / "package-lock.json").read_text(encoding="utf-8"))
        version = lock["packages"]["node_modules/node-red"]["version"]
        self.assertIn(f"FROM nodered/node-red:{version}\n", (NODERED / "Dockerfile").read_text(encoding="utf-8"))


class TestStart(unittest.TestCase):
    def test_a_missing_or_empty_secret_is_said_in_one_line(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            secrets = Path(folder)

            def start() -> tuple[int, str]:
                variables = [f"TRACKERDCS_SECRETS={folder}", f"TRACKERDCS_DATA={folder}"]
                command = ["/usr/bin/env", *variables, str(node_or_skip()), "main.js"]
                done = subprocess.run(command, cwd=NODERED, capture_output=True, text=True, timeout=30, check=False)
                return done.returncode, done.stderr.strip()

            self.assertEqual(start(), (78, f"nodered: the secret {folder}/credential-secret cannot be read: ENOENT"))
            (secrets / "credential-secret").write_text("\n")
            self.assertEqual(start(), (78, f"nodered: the secret {folder}/credential-secret is empty"))
            (secrets / "credential-secret").write_text("a\nb\n")
            self.assertEqual(start(), (78, f"nodered: the secret {folder}/credential-secret is more than one line"))
            (secrets / "credential-secret").write_text("a\n")
            self.assertEqual(start(), (78, f"nodered: the secret {folder}/mqtt/nodered cannot be read: ENOENT"))
            (secrets / "mqtt").mkdir()
            (secrets / "mqtt" / "nodered").write_text("b\n")
            (secrets / "flows.json").write_text("{")
            code, said = start()
            self.assertEqual((code, said.count("\n")), (78, 0))
            self.assertIn(f"{folder}/flows.json", said)


if __name__ == "__main__":
    unittest.main()
