"""What follows from what was heard: limits, statuses, the loader, interlocks, and when nobody knows."""

import unittest
from dataclasses import replace

from trackerdcs.domain.alarm import Alarmed, Verdict
from trackerdcs.domain.alarm_config import AlarmRule
from trackerdcs.domain.alarm_tree import Tree, alarms_of
from trackerdcs.domain.alarm_watch import Heard, compare
from trackerdcs.domain.instrument import Channel, Quantity
from trackerdcs.domain.messages import Bypass, Frame, Interlock, Status
from trackerdcs.domain.wiring import Wired

TREE = Tree({"env1": Wired("env", {"-": Channel({"rh": Quantity("%")})}, 1.0)}, ("guard",), ("dry",))
ONLINE = Status("online", 1, 1, "b", "0")
FAULT, OFFLINE = replace(ONLINE, state="fault", error="broken"), replace(ONLINE, state="offline", error="cut")
OPEN = Interlock("open", "kill", 1, 1, 0, "g", "humid", "too damp")
EXTRA = {
    "gone": AlarmRule(status="offline"),
    "damp": AlarmRule(quantity="rh", above=50.0),
    "bypassed": AlarmRule(interlock="bypassed"),
    "knob": AlarmRule(event="external_change"),
}


class TestLimits(unittest.TestCase):
    def test_values_against_limits(self) -> None:
        band = AlarmRule(quantity="rh", above=50.0, below=10.0, hysteresis=5.0)
        for rule, value, broken, expected in (
            (band, 50.0, False, False),
            (band, 50.1, False, True),
            (band, 45.1, True, True),
            (band, 45.0, True, False),
            (band, 9.9, False, True),
            (band, 14.9, True, True),
            (band, 15.0, True, False),
            (band, True, False, None),
            (band, "on", False, None),
            (AlarmRule(equals=True), True, False, True),
            (AlarmRule(equals=True), 1.0, False, False),
            (AlarmRule(equals="tripped"), "tripped", False, True),
            (AlarmRule(equals="tripped"), "off", True, False),
        ):
            with self.subTest(value=value, broken=broken):
                self.assertIs(compare("env1.rh", rule, value, broken).active, expected)

    def test_why_is_said_with_units(self) -> None:
        rule = AlarmRule(above=50.0, hysteresis=5.0)
        self.assertEqual(compare("env1.rh", rule, 60.0, False).why, "env1.rh 60 % is above 50 %")
        why = "env1.rh 47 % was above 50 %, normal again at 45 %"
        self.assertEqual(compare("env1.rh", rule, 47.0, True).why, why)


