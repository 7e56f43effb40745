"""`trackerdcs kill`, dead owners, two owners and bad stand files: real processes, a real broker, a simulated supply."""

import os
import re
import subprocess
import tempfile
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

from trackerdcs.domain.messages import Value
from trackerdcs.sim.control import ask
from trackerdcs.tests import forked
from trackerdcs.tests.servers import HOST, Mosquitto, free_port
from trackerdcs.tests.service import TRACKERDCS, Forked, Service

FILE = """
stand: {stand}
data: {data}
bus: {{kind: mqtt, host: 127.0.0.1, port: {broker}}}
users: {{cli: expert}}
sim: {{control: {control}}}
devices:
  {device}:
    driver: iseg_shr
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::{port}::SOCKET"}}
    period: 0.2
    channels:
      ch0: {{v_min: -800, v_max: 0, i_limit_max: 2e-5, ramp_up: 400, ramp_down: 400, kill_rate: 400}}
"""


class KillCommand(unittest.TestCase):
    control: ClassVar[int]
    known: ClassVar[dict[str, int]]

    @classmethod
    def setUpClass(cls) -> None:
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        broker = cls.enterClassContext(Mosquitto())
        cls.control = free_port()
        cls.known = {"broker": broker.port, "control": cls.control, "port": free_port()}
        file = folder / "sim.yaml"
        file.write_text(FILE.format(stand="bench", device="hv1", data=folder, **cls.known))
        cls.enterClassContext(Forked(["sim", "run", str(file)], "hv1: simulated at"))

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(patch.dict(os.environ, {"TRACKERDCS_STATE": str(self.folder / "state")}))
        self.file = self.written("bench", "hv1", self.folder / "var")

    def written(self, stand: str, device: str, data: Path) -> Path:
        file = self.folder / f"{stand}.yaml"
        file.write_text(FILE.format(stand=stand, device=device, data=data, **self.known))
        return file

    def owner(self) -> Service:
        return self.enterContext(Forked(["device", str(self.file), "hv1"], "Identity("))

    def run_it(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return forked.trackerdcs(arguments, os.environ | {"TRACKERDCS_STAND_FILE": str(self.file)})

    def fails(self, file: Path, device: str) -> str:
        done = subprocess.run([TRACKERDCS, "device", str(file), device], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 78, done.stderr)
        return done.stderr

    def truth(self) -> dict[str, Value]:
        channels: dict[str, Value] = ask(HOST, self.control, {"op": "state"})["devices"]["hv1"]["channels"]["ch0"]
        return channels

    def wait_for(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def send(self, *arguments: str) -> str:
        """What came of a command; tried again while the owner starts."""
        end = time.monotonic() + 20
        while True:
            done = self.run_it("send", "bench", "hv1", *arguments)
            if "not identified" not in done.stderr and "nothing was sent" not in done.stderr:
                return done.stdout + done.stderr
            self.assertLess(time.monotonic(), end, done.stderr)
            time.sleep(0.1)

    def up(self) -> None:
        self.assertIn("done", self.send("set_voltage", "ch0", "--arg", "v=-40"))
        self.assertIn("done", self.send("on", "ch0"))

    def test_rule_19_a_dead_owners_supply_is_taken_and_ramped_down(self) -> None:
        owner = self.owner()
        self.up()
        owner.kill()
        done = self.run_it("kill", "bench", "--wait", "1")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(f"on its computer: trackerdcs kill bench --file {self.file} --direct", done.stderr)
        self.assertIn("NOT PROVEN DOWN: hv1: use the hardware interlock", done.stderr)
        self.assertTrue(self.truth()["on"])
        done = self.run_it("kill", "bench", "--direct", "--reason", "test")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("its owner is dead", done.stdout)
        self.assertRegex(done.stdout, r"hv1: down: ch0 off")
        self.assertFalse(self.truth()["on"])
        told = self.run_it("ledger", "bench", "--device", "hv1", "--verify", "-f", str(self.file))
        self.assertRegex(told.stdout, r"(?s)killed: by trackerdcs kill --direct: test.*sent off: .*kill_ended")
        self.assertIn("the chain is whole", told.stderr)

    def test_rule_08_the_command_reaches_an_owner_by_its_socket_or_by_the_topic_but_kills_once(self) -> None:
        owner = self.owner()
        self.up()
        done = self.run_it("kill", "bench", "--reason", "test")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"hv1: killing, over its socket in \d+ ms\nhv1: down: ch0 off")
        self.assertFalse(self.truth()["on"])
        self.assertIn("refused", self.send("on", "ch0"))
        self.assertIn("done", self.send("clear_trip", "ch0"))
        self.up()
        (self.folder / "var" / "hv1.kill").unlink()  # as on another computer
        done = self.run_it("kill", "bench")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"by topic in \d+ ms\nhv1: down: ch0 off")
        self.assertNotIn("emergency", owner.log())
        self.assertEqual(self.run_it("kill", "another").returncode, 2)

    def test_rule_20_a_second_owner_from_another_file_is_refused_and_names_the_first(self) -> None:
        owner = self.owner()
        other = self.written("other", "hv7", self.folder / "var2")
        said = self.fails(other, "hv7")
        self.assertIn(f"{other}: devices.hv7.link.resource", said)
        self.assertIn(f"process {owner.pid} (bench/hv1", said)

    def test_rule_19_a_bad_stand_file_starts_the_owner_on_the_last_good_one_down_only(self) -> None:
        good = self.file.read_text()
        self.file.write_text(good.replace("v_min", "v_mni"))
        self.assertIn("did you mean v_min", self.fails(self.file, "hv1"))
        self.file.write_text(good)
        owner = self.enterContext(Service([TRACKERDCS, "device", str(self.file), "hv1"], "Identity("))
        self.up()
        self.wait_for(lambda: list((self.folder / "state").rglob("*.hv1.yaml")))
        owner.kill()
        self.file.write_text(good.replace("v_min", "v_mni"))
        owner = self.owner()
        with patch.object(self, "file", self.folder / "good.yaml"):
            self.file.write_text(good)
            for command in (("set_voltage", "ch0", "--arg", "v=-200"), ("on", "ch0")):
                self.assertRegex(self.send(*command), "refused: .*only down.*did you mean v_min.*then restart")
            self.assertRegex(
                self.run_it("doctor").stdout, r"hv1 has a fault.*only down, off, hold and kill.*did you mean v_min"
            )
            self.assertTrue(self.truth()["on"], "a restart adopts")
            self.assertIn("done", self.send("off", "ch0"))
        self.assertFalse(self.truth()["on"])
        self.assertTrue(re.search("only down, on the last accepted file", owner.log()))

    def test_rule_08_a_link_with_a_longer_exchange_than_a_second_is_refused_at_the_start(self) -> None:
        self.file.write_text(self.file.read_text().replace('SOCKET"}', 'SOCKET", timeout: 1.5}'))
        for command in (("check", str(self.file)), ("device", str(self.file), "hv1")):
            done = self.run_it(*command)
            self.assertEqual(done.returncode, 78)
            self.assertRegex(done.stderr, rf"{self.file}:\d+: devices.hv1.link.timeout: 1.5 s")


if __name__ == "__main__":
    unittest.main()
