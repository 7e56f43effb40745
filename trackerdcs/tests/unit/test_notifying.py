"""Who is told of an alarm and when: the escalation, its end, and that nobody is forgotten or told twice."""

import unittest
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from trackerdcs.domain.messages import Alarm, AlarmState, Severity
from trackerdcs.domain.notice import Notice
from trackerdcs.domain.notify import AddressConfig, NotifyConfig, PersonConfig, StepConfig
from trackerdcs.domain.notifying import GRACE, Episode, Notifying, concerns

CONFIG = NotifyConfig(
    addresses={name: AddressConfig(name) for name in ("mail", "phone", "chief")},
    people={
        "shifter": PersonConfig(("mail", "phone")),
        "second": PersonConfig(("mail",), at=("hv1",)),
        "expert": PersonConfig(("chief",), least="critical"),
    },
    shift=("shifter", "second"),
    escalation=(StepConfig(("shift",)), StepConfig(("expert",), 600.0), StepConfig(("shift", "expert"), 1200.0)),
)
S = 10**9


def said(state: AlarmState = "raised", severity: Severity = "critical", raised: int = S, of: str = "hv1.ch0") -> Alarm:
    return Alarm(state, severity, S, S, 0, "b", "r", of=of, why="too much", guidance="look", raised=raised)


class Desk:
    """A policy, its clock, and what came of it, over restarts."""

    def __init__(self, config: NotifyConfig = CONFIG) -> None:
        self.config, self.policy, self.now = config, Notifying(config), 0.0
        self.disk: dict[str, Episode] = {}
        self.notices: list[Notice] = []

    def hear(self, alarm: Alarm | None, name: str = "a") -> list[Notice]:
        self.policy.hear(name, alarm, self.now, self.utc)
        return self._taken()

    def wait(self, seconds: float) -> list[Notice]:
        self.now += seconds
        self.policy.tick(self.now)
        return self._taken()

    def restart(self) -> None:
        self.policy = Notifying(self.config)
        self.policy.recall(list(self.disk.values()), self.now, self.utc)

    @property
    def utc(self) -> int:
        return S + int(self.now * S)

    def _taken(self) -> list[Notice]:
        episodes, notices = self.policy.take()
        self.disk |= episodes
        self.notices += notices
        return list(notices)


def to(notices: list[Notice]) -> list[tuple[str, str, int]]:
    return sorted((n.address, n.news, n.step) for n in notices)


