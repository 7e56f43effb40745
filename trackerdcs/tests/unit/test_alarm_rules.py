"""Rules on the tree of a stand: which alarms they make, and what is wrong with those that make none."""

import tempfile
import unittest
from pathlib import Path

from trackerdcs.cli.check import checked
from trackerdcs.domain.alarm_config import DEFAULTS
from trackerdcs.domain.alarm_tree import Watched, alarms_of, tree_of
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.topics import NAME
from trackerdcs.drivers.registry import wired
from trackerdcs.services.alarms import with_rules

STAND = """
stand: bench1
devices:
  hv1:
    driver: iseg_shr
    link: {resource: "TCPIP::192.0.2.20::10001::SOCKET"}
    channels:
      ch0: {v_min: -600, v_max: 0, i_limit_max: 2e-5}
      ch1: {v_min: -600, v_max: 0, i_limit_max: 2e-5}
  lv1:
    driver: hmp4040
    link: {resource: "TCPIP::192.0.2.21::5025::SOCKET"}
    channels: {ch1: {v_min: 0, v_max: 12, i_limit_max: 2}}
  env1: {driver: env_board, link: {resource: "ASRL/dev/serial/by-id/usb-x::INSTR"}}
interlocks:
  dry_air: {conditions: {humidity: {of: env1.rh, max: 50, frozen_after: never}}}
alarms:
"""


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.file = Path(self.enterContext(tempfile.TemporaryDirectory()), "bench1.yaml")

    def alarms(self, rules: str) -> dict[str, Watched]:
        self.file.write_text(STAND + rules)
        stand = checked(self.file)
        return alarms_of(stand.alarms, tree_of(wired(stand), stand.interlocks, stand.calibrations))

    def of(self, rules: str, rule: str) -> dict[str, str]:
        return {name: w.of for name, w in self.alarms(rules).items() if w.rule_name == rule}

    def refused(self, rules: str, *why: str) -> None:
        with self.assertRaises(ConfigError) as caught:
            self.alarms(rules)
        for text in why:
            self.assertIn(text, str(caught.exception))


