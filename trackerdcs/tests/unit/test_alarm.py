"""The state table of an alarm, step by step, and what must hold whatever happens to it."""

import unittest
from dataclasses import replace
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from trackerdcs.domain.alarm import LONGEST, Alarmed, Shelf, Verdict
from trackerdcs.domain.alarm_config import AlarmRule, CountConfig
from trackerdcs.domain.messages import AlarmState
from trackerdcs.tests.long import LONG

HOT = AlarmRule(quantity="t", above=30.0)
LATCHED = replace(HOT, latch=True)
DELAYED = replace(HOT, delay=10.0)
COUNTED = replace(HOT, count=CountConfig(3, 5))
FINDINGS = {"+": True, "-": False, "?": None}
NS = 10**9


class Bench:
    """An alarm with two clocks: a step of the monotonic one is a step of UTC, which somebody may also set."""

    def __init__(self, rule: AlarmRule) -> None:
        self.rule, self.monotonic, self.now = rule, 1000.0, 10**18
        self.alarm = Alarmed(rule, self.now)
        self.last: bool | None = None
        self.hushed = False

    def do(self, step: str) -> None:
        """`+` `-` `?`: found so, not so, unknown, by a frame; `10s`: so much later; `hush`, `unhush`; `ack`, `shelve
        MINUTES`, `unshelve`; `restart HOURS`: after so long; `clock HOURS`: UTC is set."""
        word, _, number = step.partition(" ")
        match word:
            case "+" | "-" | "?":
                self.last = FINDINGS[word]
                self.look(frame=True)
            case "hush" | "unhush":
                self.hushed = word == "hush"
                self.look()
            case "ack":
                assert self.alarm.objection_to_ack() is None, self.alarm.objection_to_ack()
                self.alarm.acknowledge("shifter", "seen", self.now)
            case "shelve":
                self.alarm.shelve(Shelf(self.monotonic + 60 * float(number), "shifter", "known"), self.now)
            case "unshelve":
                self.alarm.unshelve(self.now)
            case "restart":
                kept = self.alarm.kept(self.monotonic, self.now)
                self.monotonic = 5.0  # another boot of the computer
                self.now += int(float(number or 0) * 3600 * NS)
                self.alarm = Alarmed(self.rule, self.now)
                self.alarm.restore(kept, self.monotonic, self.now)
            case "clock":
                self.now += int(float(number) * 3600 * NS)
            case _:
                self.monotonic += float(word.removesuffix("s"))
                self.now += int(float(word.removesuffix("s")) * NS)
                self.look()

    def look(self, frame: bool = False) -> None:
        hush = "the output is off" if self.hushed else None
        verdict = Verdict(self.last, "why", 31.0 if self.last else 20.0)
        self.alarm.examine(verdict, hush, self.monotonic, self.now, frame)


