"""Conditions and latches of interlocks: whatever is not known for certain never counts as met (rules 9 to 11)."""

import unittest
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trackerdcs.domain.guarding import Interlocked, examine, read_inputs
from trackerdcs.domain.inputs import Inputs
from trackerdcs.domain.interlock import ConditionConfig, DewPointConfig, InterlockConfig
from trackerdcs.domain.messages import Frame, Value
from trackerdcs.domain.wiring import device_of

PERIOD = 1.0
HUMID = ConditionConfig("env1.rh", "never", max=50.0, hysteresis=5.0, accuracy=2.0)


class Bench:
    """A guard's inputs fed by hand, and the interlock that stands on them; `at` is the monotonic clock in s."""

    def __init__(self, *conditions: ConditionConfig, **named: ConditionConfig) -> None:
        given = {f"c{n}": c for n, c in enumerate(conditions)} | named
        quantities = frozenset(of for c in given.values() for of in c.inputs().values())
        self.inputs = Inputs({device_of(of): PERIOD for of in quantities}, quantities)
        self.interlock = Interlocked(InterlockConfig(given))
        self.at, self.seq = 100.0, 0

    def say(self, bad: bool = False, device: str = "env1", ch: str = "-", boot: str = "b", **values: Value) -> str:
        """One live frame; the state afterwards."""
        self.hear(device, ch, boot, bad, values)
        self.interlock.examine(self.inputs, self.at)
        return self.interlock.state

    def hear(self, device: str, ch: str, boot: str, bad: bool, values: dict[str, Any]) -> bool:
        self.seq += 1
        reasons = {ch: dict.fromkeys(values, "no whole line in time")} if bad else {}
        good = {} if bad else {ch: values}
        frame = Frame(int(self.at * 1e9), self.seq, boot, "1", "env", good, bad=reasons)
        return self.inputs.hear(device, frame, self.at)

    def wait(self, seconds: float) -> str:
        self.at += seconds
        self.interlock.examine(self.inputs, self.at)
        return self.interlock.state

    @property
    def why(self) -> str:
        cause = self.interlock.cause
        return cause[1] if cause else ""


