"""The command line: what it prints, where, and with which exit status."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from typer.testing import CliRunner, Result

from trackerdcs.adapters.schema import asyncapi, json_schemas
from trackerdcs.cli.main import app
from trackerdcs.domain.errors import BusDown, ConfigError, TrackerError

STANDS = Path(__file__).parents[2] / "stands"


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


class Main(unittest.TestCase):
    def test_help_lists_the_commands_and_loads_no_heavy_library(self) -> None:
        heavy = "{'pydantic', 'yaml', 'paho', 'amqtt', 'pyvisa', 'influxdb_client'}"
        code = (
            "import sys; from trackerdcs.cli.main import app\n"
            "try: app(['--help'])\n"
            f"except SystemExit: print(sorted({heavy} & sys.modules.keys()))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        for command in ("check", "schema"):
            self.assertRegex(done.stdout, rf"\n  {command} +[A-Z]")
        self.assertEqual(done.stdout.splitlines()[-1], "[]")

    def test_without_a_command_it_helps(self) -> None:
        self.assertIn("Commands:", run().output)

    def test_an_error_is_a_message_and_a_status(self) -> None:
        error: TrackerError = ConfigError("stand.yaml:3: mend me")

        @app.command("fail-for-a-test")
        def fail() -> None:
            raise error

        self.addCleanup(app.registered_commands.pop)
        result = run("fail-for-a-test")
        self.assertEqual((result.exit_code, result.stderr, result.stdout), (78, "stand.yaml:3: mend me\n", ""))
        error = BusDown("no broker at 127.0.0.1:1883")
        result = run("fail-for-a-test")
        self.assertEqual((result.exit_code, result.stderr), (1, "no broker at 127.0.0.1:1883\n"))


class InAFolder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class Check(InAFolder):
    def changed(self, old: str, new: str) -> Path:
        text = (STANDS / "demo.yaml").read_text()
        self.assertIn(old, text)
        path = self.folder / "changed.yaml"
        path.write_text(text.replace(old, new, 1))
        return path

    def line(self, path: Path, part: str) -> int:
        return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if part in line)

    def test_good_files(self) -> None:
        result = run("check", STANDS / "demo.yaml", STANDS / "example.yaml")
        self.assertEqual((result.exit_code, result.stderr), (0, ""))
        self.assertEqual(len(result.stdout.splitlines()), 2)
        self.assertIn("OK, stand demo with hv1, hv2, lv1, env1", result.stdout)

    def test_a_mapping_file(self) -> None:
        result = run("check", STANDS / "mapping.example.yaml")
        self.assertEqual((result.exit_code, result.stderr), (0, ""))
        self.assertIn("mapping.example.yaml: OK, mapping of lab/{sensor}/{quantity}, lab/pressure, ", result.stdout)
        path = self.folder / "mapping.yaml"
        path.write_text("topics:\n  lab/t: {payload: line, measurment: x}\n")
        result = run("check", path)
        fault = "topics.lab/t.measurment: unknown key; did you mean measurement?"
        self.assertEqual((result.exit_code, result.stderr), (78, f"{path}:2: {fault}\n"))

    def test_a_fault_in_one_file_does_not_hide_the_other(self) -> None:
        path = self.changed("period: 1", "perid: 1")
        result = run("check", path, STANDS / "example.yaml")
        self.assertEqual(result.exit_code, 78)
        line = self.line(path, "perid")
        self.assertEqual(result.stderr, f"{path}:{line}: devices.hv1.perid: unknown key; did you mean period?\n")
        self.assertIn("stand bench1", result.stdout)

    def test_an_unknown_driver(self) -> None:
        path = self.changed("driver: hmp4040", "driver: hmp404")
        result = run("check", path)
        line = self.line(path, "hmp404")
        self.assertEqual(result.exit_code, 78)
        self.assertIn(f"{path}:{line}: devices.lv1.driver: driver 'hmp404' is unknown, expected ", result.stderr)

    def test_limits_that_the_instrument_cannot_keep(self) -> None:
        path = self.changed("v_max: 12.5, i_limit_max: 1}", "v_max: 40, i_limit_max: 1}")
        result = run("check", path)
        line = self.line(path, "v_max: 40")
        self.assertEqual(result.exit_code, 78)
        self.assertIn(f"{path}:{line}: devices.lv1.channels.ch4.v_max: 40 V is above the ", result.stderr)

    def test_a_channel_that_the_instrument_has_not(self) -> None:
        path = self.changed("      ch4: {", "      ch5: {")
        result = run("check", path)
        line = self.line(path, "ch5")
        self.assertIn(f"{path}:{line}: devices.lv1.channels.ch5: hmp4040 has no such channel", result.stderr)

    def test_no_file_at_all(self) -> None:
        self.assertEqual(run("check").exit_code, 2)
        self.assertEqual(run("check", self.folder / "none.yaml").exit_code, 78)


class Schema(InAFolder):
    def test_it_writes_what_the_code_says(self) -> None:
        out = self.folder / "new" / "schema"
        result = run("schema", "--out", out)
        self.assertEqual(result.exit_code, 0)
        expected = {f"{kind}.schema.json": schema for kind, schema in json_schemas().items()}
        expected["asyncapi.json"] = asyncapi()
        for name, document in expected.items():
            self.assertEqual(json.loads((out / name).read_text()), document)
            self.assertIn(f"{out / name}\n", result.stdout)
        self.assertEqual({p.name for p in out.iterdir()}, {*expected, "stand.schema.json"})

    def test_a_place_that_cannot_be_written(self) -> None:
        (self.folder / "file").touch()
        result = run("schema", "--out", self.folder / "file")
        self.assertEqual(result.exit_code, 1)
        self.assertRegex(result.stderr, "file: cannot be written: File exists")