TABLE: dict[str, tuple[AlarmRule, str]] = {
    # name: rule, then step=state for each step
    "not heard yet": (HOT, "0s=not_evaluated"),
    "comes and goes": (HOT, "-=normal +=raised -=normal"),
    "is acknowledged": (HOT, "+=raised ack=acknowledged +=acknowledged -=normal"),
    "an ack does not survive a new raise": (HOT, "+=raised ack=acknowledged -=normal +=raised"),
    "latched: goes unseen": (LATCHED, "+=raised -=cleared 3600s=cleared ack=normal"),
    "latched: seen, then goes": (LATCHED, "+=raised ack=acknowledged -=normal"),
    "latched: comes back": (LATCHED, "+=raised -=cleared +=raised -=cleared ack=normal"),
    "its input is lost": (HOT, "-=normal ?=not_evaluated -=normal"),
    "its input is lost while it is raised": (HOT, "+=raised ?=raised ack=acknowledged -=normal"),
    "its input is lost while it is acknowledged": (HOT, "+=raised ack=acknowledged ?=acknowledged +=acknowledged"),
    "its input is lost while it is latched": (LATCHED, "+=raised -=cleared ?=cleared ack=not_evaluated"),
    "ack of what is not evaluated is no ack of what comes": (HOT, "?=not_evaluated ack=not_evaluated +=raised"),
    "the same with a delay": (DELAYED, "?=not_evaluated ack=not_evaluated +=normal 10s=raised"),
    "the same with what was there before": (HOT, "+=raised -=normal ?=not_evaluated ack=not_evaluated +=raised"),
    "delay": (DELAYED, "+=normal 9s=normal 1s=raised"),
    "delay begins anew": (DELAYED, "+=normal 9s=normal -=normal +=normal 9s=normal 1s=raised"),
    "delay goes on while nobody knows": (DELAYED, "+=normal 5s=normal ?=not_evaluated 9s=not_evaluated +=raised"),
    "suppressed": (HOT, "+=raised hush=suppressed +=suppressed unhush=raised"),
    "suppressed before it comes": (HOT, "hush=suppressed +=suppressed -=suppressed unhush=normal"),
    "delay counts from the end of suppression": (
        DELAYED,
        "hush=suppressed +=suppressed 60s=suppressed unhush=normal 9s=normal 1s=raised",
    ),
    "suppressed within the delay": (DELAYED, "+=normal 9s=normal hush=suppressed unhush=normal 9s=normal 1s=raised"),
    "an ack does not survive suppression": (HOT, "+=raised ack=acknowledged hush=suppressed unhush=raised"),
    "latched and unseen outlives suppression": (
        LATCHED,
        "+=raised hush=suppressed -=suppressed unhush=cleared ack=normal",
    ),
    "3 of 5": (COUNTED, "+=normal -=normal +=normal -=normal +=raised"),
    "3 of 5, too far apart": (COUNTED, "+=normal -=normal -=normal +=normal -=normal -=normal +=normal"),
    "3 of 5: time alone does not count": (COUNTED, "+=normal +=normal 60s=normal 60s=normal +=raised"),
    "3 of 5: unknown frames do not count": (COUNTED, "+=normal ?=not_evaluated +=normal ?=not_evaluated +=raised"),
    "3 of 5: goes when there are fewer": (COUNTED, "+=normal +=normal +=raised -=raised -=raised -=normal"),
    "shelved": (HOT, "+=raised shelve_10=shelved 599s=shelved 1s=raised"),
    "shelved, then it goes": (HOT, "+=raised shelve_10=shelved -=shelved 600s=normal"),
    "shelved beforehand": (HOT, "-=normal shelve_10=shelved +=shelved unshelve=raised"),
    "a shelf is no ack": (HOT, "+=raised shelve_10=shelved unshelve=raised"),
    "acknowledged under a shelf": (HOT, "+=raised ack=acknowledged shelve_10=shelved 600s=acknowledged"),
    "a new raise under a shelf": (HOT, "+=raised ack=acknowledged shelve_10=shelved -=shelved +=shelved 600s=raised"),
    "restart: raised": (HOT, "+=raised restart=raised ?=raised 60s=raised -=normal"),
    "restart: acknowledged": (HOT, "+=raised ack=acknowledged restart=acknowledged +=acknowledged -=normal +=raised"),
    "restart: latched": (LATCHED, "+=raised -=cleared restart=cleared -=cleared ack=normal"),
    "restart: latched, away while it goes": (LATCHED, "+=raised restart=raised -=cleared"),
    "restart: normal is not known": (HOT, "-=normal restart=not_evaluated -=normal"),
    "restart: a shelf ends when it should": (
        HOT,
        "+=raised shelve_10=shelved 300s=shelved restart=shelved 299s=shelved 1s=raised",
    ),
    "restart: a shelf that ended meanwhile": (HOT, "+=raised shelve_10=shelved restart_1=raised"),
    "restart: a clock set back makes no endless shelf": (
        HOT,
        "+=raised shelve_10=shelved restart_-9999=shelved 86400s=raised",
    ),
    "the clock is set forward": (
        DELAYED,
        "+=normal clock_24=normal 9s=normal 1s=raised shelve_10=shelved clock_24=shelved 599s=shelved 1s=raised",
    ),
    "the clock is set back": (
        DELAYED,
        "+=normal clock_-24=normal 10s=raised shelve_10=shelved clock_-24=shelved 600s=raised",
    ),
}


class StateTable(unittest.TestCase):
    def test_each_line(self) -> None:
        for name, (rule, steps) in TABLE.items():
            bench = Bench(rule)
            for n, step in enumerate(steps.split()):
                action, _, state = step.partition("=")
                bench.do(action.replace("_", " "))
                with self.subTest(name, step=n, action=action):
                    self.assertEqual(bench.alarm.state, state)

    def test_every_state_is_in_it(self) -> None:
        seen = {step.partition("=")[2] for _, steps in TABLE.values() for step in steps.split()}
        self.assertEqual(seen, set(get_args(AlarmState)))


