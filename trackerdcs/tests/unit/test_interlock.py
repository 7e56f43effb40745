"""Interlocks of a stand file: each contradiction is refused at the start, with file, line and field (rule 17)."""

import tempfile
import unittest
from pathlib import Path

from typer.testing import CliRunner

from trackerdcs.cli.main import app
from trackerdcs.domain.wiring import outputs
from trackerdcs.drivers.registry import wired
from trackerdcs.settings import load_stand

STAND = """\
stand: bench
bus: {kind: embedded}
devices:
  hv1:
    driver: iseg_shr
    link: {resource: TCPIP::192.0.2.20::10001::SOCKET}
    channels:
      ch0: {v_min: -600, v_max: 0, i_limit_max: 2e-5}
      ch1: {v_min: -600, v_max: 0, i_limit_max: 2e-5}
  lv1:
    driver: hmp4040
    link: {resource: TCPIP::192.0.2.21::5025::SOCKET}
    channels:
      ch1: {v_min: 0, v_max: 12, i_limit_max: 2}
  env1: {driver: env_board, link: {resource: ASRL/dev/env1::INSTR}, period: 5}
  env2: {driver: env_dht, link: {resource: ASRL/dev/env2::INSTR}, period: 5}
interlocks:
  dry:
    action: ramp_down
    conditions:
      humidity: {of: env1.rh, max: 50, frozen_after: 600}
"""
GOOD = "humidity: {of: env1.rh, max: 50, frozen_after: 600}"
DEW = "{t_air: env1.t_air, rh: env1.rh}"
WRONG = (
    ("{of: env9.rh, max: 50, frozen_after: 600}", "humidity.of: env9.rh: the stand has no device 'env9'"),
    (
        "{of: env1.rhh, max: 50, frozen_after: 600}",
        "humidity.of: env1.rhh: env1 has no such quantity, it has t_air, rh",
    ),
    (
        "{of: lv1.ch2.i_mon, max: 1, frozen_after: never}",
        "humidity.of: lv1.ch2.i_mon: lv1 has no channel 'ch2', it has",
    ),
    ("{of: rh, max: 50, frozen_after: 600}", "humidity.of: rh: expected DEVICE.QUANTITY or DEVICE.CHANNEL.QUANTITY"),
    ("{of: env2.rh, max: 50, frozen_after: 600}", "humidity.of: env2.rh: env2 cannot be an input: no checksum"),
    ("{of: lv1.ch1.on, max: 1, frozen_after: never}", "humidity.of: lv1.ch1.on: it is a switch: expected equals"),
    ("{of: env1.rh, equals: true, frozen_after: 600}", "humidity.of: env1.rh: it is no switch: expected min or max"),
    ("{of: lv1.ch1.state, max: 1, frozen_after: 600}", "humidity.of: lv1.ch1.state: a text is no input"),
    ("{of: env1.rh, frozen_after: 600}", "humidity: nothing to hold: expected min, max, equals, or dew_point"),
    ("{of: env1.rh, max: 50, equals: true, frozen_after: 600}", "humidity: one thing to hold for one condition"),
    ("{of: env1.rh, min: 50, max: 50, frozen_after: 600}", "humidity.min: 50 is not below max 50"),
    ("{of: env1.rh, min: 40, max: 50, accuracy: 5, frozen_after: 600}", "humidity.min: nothing between it and max 50"),
    ("{of: env1.rh, max: 50, low: 60, high: 20, frozen_after: 600}", "humidity.low: 60 is not below high 20"),
    ("{of: env1.rh, max: 50, high: 40, frozen_after: 600}", "humidity.max: 50 is outside low and high"),
    ("{of: env1.rh, max: 50, accuracy: -1, frozen_after: 600}", "humidity.accuracy: expected at least 0, got -1"),
    ("{of: env1.rh, max: 50, hysteresis: -1, frozen_after: 600}", "humidity.hysteresis: expected at least 0, got -1"),
    ("{of: env1.rh, max: 50}", "humidity.frozen_after: missing"),
    ("{of: env1.rh, max: 50, frozen_after: 0}", "humidity.frozen_after: expected a time above 0 s, or never, got 0"),
    ("{of: env1.rh, max: 50, frozen_after: 14}", "humidity.frozen_after: 14 s is below 3 periods of 5 s"),
    ("{of: env1.rh, max: 50, frozen_after: seldom}", "humidity.frozen_after: expected a number or 'never', got "),
    ("{of: env1.t_air, margin: 5, frozen_after: 600}", "humidity.margin: dew_point and margin go together"),
    (
        f"{{of: env1.t_air, dew_point: {DEW}, frozen_after: 600}}",
        "humidity.dew_point: dew_point and margin go together",
    ),
    (
        f"{{of: env1.rh, dew_point: {DEW}, margin: 5, frozen_after: 60}}",
        "humidity.of: env1.rh: expected a quantity in degC",
    ),
    (
        f"{{of: env1.t_air, dew_point: {DEW}, margin: -5, frozen_after: 60}}",
        "humidity.margin: expected at least 0, got -5",
    ),
    (
        "{of: env1.t_air, dew_point: {t_air: env1.rh, rh: env1.rh}, margin: 5, frozen_after: 60}",
        "humidity.dew_point.t_air: env1.rh: expected a quantity in degC, it is in %",
    ),
    (
        "{of: env1.t_air, dew_point: {t_air: env1.t_air, rh: env1.rh, rh_accuracy: -2}, margin: 5, frozen_after: 60}",
        "humidity.dew_point.rh_accuracy: expected at least 0, got -2",
    ),
    (
        "{of: env1.t_air, dew_point: {t_air: env1.t_air, rhh: env1.rh}, margin: 5, frozen_after: 60}",
        "humidity.dew_point.rhh: unknown key; did you mean rh?",
    ),
)
WRONG_PROTECTS = (
    ("[hv9]", "interlocks.dry.protects: hv9: the stand has no such device, it has hv1, lv1, env1, env2"),
    ("[hv1.ch7]", "interlocks.dry.protects: hv1.ch7: hv1 has no such output, it has ch0, ch1"),
    ("[env1]", "interlocks.dry.protects: env1: nothing of it can be switched on"),
    ("[hv1, hv1]", "interlocks.dry.protects: hv1 stands twice"),
    ("hv1", 'interlocks.dry.protects: expected a list, got "hv1"'),
    ("[1]", "interlocks.dry.protects.0: expected a text, got 1"),
)