class Covers(Case):
    def test_a_rule_written_once_covers_all_below_that_have_it(self) -> None:
        hv = {"high-hv1-ch0": "hv1.ch0.i_mon", "high-hv1-ch1": "hv1.ch1.i_mon"}
        for at, expected in (
            ("", hv | {"high-lv1-ch1": "lv1.ch1.i_mon"}),
            ("at: hv1, ", hv),
            ("at: hv1.ch0, ", {"high": "hv1.ch0.i_mon"}),
        ):
            with self.subTest(at):
                self.assertEqual(self.of(f"  high: {{{at}quantity: i_mon, above: 1}}\n", "high"), expected)
        self.assertEqual(self.of("  damp: {at: env1, quantity: rh, above: 1}\n", "damp"), {"damp": "env1.rh"})
        self.assertEqual(self.of("  damp: {quantity: rh, above: 1}\n", "damp"), {"damp-env1": "env1.rh"})
        self.assertEqual(self.of("  turned: {at: hv1, event: external_change}\n", "turned"), {"turned": "hv1"})
        self.assertEqual(self.of("  turned: {at: hv1.ch1, event: external_change}\n", "turned"), {"turned": "hv1.ch1"})

    def test_a_stand_without_rules_has_the_default_ones(self) -> None:
        names = self.alarms("  spool: {enabled: false}\n")
        for name in (
            "silent-hv1",
            "silent-guard",
            "stale-env1",
            "trip-hv1-ch0",
            "unknown-lv1-ch1",
            "interlock-dry_air",
        ):
            self.assertIn(name, names)
        self.assertNotIn("spool", names, "it was switched off")
        self.assertNotIn("silent-loader", names, "what is not of the stand has a rule of its own")
        self.assertEqual((names["loader"].of, names["silent-hv1"].rule.severity), ("loader", "critical"))
        self.assertEqual(set(DEFAULTS) - {w.rule_name for w in names.values()}, {"spool"})

    def test_a_rule_of_the_stand_takes_the_place_of_a_default_one(self) -> None:
        names = self.alarms("  silent: {at: hv1, status: silent, delay: 60}\n")
        self.assertEqual([n for n, w in names.items() if w.rule_name == "silent"], ["silent"])
        self.assertEqual(names["silent"].rule.delay, 60)

    def test_what_suppresses_is_about_the_same_node_or_one_above(self) -> None:
        rules = "  high: {quantity: i_mon, above: 1, suppress: {alarm: stale}}\n"
        rules += "  wild: {quantity: i_mon, above: 1, suppress: {alarm: interlock}}\n"
        rules += "  low: {at: hv1, quantity: v_mon, below: -1, suppress: {quantity: 'on', equals: false}}\n"
        names = self.alarms(rules)
        self.assertEqual(names["high-hv1-ch1"].hushed_by, ("stale-hv1",))
        self.assertEqual(names["wild-hv1-ch1"].hushed_by, ("interlock-dry_air",))
        self.assertEqual(names["low-hv1-ch0"].hush, "hv1.ch0.on")
        order = list(names)
        self.assertLess(order.index("silent-hv1"), order.index("stale-hv1"))
        self.assertLess(order.index("stale-hv1"), order.index("high-hv1-ch0"))

    def test_a_default_alarm_of_long_names_still_has_a_name(self) -> None:
        long = "a" * 32
        self.file.write_text(STAND.removesuffix("alarms:\n").replace("hv1:", f"{long}:"))
        stand = checked(self.file)
        names = alarms_of(stand.alarms, tree_of(wired(stand), stand.interlocks, stand.calibrations))
        self.assertTrue(all(NAME.fullmatch(name) for name in names))
        self.assertEqual(len({n for n, w in names.items() if w.device == long}), 3 + 2 * 2)


class ForAllStands(Case):
    def test_they_are_written_once_and_those_of_a_stand_win(self) -> None:
        self.alarms("  damp: {quantity: rh, above: 40}\n")
        site = self.file.with_name("site.yaml")
        site.write_text(
            "alarms:\n"
            "  damp: {quantity: rh, above: 99}\n"
            "  silent: {status: silent, delay: 60}\n"
            "  flow: {quantity: flow, below: 1}\n"
            "  stale: {stale: true, enabled: false}\n"
        )
        stand = with_rules(checked(self.file), site)
        self.assertEqual(stand.alarms["damp"].above, 40)
        self.assertEqual(stand.alarms["silent"].delay, 60)
        self.assertNotIn("flow", stand.alarms, "this stand has none")
        names = alarms_of(stand.alarms, tree_of(wired(stand), stand.interlocks, stand.calibrations))
        self.assertNotIn("stale-hv1", names)

    def test_its_faults_name_its_file(self) -> None:
        self.alarms("  damp: {quantity: rh, above: 40}\n")
        site = self.file.with_name("site.yaml")
        for text, why in (
            ("alarms: {x: {above: 1}}", f"{site}:1: alarms.x: it watches nothing"),
            (
                "alarms: {x: {at: env1, quantity: rh, equals: true}}",
                f"{site}: with the rules of stand bench1: alarms.x",
            ),
            ("users: {}", "missing"),
        ):
            site.write_text(text)
            with self.assertRaises(ConfigError) as caught:
                with_rules(checked(self.file), site)
            self.assertIn(why, str(caught.exception))