class TestEscalation(unittest.TestCase):
    def test_step_by_step_until_it_is_acknowledged(self) -> None:
        desk = Desk()
        self.assertEqual(to(desk.hear(said())), [("mail", "raised", 0), ("phone", "raised", 0)])
        self.assertEqual((desk.hear(said()), desk.wait(599)), ([], []), "the same again is no news")
        self.assertEqual(to(desk.wait(1)), [("chief", "raised", 1)])
        self.assertEqual(desk.hear(said("acknowledged")), [])
        self.assertEqual(desk.wait(10_000), [])
        self.assertEqual(to(desk.hear(said("normal"))), [(a, "over", 2) for a in ("chief", "mail", "phone")])
        self.assertEqual((desk.hear(said("normal")), desk.wait(10_000)), ([], []))

    def test_over_is_said_to_those_who_were_told_and_to_nobody_else(self) -> None:
        desk = Desk()
        desk.hear(said())
        self.assertEqual({n.address for n in desk.hear(said("cleared"))}, {"mail", "phone"})
        self.assertEqual(desk.hear(said("normal")), [])
        quiet = Desk()
        quiet.hear(said("acknowledged"))
        self.assertEqual((quiet.wait(10_000), quiet.hear(said("normal"))), ([], []), "somebody knew of it already")

    def test_what_is_raised_again_is_told_again(self) -> None:
        desk = Desk()
        desk.hear(said())
        desk.hear(said("cleared"))
        self.assertEqual(len(desk.hear(said(raised=2 * S))), 2)
        self.assertEqual(len(desk.hear(said(raised=3 * S))), 2, "its end in between was not heard")

    def test_who_was_told_of_the_one_before_hears_the_end_too(self) -> None:
        desk = Desk()
        desk.hear(said())
        desk.policy.change_shift(("second",), desk.now)
        self.assertEqual({n.address for n in desk.hear(said(raised=2 * S))}, {"mail"})
        self.assertEqual({n.address for n in desk.hear(said("normal", raised=2 * S))}, {"mail", "phone"})

    def test_a_shelf_stops_it_and_its_end_goes_on(self) -> None:
        for state in ("shelved", "suppressed"):
            desk = Desk()
            desk.hear(said())
            desk.hear(said(state))
            self.assertEqual(desk.wait(700), [])
            self.assertEqual(to(desk.hear(said())), [("chief", "raised", 1)])

    def test_not_evaluated_is_neither_over_nor_acknowledged(self) -> None:
        desk = Desk()
        desk.hear(said())
        self.assertEqual(desk.hear(said("not_evaluated")), [])
        self.assertEqual(to(desk.wait(600)), [("chief", "raised", 1)])

    def test_what_gets_graver_begins_anew(self) -> None:
        desk = Desk()
        desk.hear(said(severity="warning"))
        self.assertEqual(len(desk.hear(said())), 2)
        self.assertEqual({n.address for n in desk.hear(said("normal"))}, {"mail", "phone"})

    def test_an_alarm_that_is_taken_out_of_the_file_is_over(self) -> None:
        desk = Desk()
        desk.hear(said())
        over = desk.hear(None)
        self.assertEqual({(n.news, n.why) for n in over}, {("over", "there is no such alarm any more")})
        self.assertEqual(desk.hear(None, "never"), [])


class TestWho(unittest.TestCase):
    def test_a_node_covers_all_below_it(self) -> None:
        person = PersonConfig(("mail",), at=("hv1", "lv1.ch0"))
        for of, expected in [("hv1", 1), ("hv1.ch0.i_mon", 1), ("hv10", 0), ("lv1.ch0", 1), ("lv1", 0), ("", 0)]:
            self.assertEqual(concerns(person, of, "critical"), bool(expected), of)
        self.assertTrue(concerns(PersonConfig(("mail",)), "", "warning"))

    def test_severities(self) -> None:
        self.assertEqual(Desk().hear(said(severity="info")), [], "information is quiet")
        curious = replace(CONFIG, people={"shifter": PersonConfig(("mail",), least="info")}, shift=("shifter",))
        desk = Desk(replace(curious, escalation=(StepConfig(("shift",)), StepConfig(("shifter",), 10.0))))
        self.assertEqual(len(desk.hear(said(severity="info"))), 1)
        self.assertEqual(desk.wait(100), [], "nobody is asked to acknowledge it")

    def test_a_step_without_anybody_makes_nobody_wait(self) -> None:
        desk = Desk(replace(CONFIG, shift=()))
        self.assertEqual(desk.policy.fault, "nobody is on shift")
        self.assertEqual(to(desk.hear(said())), [("chief", "raised", 1)])

    def test_a_first_step_may_wait(self) -> None:
        desk = Desk(replace(CONFIG, escalation=(StepConfig(("shifter",), 60.0),)))
        self.assertEqual((desk.hear(said()), desk.wait(59)), ([], []))
        self.assertEqual(len(desk.wait(1)), 2)

    def test_nobody_to_tell_is_said_loudly_and_mended_by_a_shift(self) -> None:
        desk = Desk(replace(CONFIG, shift=(), escalation=(StepConfig(("shift",)),)))
        self.assertEqual(desk.hear(said()), [])
        self.assertIn("nobody is on shift; nobody was told of 1 critical alarms (a)", desk.policy.fault or "")
        desk.policy.change_shift(("second",), desk.now)
        self.assertEqual(to(desk.wait(0)), [("mail", "raised", 0)])
        self.assertIsNone(desk.policy.fault)
        away = Desk(
            replace(
                CONFIG,
                people={"second": CONFIG.people["second"]},
                shift=("second",),
                escalation=(StepConfig(("shift",)),),
            )
        )
        away.hear(said(of="lv1"))
        self.assertIn("nobody was told of 1", away.policy.fault or "")
        away.hear(said("acknowledged", of="lv1"))
        self.assertIsNone(away.policy.fault)