class Values(unittest.TestCase):
    def test_rule_09_a_fresh_violation_is_open_at_once_and_humidity_counts_at_its_worst_end(self) -> None:
        bench = Bench(HUMID)
        self.assertEqual(bench.say(rh=48.0), "ok")
        self.assertEqual(bench.say(rh=48.1), "open", "48.1 % may be 50.1 %")
        self.assertEqual(bench.interlock.first, "c0")
        self.assertEqual(bench.interlock.why, "env1.rh 48.1 % (accuracy 2 %) may be above 50 %")

    def test_rule_09_what_is_not_known_for_certain_is_unknown(self) -> None:
        bench = Bench(ConditionConfig("env1.rh", 10.0, max=50.0, low=1.0, high=90.0))
        self.assertEqual(bench.wait(0), "unknown")
        self.assertEqual(bench.why, "env1.rh has not been heard yet")
        self.assertEqual(bench.say(rh=40.0), "ok")
        for values, bad, why in (
            ({"rh": 40.1}, True, "env1.rh cannot be read: no whole line in time"),
            ({"t_air": 21.0}, False, "env1.rh is missing from the frames of env1"),
            ({"rh": float("nan")}, False, "env1.rh is nan"),
            ({"rh": float("inf")}, False, "env1.rh is inf"),
            ({"rh": True}, False, "env1.rh: expected numbers"),
            ({"rh": 0.0}, False, "env1.rh 0 % is not possible"),
            ({"rh": -3.0}, False, "env1.rh -3 % is not possible"),
            ({"rh": 100.5}, False, "env1.rh 100.5 % is not possible"),
            ({"rh": 0.5}, False, "env1.rh 0.5 % is outside what is possible"),
            ({"rh": 95.0}, False, "env1.rh 95 % is outside what is possible"),
        ):
            with self.subTest(why):
                self.assertEqual(bench.say(bad=bad, **values), "unknown")
                self.assertEqual(bench.why, why)
                self.assertEqual(bench.say(rh=39.0), "ok", "unknown does not latch")

    def test_rule_09_a_silent_sensor_is_unknown_after_three_periods(self) -> None:
        bench = Bench(HUMID)
        bench.say(rh=30.0)
        self.assertEqual(bench.wait(2.9), "ok")
        self.assertEqual(bench.wait(0.2), "unknown")
        self.assertEqual(bench.why, "env1.rh is 3 s old, more than 3 periods of 1 s")

    def test_rule_09_a_value_that_never_changes_is_a_dead_sensor(self) -> None:
        bench = Bench(
            ConditionConfig("env1.rh", 10.0, max=50.0), forever=ConditionConfig("env1.t_air", "never", max=50.0)
        )
        for _ in range(10):
            self.assertEqual(bench.say(rh=30.0, t_air=20.0), "ok")
            bench.at += 1
        self.assertEqual(bench.say(rh=30.0, t_air=20.0), "unknown")
        self.assertEqual(bench.why, "env1.rh is frozen: no change for 10 s")
        self.assertEqual(bench.say(rh=30.01, t_air=20.0), "ok")

    def test_rule_09_an_older_or_repeated_frame_is_no_news(self) -> None:
        bench = Bench(HUMID)
        bench.say(rh=30.0)
        bench.seq = 0
        self.assertFalse(bench.hear("env1", "-", "b", False, {"rh": 20.0}))
        self.assertEqual(bench.wait(3.1), "unknown")
        self.assertTrue(bench.hear("env1", "-", "another start", False, {"rh": 20.0}))
        self.assertEqual(bench.wait(0), "ok")

    def test_rule_09_news_that_come_late_are_old(self) -> None:
        bench = Bench(HUMID)
        bench.say(rh=30.0)
        frame = Frame(int(bench.at * 1e9), 9, "b", "1", "env", {"-": {"rh": 30.0}})
        bench.at += 4
        bench.inputs.hear("env1", frame, bench.at)
        self.assertEqual(bench.wait(0), "unknown")

    def test_hysteresis_keeps_a_broken_condition_broken(self) -> None:
        low = ConditionConfig("env1.t_air", "never", min=10.0, max=30.0, hysteresis=2.0)
        bench = Bench(low)
        for t, verdict in ((29.9, "holds"), (30.1, "broken"), (29.0, "broken"), (27.9, "holds"), (29.5, "holds")):
            bench.say(t_air=t)
            self.assertEqual(bench.interlock.findings["c0"].verdict, verdict, t)
        for t, verdict in ((9.9, "broken"), (11.9, "broken"), (12.1, "holds"), (10.1, "holds")):
            bench.say(t_air=t)
            self.assertEqual(bench.interlock.findings["c0"].verdict, verdict, t)

    def test_a_switch(self) -> None:
        bench = Bench(ConditionConfig("lv1.ch1.on", "never", equals=True))
        for value, state in ((True, "ok"), (1.0, "unknown"), (False, "open")):
            self.assertEqual(bench.say(device="lv1", ch="ch1", on=value), state)
        self.assertEqual(bench.interlock.why, "lv1.ch1.on is false")

    def test_rule_09_the_dew_point_counts_at_the_worst_end_of_both_sensors(self) -> None:
        air = DewPointConfig("env1.t_air", "env1.rh", t_accuracy=1.0, rh_accuracy=5.0)
        exact = Bench(
            ConditionConfig("env1.t_plate", "never", dew_point=DewPointConfig("env1.t_air", "env1.rh"), margin=1.0)
        )
        bench = Bench(ConditionConfig("env1.t_plate", "never", dew_point=air, margin=1.0, accuracy=0.5))
        # 20 degC and 50 % have a dew point of 9.3 degC; 21 degC and 55 % one of 11.6 degC.
        self.assertEqual(exact.say(t_air=20.0, rh=50.0, t_plate=10.4), "ok")
        self.assertEqual(bench.say(t_air=20.0, rh=50.0, t_plate=13.2), "ok")
        self.assertEqual(bench.say(t_air=20.0, rh=50.0, t_plate=13.0), "open")
        why = "env1.t_plate 13 degC (accuracy 0.5 degC) is less than 1 degC above the dew point, 11.6 degC at worst"
        self.assertEqual(bench.interlock.why, why)
        for t, rh in ((20.0, 0.0), (20.0, 101.0), (61.0, 50.0), (-46.0, 50.0)):
            bench.say(t_air=t, rh=rh, t_plate=40.0)
            self.assertEqual(bench.interlock.findings["c0"].verdict, "unknown")