class Faults(Case):
    def test_each_names_file_line_and_field(self) -> None:
        line = STAND.count("\n") + 1
        for rule, field, why in (
            ("{}", "alarms.x", "it watches nothing: expected one of quantity, status"),
            ("{status: silent, stale: true}", "alarms.x", "it watches status and stale"),
            ("{quantity: i_mon}", "alarms.x.quantity", "expected above, below or both, or equals"),
            ("{quantity: i_mon, above: 1, below: 1}", "alarms.x.below", "would be no alarm"),
            ("{quantity: i_mon, above: .nan}", "alarms.x.above", "expected a number"),
            ("{status: fault, above: 1}", "alarms.x.above", "only known with a quantity"),
            ("{status: fault, count: {n: 1, of: 2}}", "alarms.x.count", "it counts frames"),
            ("{quantity: i_mon, above: 1, count: {n: 4, of: 3}}", "alarms.x.count", "got 4 of 3"),
            ("{quantity: i_mon, above: 1, delay: 1, count: {n: 2, of: 3}}", "alarms.x.delay", "not both"),
            ("{quantity: i_mon, above: 1, delay: -1}", "alarms.x.delay", "expected 0 to 3600 s"),
            ("{quantity: i_mon, above: 1, hysteresis: -1}", "alarms.x.hysteresis", "at least 0"),
            ("{quantity: state, equals: 'on', hysteresis: 1}", "alarms.x.hysteresis", "has none"),
            ("{quantity: state, equals: true}", "alarms.x.equals", "hv1.ch0.state is a text"),
            ("{quantity: 'on', equals: 'on'}", "alarms.x.equals", "is true or false: expected equals"),
            ("{quantity: i_mon, equals: true}", "alarms.x.equals", "is a number: expected above or below"),
            ("{quantity: pressure, above: 1}", "alarms.x", "it covers nothing: the stand has no quantity 'pressure'"),
            ("{at: hv1, quantity: rh, above: 1}", "alarms.x", "it covers nothing: hv1 has no quantity 'rh', it has"),
            ("{at: hv7, status: fault}", "alarms.x.at", "the stand has no device 'hv7', it has hv1, lv1, env1, loader"),
            ("{at: hv1.ch7, quantity: i_mon, above: 1}", "alarms.x.at", "hv1 has no channel 'ch7', it has ch0, ch1"),
            ("{at: wet, interlock: open}", "alarms.x.at", "there is no interlock 'wet', expected dry_air"),
            ("{at: guard, stale: true}", "alarms.x", "it covers nothing"),
            ("{event: Trip!}", "alarms.x.event", "expected a small letter"),
            ("{stale: true, suppress: {}}", "alarms.x.suppress", "expected alarm, or quantity with equals"),
            ("{stale: true, suppress: {alarm: no}}", "alarms.x.suppress.alarm", "there is no rule 'no'"),
            ("{stale: true, suppress: {alarm: x}}", "alarms.x.suppress.alarm", "hide each other"),
            ("{stale: true, suppress: {quantity: 'on'}}", "alarms.x.suppress.equals", "go together"),
            (
                "{stale: true, suppress: {quantity: 'on', equals: true}}",
                "alarms.x.suppress.quantity",
                "no such quantity",
            ),
            ("{interlock: open, severity: bad}", "alarms.x.severity", "expected 'info', 'warning' or 'critical'"),
        ):
            with self.subTest(rule):
                self.refused(f"  x: {rule}\n", f"{self.file}:{line}: {field}: ", why)

    def test_a_name_that_does_not_fit_or_is_taken(self) -> None:
        long = "a" * 28
        self.refused(f"  {long}s: {{stale: true}}\n", f"alarms.{long}s: ", "has 33 characters, at most 32")
        self.refused("  x-hv1: {at: lv1, stale: true}\n  x: {stale: true}\n", "its alarm x-hv1 is one of x-hv1 already")
        self.refused("  meta: {stale: true}\n", "alarms.meta: ", "no reserved name")

    def test_two_rules_that_suppress_each_other(self) -> None:
        rules = "  a: {stale: true, suppress: {alarm: b}}\n  b: {status: fault, suppress: {alarm: a}}\n"
        self.refused(rules, "alarms.a.suppress.alarm: ", "alarms.b.suppress.alarm: ")


if __name__ == "__main__":
    unittest.main()