class Details(unittest.TestCase):
    def test_flapping_is_counted_until_somebody_acknowledges(self) -> None:
        bench = Bench(HOT)
        for _ in range(7):
            bench.do("+")
            bench.do("-")
        bench.do("+")
        self.assertEqual(bench.alarm.count, 8)
        bench.do("restart")
        bench.do("ack")
        self.assertEqual(bench.alarm.count, 8, "what was acknowledged is still said")
        bench.do("-")
        bench.do("+")
        self.assertEqual(bench.alarm.count, 1)

    def test_an_ack_of_what_is_not_evaluated_begins_no_new_count(self) -> None:
        bench = Bench(HOT)
        for step in ("+", "-", "?", "ack", "+"):
            bench.do(step)
        self.assertEqual(bench.alarm.count, 2)

    def test_who_acknowledged_is_said_as_long_as_it_is_there(self) -> None:
        bench = Bench(HOT)
        bench.do("+")
        self.assertEqual(bench.alarm.raised, bench.now)
        bench.do("ack")
        bench.do("restart")
        self.assertEqual((bench.alarm.by, bench.alarm.comment), ("shifter", "seen"))
        bench.do("-")
        self.assertEqual((bench.alarm.by, bench.alarm.comment), (None, None))

    def test_what_nobody_sees_cannot_be_acknowledged(self) -> None:
        for steps, why in (
            (["-"], "it is normal"),
            (["+", "ack"], "it is acknowledged by shifter"),
            (["+", "shelve 1"], "it is shelved"),
            (["+", "hush"], "it is suppressed"),
        ):
            bench = Bench(HOT)
            for step in steps:
                bench.do(step)
            self.assertEqual(bench.alarm.objection_to_ack(), why)

    def test_a_latch_taken_out_of_the_rule_keeps_nothing(self) -> None:
        bench = Bench(LATCHED)
        for step in ("+", "-"):
            bench.do(step)
        bench.rule = HOT
        bench.do("restart")
        self.assertEqual(bench.alarm.state, "not_evaluated")


STEPS = ["+", "-", "?", "1s", "5s", "20s", "400s", "hush", "unhush", "ack", "shelve 5", "unshelve", "restart"]
STEPS += ["clock 3", "clock -3"]
RULES = [HOT, LATCHED, DELAYED, COUNTED, replace(DELAYED, latch=True)]


class Whatever(unittest.TestCase):
    @settings(max_examples=2000 if LONG else 200, deadline=None)
    @given(st.sampled_from(RULES), st.lists(st.sampled_from(STEPS), max_size=30))
    def test_never(self, rule: AlarmRule, steps: list[str]) -> None:
        bench = Bench(rule)
        for n, step in enumerate(steps):
            if step == "ack" and bench.alarm.objection_to_ack():
                continue
            before = (bench.alarm.active, bench.alarm.state, bench.alarm.raised, bench.alarm.count)
            bench.do(step)
            self.check(bench.alarm, before, bench, steps[: n + 1])

    def check(self, alarm: Alarmed, before: tuple[Any, ...], bench: Bench, steps: list[str]) -> None:
        was_active, was_state, _, count = before
        if alarm.active and not alarm.acked:
            self.assertIn(alarm.state, ("raised", "shelved"), f"there and unseen, and shown as nothing: {steps}")
        if alarm.state == "acknowledged":
            self.assertTrue(alarm.active and alarm.acked, steps)
        if alarm.acked and not (was_active and was_state in ("acknowledged", "shelved")):
            self.assertEqual(steps[-1], "ack", f"nobody has acknowledged it: {steps}")
        if alarm.active and not was_active:
            self.assertFalse(alarm.acked, f"an ack survives a new raise: {steps}")
            self.assertIn(alarm.count, (1, count + 1))
        if was_active and not alarm.active:
            self.assertTrue(bench.last is False or bench.hushed, f"it ended and nobody knows that it has: {steps}")
        if alarm.state == "normal":
            self.assertFalse(alarm.unseen, steps)
        if alarm.shelf is not None:
            self.assertLessEqual(alarm.shelf.until - bench.monotonic, LONGEST)


if __name__ == "__main__":
    unittest.main()
