"""The decision about a command, without anything that executes it."""

import unittest
from dataclasses import replace
from typing import Any

from trackerdcs.domain.desk import LIFE, Policy, judge, person
from trackerdcs.domain.instrument import Argument, Channel, CommandSpec, Quantity
from trackerdcs.domain.messages import Command

NOW = 1_800_000_000 * 10**9
SECOND = 10**9

CHANNEL = Channel(
    {"v_set": Quantity("V")},
    {
        "set_voltage": CommandSpec({"v": Argument("number", "V", -800.0, 0.0)}),
        "on": CommandSpec(),
        "off": CommandSpec(),
        "emergency_off": CommandSpec(),
        "hold": CommandSpec(),
        "bind": CommandSpec({"module": Argument("text")}),
        "tune": CommandSpec(role="expert"),
    },
)
POLICY = Policy({"ch0": CHANNEL}, {"cli": "expert", "nodered": "shifter", "wall": "viewer"})


def command(cmd: str = "set_voltage", **changes: Any) -> Command:
    args = {"v": -50} if cmd == "set_voltage" else {}
    return replace(Command("id1", cmd, NOW, NOW + 5 * SECOND, "ch0", args), **changes)


class TestJudge(unittest.TestCase):
    def judge(self, c: Command, user: str = "cli", retained: bool = False, now: int = NOW, policy: Policy = POLICY):
        return judge(c, user, retained=retained, now=now, policy=policy)

    def refused(self, text: str, *args: Any, **kwargs: Any) -> None:
        verdict = self.judge(*args, **kwargs)
        self.assertEqual(verdict.state, "refused", verdict)
        self.assertIn(text, verdict.why)

    def test_a_good_command_is_accepted_with_its_arguments_as_floats(self):
        verdict = self.judge(command())
        self.assertEqual((verdict.state, verdict.args), ("accepted", {"v": -50.0}))
        self.assertIsInstance(verdict.args["v"], float)

    def test_rule_01_limits_are_inclusive_and_nothing_is_clipped(self):
        for v, state in (
            (-800, "accepted"),
            (0, "accepted"),
            (-800.001, "refused"),
            (0.001, "refused"),
            (1e308, "refused"),
        ):
            with self.subTest(v=v):
                self.assertEqual(self.judge(command(args={"v": v})).state, state)

    def test_rule_01_what_is_no_number_is_refused(self):
        wrong: tuple[Any, ...] = (True, False, "-50", None, [1], {}, float("nan"), float("inf"), float("-inf"), 10**400)
        for v in wrong:
            with self.subTest(v=str(v)[:20]):
                self.refused("v: expected a number", command(args={"v": v}))

    def test_arguments_are_complete_and_known(self):
        self.refused("'v' is missing", command(args={}))
        self.refused("'w' is unknown", command(args={"v": -1, "w": 2}))
        self.refused("'x' is unknown, expected none", command("on", args={"x": 1}))
        self.refused("expected a printable text", command("bind", args={"module": 7}))
        self.refused("at most 64", command("bind", args={"module": "m" * 65}))
        self.refused(
            "printable", command("bind", args={"module": "m\n1"})
        )  # a loader would park each frame that has it

    def test_channel_and_command_must_exist(self):
        self.refused("channel 'ch7' is unknown, expected ch0", command(ch="ch7"))
        self.refused("command 'explode' is unknown to ch0", command("explode"))

    def test_rule_15_users_have_ceilings_and_others_are_foreign(self):
        self.refused("not among the command users", command(), user="stranger")
        self.refused("has the role viewer", command(), user="wall")
        self.refused("needs expert", command("tune"), user="nodered")
        self.assertEqual(self.judge(command(), user="nodered").state, "accepted")
        anyone = replace(POLICY, users=None)
        self.assertEqual(self.judge(command(), user="stranger", policy=anyone).state, "accepted")

    def test_rule_15_retained_is_refused_even_in_the_safe_direction(self):
        for cmd in ("on", "off", "emergency_off"):
            self.refused("retained", command(cmd), retained=True)

    def test_rule_15_late_commands_expire(self):
        self.assertEqual(self.judge(command(), now=NOW + 5 * SECOND - 1).state, "accepted")
        self.assertEqual(self.judge(command(), now=NOW + 5 * SECOND).state, "expired")

    def test_rule_15_no_sender_can_make_an_unsafe_command_live_longer_than_ten_seconds(self):
        long = command("on", expires=NOW + 3600 * SECOND)
        self.assertEqual(self.judge(long, now=NOW + LIFE - 1).state, "accepted")
        self.assertEqual(self.judge(long, now=NOW + LIFE).state, "expired")
        self.refused("ahead", command("on", ts=NOW + LIFE + 1, expires=NOW + 2 * LIFE))

    def test_rule_15_the_safe_direction_knows_no_clock(self):
        for cmd in ("off", "emergency_off", "hold"):
            for ts, expires in ((1, 2), (NOW + 10**18, NOW + 10**18), (NOW, NOW - 1)):
                with self.subTest(cmd=cmd, ts=ts):
                    self.assertEqual(self.judge(command(cmd, ts=ts, expires=expires)).state, "accepted")

    def test_real_high_voltage_that_no_interlock_protects_is_not_told_to_go_up(self):
        real = replace(POLICY, unprotected=frozenset({"ch0"}))
        for cmd in ("on", "set_voltage"):
            self.refused("no interlock protects it", command(cmd), policy=real)
        for cmd in ("off", "emergency_off"):
            self.assertEqual(self.judge(command(cmd), policy=real).state, "accepted")

    def test_the_person_is_believed_only_from_shared_clients(self):
        c = command(by="somebody")
        self.assertEqual([person(c, user) for user in ("web", "nodered", "cli")], ["somebody", "somebody", None])


if __name__ == "__main__":
    unittest.main()