class TestHeard(unittest.TestCase):
    def setUp(self) -> None:
        self.alarms = alarms_of(EXTRA, TREE)
        self.heard = Heard(TREE, silence=30.0, connected=100.0)

    def found(self, name: str, monotonic: float) -> bool | None:
        return self.verdict(name, monotonic).active

    def verdict(self, name: str, monotonic: float) -> Verdict:
        watched = self.alarms[name]
        return self.heard.judge(watched, Alarmed(watched.rule, 0), monotonic)

    def states(self, monotonic: float) -> tuple[bool | None, ...]:
        return tuple(self.found(f"{rule}-env1", monotonic) for rule in ("silent", "gone", "fault"))

    def test_statuses(self) -> None:
        self.assertEqual(self.states(130.0), (None, None, None), "not heard yet, for no longer than it may be silent")
        self.assertEqual(self.states(130.1), (True, None, None))
        for status, expected in (
            (ONLINE, (False, False, False)),
            (FAULT, (False, False, True)),
            (OFFLINE, (True, True, None)),
        ):
            self.heard.hear_status("env1", status, 200.0, False)
            self.assertEqual(self.states(201.0), expected, status.state)
        self.heard.hear_status("env1", ONLINE, 200.0, False)
        self.assertEqual(self.states(230.1), (True, None, None), "silent")
        self.assertEqual(self.verdict("silent-env1", 240.0).why, "env1 has said nothing for 40 s")

    def test_what_the_broker_has_kept_counts_only_as_an_end(self) -> None:
        self.heard.hear_status("env1", ONLINE, 101.0, True)
        self.assertIsNone(self.found("silent-env1", 102.0))
        self.heard.hear_status("env1", OFFLINE, 101.0, True)
        self.assertIs(self.found("silent-env1", 102.0), True)

    def test_nobody_is_silent_while_the_broker_is_away(self) -> None:
        self.heard.hear_status("env1", ONLINE, 100.0, False)
        self.heard.connected = None
        self.assertEqual({self.found(name, 200.0) for name in self.alarms}, {None})
        self.heard.connected = 200.0
        self.assertEqual(self.found("silent-env1", 229.0), False, "silence is counted from when it is there again")
        self.assertEqual(self.found("unjudged-dry", 202.0), None)
        self.assertEqual(self.found("unjudged-dry", 204.0), True)
        self.assertEqual(self.found("stale-env1", 202.0), None)
        self.assertEqual(self.found("stale-env1", 204.0), True)

    def test_any_loader_will_do(self) -> None:
        self.heard.hear_status("loader", ONLINE, 100.0, False, loader=True)
        self.heard.hear_status("loader-b", ONLINE, 101.0, False, loader=True)
        self.heard.hear_status("loader-b", OFFLINE, 102.0, False, loader=True)
        self.assertIs(self.found("loader", 103.0), False)
        self.heard.hear_status("loader", OFFLINE, 103.0, False, loader=True)
        self.assertIs(self.found("loader", 103.0), True)

    def test_a_loader_that_is_well_hides_no_fault_of_another(self) -> None:
        self.heard.hear_status("loader-b", replace(ONLINE, state="fault", error="disk full"), 100.0, False, loader=True)
        self.heard.hear_status("loader", ONLINE, 101.0, False, loader=True)
        self.assertEqual(self.verdict("loader_fault", 102.0), Verdict(True, "loader: disk full", "fault"))
        self.heard.hear_status("loader", ONLINE, 129.0, False, loader=True)
        self.assertIs(self.found("loader_fault", 131.0), False, "a silent one says nothing")
        self.heard.hear_status("loader-b", ONLINE, 132.0, False, loader=True)
        self.assertIs(self.found("loader_fault", 132.0), False)

    def test_interlocks(self) -> None:
        self.heard.hear_interlock("dry", OPEN, 200.0)
        self.assertEqual(self.verdict("interlock-dry", 201.0), Verdict(True, "dry: humid: too damp", "open"))
        self.assertIs(self.found("unjudged-dry", 201.0), False)
        self.assertIs(self.found("bypassed-dry", 201.0), False)
        self.heard.hear_interlock("dry", replace(OPEN, bypass=Bypass("expert", "new sensor", 1)), 201.0)
        self.assertEqual(self.verdict("bypassed-dry", 201.0).why, "dry: bypassed by expert: new sensor")
        self.assertIs(self.found("interlock-dry", 204.5), None, "a silent guard says nothing")
        self.assertIs(self.found("unjudged-dry", 204.5), True)

    def test_a_value_that_cannot_be_believed_is_not_known(self) -> None:
        self.assertIsNone(self.found("damp-env1", 100.0))
        good = Frame(1, 0, "b", "0", "env", {"-": {"rh": 60.0}})
        for seq, (frame, expected) in enumerate(
            (
                (good, True),
                (replace(good, bad={"-": {"rh": "timeout"}}), None),
                (replace(good, unc={"-": {"rh": "drifts"}}), None),
                (replace(good, ch={"-": {}}), None),
                (good, True),
            )
        ):
            self.heard.inputs.hear("env1", replace(frame, seq=seq, ts=seq * 10**9 + 1), 101.0 + seq)
            self.assertIs(self.found("damp-env1", 101.0 + seq), expected)
        self.assertIsNone(self.found("damp-env1", 108.5), "stale")

    def test_of_a_device_that_is_not_heard_nobody_knows_what_happened(self) -> None:
        self.assertIsNone(self.found("knob-env1", 101.0))
        self.heard.hear_status("env1", ONLINE, 101.0, False)
        self.assertIs(self.found("knob-env1", 101.0), False)
        self.heard.events["knob-env1"] = "turned"
        self.assertIs(self.found("knob-env1", 999.0), True)


if __name__ == "__main__":
    unittest.main()