class Files(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "stand.yaml")

    def refused(self, text: str, fault: str) -> None:
        self.path.write_text(text)
        result = CliRunner().invoke(app, ["check", str(self.path)])
        self.assertEqual(result.exit_code, 78, result.output)
        lines = [line for line in result.stderr.splitlines() if fault in line]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertRegex(lines[0], rf"^{self.path}:\d+: interlocks\.")

    def test_rule_17_an_interlock_that_contradicts_itself_or_the_stand_is_refused_at_the_start(self) -> None:
        for condition, fault in WRONG:
            with self.subTest(fault):
                self.refused(STAND.replace(GOOD, f"humidity: {condition}"), f"interlocks.dry.conditions.{fault}")
        for protects, fault in WRONG_PROTECTS:
            with self.subTest(fault):
                self.refused(STAND.replace("action: ramp_down", f"protects: {protects}"), fault)

    def test_rule_17_names_and_actions_of_interlocks(self) -> None:
        for name in ("Dry", "frame", "a b"):
            self.refused(STAND.replace("  dry:", f'  "{name}":'), f"interlocks.{name}: interlock '{name}'")
        self.refused(STAND.replace("humidity:", "Humidity:"), "conditions.Humidity: condition 'Humidity'")
        self.refused(STAND.replace("ramp_down", "explode"), "interlocks.dry.action: expected 'block', 'ramp_down' or ")
        empty = STAND.replace("conditions:\n", "conditions: {}\n").replace(f"      {GOOD}\n", "")
        self.refused(empty, "interlocks.dry.conditions: an interlock has at least one condition")

    def test_rule_17_an_interlock_that_protects_nothing(self) -> None:
        lines = STAND.splitlines()
        without = "\n".join([*lines[:3], *lines[9:]]) + "\n"
        self.refused(without, "interlocks.dry: it protects nothing: the stand has no high-voltage channel")

    def test_what_an_interlock_protects(self) -> None:
        for protects, expected in (
            ("action: block", [("hv1", "ch0"), ("hv1", "ch1")]),
            ("protects: [hv1.ch1]", [("hv1", "ch1")]),
            ("protects: [lv1, hv1.ch0]", [("hv1", "ch0"), ("lv1", "ch1")]),
        ):
            self.path.write_text(STAND.replace("action: ramp_down", protects))
            stand = load_stand(self.path)
            self.assertEqual(outputs(stand.interlocks["dry"], wired(stand)), expected)
