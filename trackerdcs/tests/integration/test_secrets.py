"""`trackerdcs secrets`: what is missing is made for its owner alone, what is there stays, what is no good is named."""

import os
import re
import shutil
import signal
import stat
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import argon2
from typer.testing import CliRunner, Result

from trackerdcs.adapters.whole_file import write_whole
from trackerdcs.cli.main import app
from trackerdcs.services.secret_folder import fill
from trackerdcs.services.stand_files import read_stands
from trackerdcs.tests.documents import ROOT, blocks
from trackerdcs.tests.forked import LIMIT_S
from trackerdcs.tests.lab_broker import LabBroker
from trackerdcs.tests.mqtt_talker import Talker
from trackerdcs.tests.typed import run_block

STAND = """
stand: {stand}
devices:
  hv1: {{driver: iseg_shr, link: {{resource: "TCPIP::127.0.0.1::15001::SOCKET"}}}}
"""
NOBODY = 65534
PASSWORD = re.compile(r"first password of admin \(.*\): (\S+)\n")
EXPECTED = {
    "ca": {"ca.crt", "ca.key"},
    "gateway": {"server.crt", "server.key"},
    "mosquitto": {"server.crt", "server.key", "passwd", "acl"},
    "influxdb": {"admin-password", "admin-token"},
    "influx-init": {"admin-token", "admin-password", "grafana-password"},
    "mongodb": {"root-password"},
    "mongo-init": {"root-password", "mongo/bridge", "mongo/importer", "mongo/recorder", "mongo/web"},
    "grafana": {"influx-password", "admin-password"},
    "nodered": {"credential-secret", "mqtt/nodered"},
    "web": {"session-key", "first-admin", "mqtt/web", "mongo/web"},
    "loader": {"mqtt/site.loader"},
    "recorder": {"mqtt/site.recorder", "mongo/recorder"},
    "bench-hv1": {"mqtt/bench.hv1"},
    "bench-guard": {"mqtt/bench.guard"},
    "bench-alarms": {"mqtt/bench.alarms"},
    "cli": {"mqtt/cli"},
}


class Secrets(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.secrets, self.stands = self.folder / "secrets", self.folder / "stands"
        self.stands.mkdir()
        self.stand("bench")

    def stand(self, name: str) -> None:
        (self.stands / f"{name}.yaml").write_text(STAND.format(stand=name))

    def tried(self, *more: str) -> Result:
        return CliRunner().invoke(app, ["secrets", str(self.secrets), str(self.stands), *more])

    def run_it(self, *more: str) -> Result:
        done = self.tried(*more)
        self.assertEqual(done.exit_code, 0, done.output)
        return done

    def refused(self, *lines: str) -> None:
        """Exactly these faults are named, and nothing is changed."""
        before = self.content()
        done = self.tried()
        self.assertEqual((done.exit_code, done.stdout, done.stderr.splitlines()), (78, "", list(lines)))
        self.assertEqual(self.content(), before)

    def content(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.secrets)): path.read_bytes() for path in self.files()}

    def files(self) -> list[Path]:
        return [path for path in self.secrets.rglob("*") if path.is_file()]

    def put(self, path: str, content: bytes) -> None:
        """As a lab puts a file of its own."""
        file = self.secrets / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(content)