class TestRestart(unittest.TestCase):
    def test_it_waits_for_the_present_and_goes_on_where_it_was(self) -> None:
        desk = Desk()
        desk.hear(said())
        desk.now += 700
        desk.restart()
        self.assertEqual(desk.wait(1), [], "it may have been acknowledged meanwhile")
        self.assertEqual(to(desk.hear(said())), [("chief", "raised", 1)])
        desk.restart()
        self.assertEqual(desk.hear(said("acknowledged")), [])
        self.assertEqual(desk.wait(10_000), [])

    def test_without_a_broker_the_escalation_goes_on(self) -> None:
        desk = Desk()
        desk.hear(said())
        desk.now += 700
        desk.restart()
        self.assertEqual(to(desk.wait(GRACE)), [("chief", "raised", 1)])

    def test_what_came_and_went_meanwhile_is_told_once(self) -> None:
        desk = Desk()
        desk.restart()
        self.assertEqual(
            to(desk.hear(said("cleared"))),
            [(a, n, s) for a in ("mail", "phone") for n, s in (("over", 1), ("raised", 0))],
        )
        desk.restart()
        self.assertEqual(desk.hear(said("cleared")), [])

    def test_a_clock_set_back_meanwhile_delays_a_step_by_its_time_at_most(self) -> None:
        desk = Desk()
        desk.hear(said())
        desk.policy = Notifying(CONFIG)
        desk.policy.recall(list(desk.disk.values()), desk.now, desk.utc - 3600 * S)
        desk.hear(said())
        self.assertEqual(to(desk.wait(600)), [("chief", "raised", 1)])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(
            ["raised", "again", "acknowledged", "cleared", "normal", "shelved", "not_evaluated", "restart"]
        ),
        st.sampled_from([0.0, 5.0, 100.0, 650.0]),
    ),
    max_size=40,
)


class TestAnyOrder(unittest.TestCase):
    @settings(max_examples=300, deadline=None)
    @given(STEPS)
    def test_nobody_is_told_twice_and_who_was_told_hears_the_end(self, steps: list[tuple[str, str, float]]) -> None:
        desk, raised, told = Desk(), dict.fromkeys("ab", S), {name: Counter[tuple[str, str]]() for name in "ab"}
        silent: set[str] = set()
        for name, what, seconds in steps:
            before = len(desk.notices)
            state: AlarmState = "raised" if what == "again" else what  # type: ignore[assignment]
            if what == "restart":
                desk.restart()
            else:
                raised[name] += S * (what == "raised")
                silent -= {name} if state in ("raised", "cleared") else set()
                silent |= {name} if state in ("acknowledged", "shelved", "normal") else set()
                desk.hear(said(state, raised=raised[name]), name)
            desk.wait(seconds)
            silent |= {name} if state == "cleared" else set()
            for notice in desk.notices[before:]:
                known = told[notice.alarm]
                if notice.news == "raised":
                    self.assertNotIn(notice.alarm, silent - {name} if state == "cleared" else silent)
                    known[notice.address, notice.key[-1] + str(notice.episode)] += 1
                    self.assertEqual(max(known.values()), 1, "once for each step")
            for alarm in {n.alarm for n in desk.notices[before:] if n.news == "over"}:
                over = [n.address for n in desk.notices[before:] if n.alarm == alarm and n.news == "over"]
                self.assertCountEqual(over, {address for address, _ in told[alarm]})
                told[alarm].clear()
        for name in "ab":
            raised[name] += S
            before = len(desk.notices)
            desk.hear(said(raised=raised[name]), name)
            desk.wait(5000)
            steps_told = {n.step for n in desk.notices[before:] if n.alarm == name and n.news == "raised"}
            self.assertEqual(steps_told, {0, 1, 2}, "an unacknowledged critical alarm reaches every step")