class Latch(unittest.TestCase):
    def test_rule_10_the_first_cause_is_kept_and_open_stays_until_it_is_reset(self) -> None:
        bench = Bench(wet=HUMID, hot=ConditionConfig("env1.t_air", "never", max=30.0))
        bench.say(rh=30.0, t_air=31.0)
        bench.say(rh=60.0, t_air=31.0)
        self.assertEqual((bench.interlock.state, bench.interlock.first), ("open", "hot"))
        self.assertEqual(bench.say(rh=30.0, t_air=20.0), "open")
        self.assertEqual(bench.wait(60), "open", "also while nothing is heard")
        self.assertEqual(bench.interlock.first, "hot")

    def test_rule_11_a_reset_is_refused_while_the_cause_holds(self) -> None:
        bench = Bench(HUMID)
        self.assertEqual(bench.interlock.objection_to_reset(), "it is not open")
        bench.say(rh=60.0)
        self.assertIn("the cause is still there: c0: env1.rh 60 %", bench.interlock.objection_to_reset() or "")
        for rh, word in ((51.0, "is"), (49.0, "may be"), (44.0, "was")):
            bench.say(rh=rh)
            why = f"env1.rh {rh:g} % (accuracy 2 %) {word} above 50 %, ok again at 43 % or lower"
            self.assertIn(why, bench.interlock.objection_to_reset() or "")
        bench.wait(5)
        self.assertIn("5 s old", bench.interlock.objection_to_reset() or "", "what is not known may be the cause")
        bench.say(rh=42.0)
        self.assertIsNone(bench.interlock.objection_to_reset())
        bench.interlock.reset()
        self.assertEqual(bench.say(rh=42.0), "ok")

    def test_a_latch_outlives_a_restart_with_its_hysteresis(self) -> None:
        bench = Bench(HUMID)
        bench.interlock = Interlocked(bench.interlock.config, "c0", "env1.rh 60 % is above 50 %")
        self.assertEqual(bench.wait(0), "open")
        self.assertEqual(bench.say(rh=44.0), "open")
        self.assertIn("the cause is still there", bench.interlock.objection_to_reset() or "")

    def test_a_proof_pretends_for_a_time_and_leaves_no_trace(self) -> None:
        bench = Bench(HUMID)
        bench.say(rh=44.0)
        bench.interlock.pretend("c0", "unknown", bench.at + 5)
        self.assertEqual(bench.say(rh=44.0), "unknown")
        bench.interlock.pretend("c0", "broken", bench.at + 5)
        self.assertEqual(bench.say(rh=44.0), "open")
        self.assertIsNotNone(bench.interlock.objection_to_reset())
        bench.at += 5
        bench.say(rh=44.0)
        self.assertIsNone(bench.interlock.objection_to_reset())


CONDITIONS = (
    HUMID,
    ConditionConfig("env1.rh", "never", min=1.0),
    ConditionConfig("env1.t_air", "never", dew_point=DewPointConfig("env1.t_air", "env1.rh"), margin=0.0),
)
UNSURE = st.one_of(
    st.just(("silent", None)),
    st.just(("bad", 30.0)),
    st.tuples(st.just("value"), st.sampled_from([float("nan"), float("inf"), 0.0, -1.0, 150.0, True, None])),
    st.tuples(st.just("replayed"), st.floats(1, 40)),
)


class Never(unittest.TestCase):
    @settings(max_examples=200, deadline=None)
    @given(st.sampled_from(CONDITIONS), st.booleans(), st.lists(UNSURE, min_size=1, max_size=12))
    def test_rule_09_no_sequence_of_doubtful_inputs_is_ever_ok(
        self, condition: ConditionConfig, once_good: bool, said: list[tuple[str, Any]]
    ) -> None:
        bench = Bench(condition)
        if once_good:
            self.assertEqual(bench.say(t_air=20.0, rh=30.0), "ok")
        bench.at += 3.01 * PERIOD
        for what, value in said:
            bench.at += PERIOD
            match what:
                case "bad":
                    bench.hear("env1", "-", "b", True, {"rh": value, "t_air": 20.0})
                case "value":
                    values = {"t_air": 20.0} if value is None else {"t_air": 20.0, "rh": value}
                    bench.hear("env1", "-", "b", False, values)
                case "replayed" if bench.seq > 0:
                    bench.seq -= 1
                    bench.hear("env1", "-", "b", False, {"t_air": 20.0, "rh": value})
            finding = examine(condition, read_inputs(condition, bench.inputs, bench.at), False)
            self.assertNotEqual(finding.verdict, "holds", (what, value))
            self.assertNotEqual(bench.wait(0), "ok")

    @settings(max_examples=100, deadline=None)
    @given(st.floats(1, 40), st.lists(st.floats(0.1, 0.9), min_size=20, max_size=40))
    def test_rule_09_a_frozen_value_is_never_ok_for_long(self, rh: float, steps: list[float]) -> None:
        bench = Bench(ConditionConfig("env1.rh", 5.0, max=50.0))
        bench.say(rh=rh)
        began = bench.at
        for step in steps:
            bench.at += step
            state = bench.say(rh=rh)
            self.assertEqual(state, "ok" if bench.at - began < 5.0 else "unknown")