class TestFolder(Secrets):
    def test_all_is_made_for_its_owner_alone(self) -> None:
        self.run_it()
        found = {
            folder.name: {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
            for folder in self.secrets.iterdir()
        }
        self.assertEqual(found, EXPECTED)
        for path in self.secrets.rglob("*"):
            mode = stat.S_IMODE(path.stat().st_mode)
            name = str(path.relative_to(self.secrets))
            public = {"ca": 0o755, "ca/ca.crt": 0o444}
            self.assertEqual(mode, public.get(name, 0o700 if path.is_dir() else 0o400), name)

    def test_each_container_owns_its_folder(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("only root gives files away")
        self.run_it()
        uids = {"mosquitto": 1883, "grafana": 472, "mongodb": 999, "ca": os.geteuid()}
        for path in self.secrets.rglob("*"):
            folder = path.relative_to(self.secrets).parts[0]
            self.assertEqual(path.stat().st_uid, uids.get(folder, 1000), path)
        self.put("gateway/server.key", (self.secrets / "gateway/server.key").read_bytes())  # by root, as by a lab
        self.run_it()
        self.assertEqual((self.secrets / "gateway/server.key").stat().st_uid, 1000)

    def test_again_nothing_changes_and_what_is_missing_is_made(self) -> None:
        self.run_it()
        before = self.content()
        done = self.run_it()
        self.assertEqual((self.content(), done.stdout), (before, ""))
        self.assertNotIn("made", done.stderr)
        (self.secrets / "grafana/admin-password").unlink()
        self.put("bench-hv1/mqtt/bench.hv1", b"a password of our own\n")
        self.run_it()
        after = self.content()
        self.assertEqual(
            {path for path in before | after if before.get(path) != after.get(path)},
            {"grafana/admin-password", "bench-hv1/mqtt/bench.hv1", "mosquitto/passwd"},
        )

    def test_the_first_password_is_shown_once_and_kept_nowhere(self) -> None:
        done = self.run_it()
        (password,) = PASSWORD.findall(done.stdout)
        kept = (self.secrets / "web/first-admin").read_text().removesuffix("\n")
        self.assertTrue(argon2.PasswordHasher().verify(kept, password))
        self.assertFalse([path for path in self.files() if password.encode() in path.read_bytes()])
        secret = [path.read_text().strip() for path in self.files() if "passw" in path.name or "mqtt" in path.parts]
        self.assertFalse([one for one in secret if one in done.output], "no other secret is shown")
        self.assertGreater(min(map(len, secret)), 40)

    def test_who_was_interrupted_begins_again(self) -> None:
        class Killed(BaseException):
            pass

        for stop in (0, 1, *range(18, 100)):  # what is between is all alike
            written: list[Path] = []

            def write(path: Path, *arguments: Any, stop: int = stop, written: list[Path] = written) -> None:
                if len(written) == stop:
                    path.with_suffix(".new").write_text("half")
                    raise Killed
                written.append(path)
                write_whole(path, *arguments)

            with self.subTest(files=stop):
                shutil.rmtree(self.secrets, ignore_errors=True)
                try:
                    with mock.patch("trackerdcs.adapters.secret_files.write_whole", write):
                        fill(self.secrets, [file.stand for file in read_stands([self.stands])])
                    break
                except Killed:
                    self.assertIn("first password of admin", self.run_it().stdout)
                    self.assertEqual([path for path in self.files() if path.suffix == ".new"], [])
                    self.assertNotIn("made ", self.run_it().stderr)
        self.assertGreater(stop, 20)

    def test_further_loaders_and_stands(self) -> None:
        self.run_it()
        self.stand("other")
        self.run_it("--loader", "loader-b")
        acl = (self.secrets / "mosquitto/acl").read_text()
        for user in ("other/hv1", "other/guard", "site/loader-b"):
            self.assertIn(f"\nuser {user}\n", acl)
            self.assertRegex((self.secrets / "mosquitto/passwd").read_text(), rf"(?m)^{user}:\$7\$")
        self.assertEqual(len((self.secrets / "loader-b/mqtt/site.loader-b").read_text()), 44)
        (self.stands / "other.yaml").unlink()
        self.run_it()
        self.assertNotIn("other/", (self.secrets / "mosquitto/passwd").read_text())
        self.assertEqual(self.tried("--loader", "b").exit_code, 78)

    def test_what_is_no_good_is_named(self) -> None:
        self.run_it()
        self.put("influxdb/admin-token", b"")
        self.put("cli/mqtt/cli", b"two\nlines\n")
        self.put("influx-init/grafana-password", b"another\n")
        self.refused(
            f"secrets: the secret {self.secrets}/influxdb/admin-token is empty",
            f"secrets: the secret {self.secrets}/cli/mqtt/cli is more than one line of text",
            f"{self.secrets}/influx-init/grafana-password: differs from {self.secrets}/grafana/influx-password: "
            "remove the one that is wrong",
        )

    def test_folders_and_stands_that_are_no_good(self) -> None:
        (self.stands / "bench.yaml").write_text("stand: bench\ndevices: 1\n")
        done = self.tried()
        self.assertEqual((done.exit_code, self.secrets.exists()), (78, False))
        self.assertRegex(done.stderr, rf"^{self.stands}/bench.yaml:2: devices: expected keys with values, got 1\n$")
        self.stand("bench")
        self.secrets.write_text("a file")
        self.assertRegex(self.tried().stderr, rf"^{self.secrets}/influxdb/admin-password: cannot be read: Not a dir")
        self.secrets.unlink()
        (self.stands / "bench.yaml").write_text(STAND.format(stand="influx").replace("hv1", "init"))
        self.assertEqual(
            self.tried().stderr,
            "influx/init: its secrets would be in the folder influx-init, which is of the stack\n",
        )

    def test_without_root_what_cannot_be_read_or_written_is_named(self) -> None:
        self.run_it()  # all libraries are loaded now: somebody else may not see their folder
        self.folder.chmod(0o755)
        self.stands.chmod(0o755)
        for path in self.secrets.iterdir():
            if path.name != "influxdb":
                path.chmod(0o755)
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir(mode=0o555)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
            self.addCleanup(os.seteuid, 0)
        else:
            (self.secrets / "influxdb").chmod(0)
            self.addCleanup((self.secrets / "influxdb").chmod, 0o700)
        done = self.tried()
        self.assertEqual(done.exit_code, 78, done.output)
        self.assertIn(
            f"{self.secrets}/influxdb/admin-token: cannot be read: Permission denied (what a con", done.stderr
        )
        done = CliRunner().invoke(app, ["secrets", str(elsewhere), str(self.stands)])
        self.assertEqual(done.exit_code, 78, done.output)
        self.assertRegex(done.stderr, rf"^{elsewhere}/influxdb/admin-password: cannot be written: Permission denied")
        self.assertEqual((list(elsewhere.iterdir()), done.stdout), ([], ""))

    def test_without_root_all_is_the_users(self) -> None:
        if os.geteuid() == 0:
            self.run_it()
            shutil.rmtree(self.secrets)
            self.folder.chmod(0o777)
            self.stands.chmod(0o755)
            os.seteuid(NOBODY)
            self.addCleanup(os.seteuid, 0)
        self.run_it()
        self.run_it()
        self.assertEqual({path.stat().st_uid for path in self.secrets.rglob("*")}, {os.geteuid()})


class TestPage(Secrets):
    def test_what_it_says_to_type_is_typed(self) -> None:
        page = "doc/reference/secrets.md"
        found = list(blocks(page, (ROOT / page).read_text()))
        self.assertEqual([block.language for block in found], ["sh"])
        text = found[0].text.replace(" secrets stands", f" {self.secrets} {self.stands}")
        done = run_block(text, dict(os.environ), LIMIT_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(PASSWORD.findall(done.stdout)), 1)
        self.assertTrue((self.secrets / "loader-b/mqtt/site.loader-b").exists())

    def test_each_file_is_on_it(self) -> None:
        text = (ROOT / "doc/reference/secrets.md").read_text()
        self.run_it()
        for path in self.content():
            folder, name = path.split("/", 1)
            known = name if not folder.startswith("bench-") else name.replace("bench.hv1", "STAND.DEVICE")
            known = known.replace("bench.guard", "STAND.guard").replace("bench.alarms", "STAND.alarms")
            self.assertIn(known.rpartition("/")[2], text, path)


class TestBroker(Secrets):
    def test_a_new_stand_comes_in_without_a_restart(self) -> None:
        self.run_it()
        with LabBroker(self.secrets) as broker:
            self.stand("new")
            self.run_it()
            password = broker.password("new/hv1")
            with Talker(broker.port, "new/hv1", password) as early:
                self.assertEqual(early.answer, "Not authorized")
            os.kill(broker.pid, signal.SIGHUP)
            time.sleep(0.3)
            with Talker(broker.port, "new/hv1", password) as device:
                self.assertEqual(device.publish("dcs/v1/new/hv1/frame", b"1"), "No matching subscribers")

    def test_the_password_file_is_as_mosquitto_writes_it(self) -> None:
        self.run_it()
        for line in (self.secrets / "mosquitto/passwd").read_text().splitlines():
            self.assertRegex(line, r"^[a-z0-9/_-]+:\$7\$101\$[A-Za-z0-9+/=]{16}\$[A-Za-z0-9+/=]{88}$")


if __name__ == "__main__":
    unittest.main()
