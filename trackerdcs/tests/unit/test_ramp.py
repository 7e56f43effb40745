"""Ramps and the states of a channel, as pure decisions."""

import math
import unittest
from pathlib import Path
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from trackerdcs.domain.channel import MEANING, TRANSITIONS, Happening, State, after
from trackerdcs.domain.errors import Rejected
from trackerdcs.domain.ramp import Watch, beginning, below, near, rises, toward

VOLTS = st.floats(-1000, 1000)
ON = {"on": True, "v_mon": -100.0, "i_mon": -1e-7, "trip": False, "compliance": False}


class TestSteps(unittest.TestCase):
    @given(VOLTS, VOLTS, st.floats(0.01, 50))
    def test_rule_06_a_way_of_steps_is_monotonic_never_longer_than_a_step_and_ends_at_the_target(self, v, target, step):
        for _ in range(int(abs(target - v) / step) + 2):
            new = toward(v, target, step)
            self.assertLessEqual(abs(new - v), step * (1 + 1e-9))
            self.assertLessEqual(abs(target - new), abs(target - v))
            v = new
        self.assertEqual(v, target)

    def test_up_is_away_from_zero_for_both_polarities(self):
        for now, target in ((0, -5), (-5, -6), (5, 6), (-5, 5), (6, -5)):
            self.assertTrue(rises(now, target), (now, target))
        for now, target in ((-5, 0), (-6, -5), (6, 5), (5, 0), (-5, -5)):
            self.assertFalse(rises(now, target), (now, target))

    def test_what_is_not_measured_is_near_nothing_and_low_only_when_off(self):
        self.assertFalse(near({"on": True}, 0.0, 1e9))
        self.assertFalse(below({"on": True}, 10.0))
        self.assertTrue(below({"on": False}, 10.0))
        self.assertFalse(below({}, 10.0))
        self.assertFalse(below({"on": False, "v_mon": -300.0}, 10.0))


class TestUnknown(unittest.TestCase):
    @given(VOLTS)
    def test_from_a_voltage_that_nobody_knows_everything_but_zero_is_up(self, v):
        for unknown in (math.inf, -math.inf, math.nan):
            self.assertIs(rises(unknown, v), v != 0.0)

    def test_a_move_begins_at_what_is_measured_while_that_is_on_its_way_to_the_setpoint(self):
        for sign in (1, -1):
            now = {"v_set": sign * 150.0, "v_mon": sign * 110.0}
            self.assertEqual(beginning("hv", now), sign * 110.0)
            self.assertEqual(beginning("hv", now | {"v_mon": sign * 149.5}), sign * 150.0, "noise is no way")
            self.assertEqual(beginning("hv", now | {"v_mon": sign * 200.0}), sign * 150.0)
            self.assertEqual(beginning("hv", now | {"compliance": True}), sign * 150.0)
            self.assertEqual(beginning("hv", {"v_set": sign * 150.0}), sign * 150.0)
        self.assertEqual(beginning("hv", {}), math.inf)


class TestWatch(unittest.TestCase):
    def test_rule_07_one_reading_above_the_soft_limit_is_noise_two_are_a_trip(self):
        for sign in (1, -1):
            watch = Watch(i_soft=1e-6)
            high = ON | {"i_mon": sign * 2e-6}
            self.assertIsNone(watch.trouble(high))
            self.assertIsNone(watch.trouble(ON))
            self.assertIsNone(watch.trouble(high))
            self.assertIn("soft limit", watch.trouble(high) or "")

    def test_exactly_at_the_limit_is_within(self):
        watch = Watch(i_soft=1e-6)
        for _ in range(5):
            self.assertIsNone(watch.trouble(ON | {"i_mon": 1e-6}))

    def test_compliance_trips_high_voltage_only(self):
        limited = ON | {"compliance": True}
        hv, lv = Watch(compliance_trips=True), Watch()
        self.assertEqual([bool(hv.trouble(limited)), bool(hv.trouble(limited))], [False, True])
        self.assertEqual([lv.trouble(limited), lv.trouble(limited)], [None, None])

    def test_a_voltage_that_does_not_follow_is_a_fault(self):
        watch = Watch()
        self.assertIsNone(watch.trouble(ON, follows=-101.9))
        self.assertIsNone(watch.trouble(ON, follows=-105.0))
        self.assertIn("does not follow", watch.trouble(ON, follows=-105.0) or "")

    def test_a_trip_of_the_supply_counts_at_once_also_when_off(self):
        self.assertIn("tripped", Watch().trouble({"on": False, "trip": True}) or "")

    def test_an_output_that_is_off_or_unreadable_is_no_trouble(self):
        watch = Watch(i_soft=1e-9, compliance_trips=True)
        for reading in ({"on": False, "i_mon": 1.0}, {"i_mon": 1.0}, {}):
            self.assertIsNone(watch.trouble(reading))
            self.assertIsNone(watch.trouble(reading))


class TestTable(unittest.TestCase):
    def test_it_is_complete_and_names_only_what_there_is(self):
        states, happenings = get_args(State), get_args(Happening)
        self.assertEqual(set(TRANSITIONS), set(states))
        self.assertEqual(set(MEANING), set(happenings))
        for row in TRANSITIONS.values():
            self.assertLessEqual(set(row), set(happenings))
            self.assertLessEqual(set(row.values()), set(states))

    def test_the_page_prints_it(self):
        page = Path(__file__).parents[3].joinpath("doc/reference/channel.md").read_text(encoding="utf-8")
        for state, row in TRANSITIONS.items():
            self.assertIn(f"| `{state}` | " + " | ".join(row.get(h, "") for h in MEANING) + " |\n", page)
        for happening, meaning in MEANING.items():
            self.assertIn(f"* `{happening}`: {meaning}\n", page)

    def test_what_is_tripped_or_unknown_never_rises(self):
        for state in ("tripped", "unknown"):
            with self.assertRaises(Rejected):
                after(state, "rise")

    def test_a_trip_is_left_only_by_a_person(self):
        for happening, state in TRANSITIONS["tripped"].items():
            self.assertEqual(state != "tripped", happening == "cleared")

    def test_every_state_can_trip_and_come_down(self):
        for state in get_args(State):
            self.assertEqual(after(state, "trip"), "tripped")
            self.assertIn(after(state, "fall"), ("ramping_down", "off", "tripped"))


if __name__ == "__main__":
    unittest.main()
