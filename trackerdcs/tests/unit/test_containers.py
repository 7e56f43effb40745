"""The containers of a stand: one owner of an instrument each, with its own secrets and nothing else's."""

import os
import tempfile
import unittest
from pathlib import Path
from typing import Any

import yaml

from trackerdcs.domain.containers import compose_file
from trackerdcs.settings import load_stand
from trackerdcs.tests import forked

STAND = """
stand: bench1
bus: {passwords: /run/secrets/mqtt}
devices:
  hv1: {driver: iseg_shr, link: {resource: "TCPIP::192.0.2.20::10001::SOCKET"}}
  env1: {driver: env_board, link: {resource: ASRL/dev/serial/by-id/usb-board-if00::INSTR}}
"""
GUARDED = """
interlocks:
  dry:
    conditions:
      humidity: {of: env1.rh, max: 50, accuracy: 3, frozen_after: never}
"""


class TestContainers(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def made(self, text: str) -> dict[str, Any]:
        file = self.folder / "bench1.yaml"
        file.write_text(text)
        made = yaml.safe_load(compose_file(load_stand(file), "./stands/bench1.yaml"))
        assert isinstance(made, dict)
        return made

    def test_each_instrument_has_one_owner_and_the_guard_is_there_if_there_is_something_to_guard(self) -> None:
        services = self.made(STAND)["services"]
        own = {f"bench1-{name}" for name in ("alarms", "hv1", "env1")}
        self.assertEqual(set(services), {"secrets", "loader", "recorder", "web", "cli-bench1"} | own)
        self.assertEqual(services["bench1-alarms"]["command"], ["alarms", "/stands/bench1.yaml"])
        services = self.made(STAND + GUARDED)["services"]
        self.assertEqual(services["bench1-guard"]["command"], ["guard", "/stands/bench1.yaml"])
        derived = "derived: {air: {formula: dew_point, inputs: {t_air: env1.t_air, rh: env1.rh}}}\n"
        self.assertNotIn("bench1-derived", services)
        service = self.made(STAND + derived)["services"]["bench1-derived"]
        self.assertEqual(service["command"], ["derived", "/stands/bench1.yaml"])
        self.assertIn("bench1:/data", service["volumes"], "what was counted outlives the container")
        owner = services["bench1-hv1"]
        self.assertEqual(owner["command"], ["device", "/stands/bench1.yaml", "hv1"])
        self.assertEqual(owner["deploy"]["update_config"], {"order": "stop-first"})
        self.assertEqual(
            owner["volumes"],
            [
                "./stands/bench1.yaml:/stands/bench1.yaml:ro",
                "./secrets/bench1-hv1:/run/secrets:ro",
                "bench1:/data",
                "locks:/locks",
            ],
        )

    def test_a_simulated_bridge_has_a_container_and_a_real_one_runs_where_its_program_is(self) -> None:
        bridge = "calibrations: {{ph2acf1: {{sim: {sim}, setup: /opt, configs: /opt, calibrations: {{x: {{}}}}}}}}\n"
        made = self.made(STAND + bridge.format(sim="true"))["services"]["bench1-ph2acf1"]
        self.assertEqual(made["command"], ["ph2acf", "/stands/bench1.yaml", "ph2acf1"])
        self.assertEqual(made["networks"], ["bus", "bench"])
        self.assertNotIn("bench1-ph2acf1", self.made(STAND + bridge.format(sim="false"))["services"])

    def test_a_serial_port_is_given_to_its_owner_alone(self) -> None:
        services = self.made(STAND)["services"]
        self.assertEqual(services["bench1-env1"]["devices"], ["/dev/serial/by-id/usb-board-if00"])
        self.assertNotIn("devices", services["bench1-hv1"])

    def test_simulated_instruments_have_a_container(self) -> None:
        self.assertNotIn("sim", self.made(STAND)["services"])
        simulated = STAND.replace("hv1: {", "hv1: {sim: true, ").replace("192.0.2.20", "sim") + "sim: {host: sim}\n"
        self.assertEqual(self.made(simulated)["services"]["sim"]["command"], ["sim", "run", "/stands/bench1.yaml"])

    def test_the_command_line(self) -> None:
        file = self.folder / "bench1.yaml"
        file.write_text(STAND)
        done = forked.trackerdcs(("compose", str(file)), os.environ)
        self.assertEqual(done.returncode, 2)
        self.assertIn("expected a path from the project's folder", " ".join(done.stderr.replace("│", "").split()))
