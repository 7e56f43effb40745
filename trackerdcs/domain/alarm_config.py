"""Rules of alarms as the stand file has them: what is watched, at which node of the tree, when it is an alarm."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from trackerdcs.domain.interlock import Fault, Strict
from trackerdcs.domain.messages import Severity
from trackerdcs.domain.topics import NAME, NOT_AN_ITEM

Level = bool | str | float
WATCHED = ("quantity", "status", "stale", "interlock", "event")
"""Keys of which a rule has exactly one: what it watches."""
LONGEST_DELAY = 3600.0
MOST_FRAMES = 1000


@dataclass(frozen=True)
class CountConfig(Strict):
    """`n` of the last `of` frames must say so: a single odd reading is no alarm."""

    n: int
    of: int


@dataclass(frozen=True)
class SuppressConfig(Strict):
    """When a rule is not to alarm: while another one (`alarm`, its name) is active at the same node or above, or while
    a quantity `equals` something: `lv1.ch1.on`, or without dots the one of the same channel (`on`)."""

    alarm: str | None = None
    quantity: str | None = None
    equals: bool | str | None = None


@dataclass(frozen=True)
class AlarmRule(Strict):
    """One thing is watched: a `quantity` that must not be `above`, `below` or what it `equals`; the `status` of a
    device; frames that are `stale`; the state of an `interlock`; an `event`.

    `at`: the node of the tree that it covers with all that is below: the stand if absent, `hv1`, `hv1.ch0`, `guard`,
    `loader`, an interlock. `delay` in s. `latch`: shown until it is acknowledged, though it has gone.
    """

    at: str | None = None
    quantity: str | None = None
    above: float | None = None
    below: float | None = None
    equals: bool | str | None = None
    hysteresis: float = 0.0
    status: Literal["silent", "offline", "fault"] | None = None
    stale: bool = False
    interlock: Literal["open", "unknown", "bypassed"] | None = None
    event: str | None = None
    severity: Severity = "warning"
    delay: float = 0.0
    count: CountConfig | None = None
    latch: bool = False
    suppress: SuppressConfig | None = None
    guidance: str = ""
    enabled: bool = True


@dataclass(frozen=True)
class RulesFile(Strict):
    """Rules for all stands, in a file of their own."""

    alarms: dict[str, AlarmRule]


DEFAULTS: dict[str, AlarmRule] = {
    "silent": AlarmRule(
        status="silent",
        severity="critical",
        delay=5,
        guidance="its service or its computer is gone: outputs are as they were left; start it again, or "
        "`trackerdcs kill STAND --direct`",
    ),
    "fault": AlarmRule(status="fault", delay=10, guidance="its service runs, something is wrong: the error says what"),
    "stale": AlarmRule(
        stale=True,
        delay=5,
        suppress=SuppressConfig(alarm="silent"),
        guidance="no new values come: what is shown of this device is old",
    ),
    "trip": AlarmRule(
        quantity="state",
        equals="tripped",
        severity="critical",
        latch=True,
        guidance="find the cause, then clear the trip",
    ),
    "unknown": AlarmRule(
        quantity="state",
        equals="unknown",
        severity="critical",
        delay=5,
        guidance="nobody knows how this output is: look at the instrument",
    ),
    "interlock": AlarmRule(interlock="open", severity="critical", guidance="do what the interlock says, then reset it"),
    "unjudged": AlarmRule(
        interlock="unknown",
        delay=5,
        guidance="an input of the interlock or its guard is not heard: nothing can go up, and what is on comes down",
    ),
    "loader": AlarmRule(
        at="loader",
        status="silent",
        delay=5,
        guidance="nothing is written to the database; devices keep all values and send them again when it is back",
    ),
    "loader_fault": AlarmRule(at="loader", status="fault", delay=10, guidance="what is wrong is in its status"),
    "spool": AlarmRule(
        at="loader",
        quantity="spool_age",
        above=120,
        hysteresis=60,
        guidance="the database takes nothing, the loader keeps what comes: look at its disk and at the database",
    ),
}
"""Rules that are there without being written; one of the same name takes their place, `enabled: false` ends it."""


def in_force(rules: Mapping[str, AlarmRule]) -> dict[str, AlarmRule]:
    """The rules of a stand file and the defaults that it has not replaced."""
    return {name: rule for name, rule in (DEFAULTS | dict(rules)).items() if rule.enabled}


def rule_faults(rules: Mapping[str, AlarmRule]) -> Iterator[Fault]:
    """What is wrong with rules in themselves, as (field, why)."""
    for name, rule in rules.items():
        field = f"alarms.{name}"
        if not NAME.fullmatch(name) or name in NOT_AN_ITEM:
            yield field, f"alarm {name!r}: expected a small letter, then at most 31 of a-z 0-9 _ -, no reserved name"
        if rule.enabled:
            yield from ((f"{field}.{f}" if f else field, why) for f, why in _rule(rule))
    known = in_force(rules)
    for name, rule in rules.items():
        other = rule.suppress.alarm if rule.suppress else None
        if other is not None and rule.enabled:
            if other not in known:
                yield f"alarms.{name}.suppress.alarm", f"there is no rule {other!r}, expected {', '.join(known)}"
            elif name in _suppressors(other, known):
                yield (
                    f"alarms.{name}.suppress.alarm",
                    "they would hide each other",
                )


def _suppressors(name: str, rules: Mapping[str, AlarmRule]) -> list[str]:
    """A rule, what suppresses it, what suppresses that ..."""
    chain: list[str] = []
    while name in rules and name not in chain:
        chain.append(name)
        suppress = rules[name].suppress
        name = suppress.alarm or "" if suppress else ""
    return chain


def _rule(rule: AlarmRule) -> Iterator[Fault]:
    watched = [key for key in WATCHED if getattr(rule, key)]
    if len(watched) != 1:
        yield "", f"it watches {' and '.join(watched) or 'nothing'}: expected one of {', '.join(WATCHED)}"
    limits = [key for key in ("above", "below", "equals") if getattr(rule, key) is not None]
    if rule.quantity:
        if not limits or ("equals" in limits and len(limits) > 1):
            yield "quantity", "expected above, below or both, or equals"
        if rule.above is not None and rule.below is not None and rule.below + 2 * rule.hysteresis >= rule.above:
            yield (
                "below",
                f"nothing between it and above {rule.above:g} would be no alarm: hysteresis counts at both ends",
            )
        if rule.hysteresis and "equals" in limits:
            yield "hysteresis", "what equals something has none"
    else:
        yield from ((key, "only known with a quantity") for key in limits)
        if rule.hysteresis:
            yield "hysteresis", "only known with a quantity"
        if rule.count:
            yield "count", "only known with a quantity: it counts frames"
    if rule.hysteresis < 0:
        yield "hysteresis", f"expected at least 0, got {rule.hysteresis:g}"
    if not 0 <= rule.delay <= LONGEST_DELAY:
        yield "delay", f"expected 0 to {LONGEST_DELAY:g} s, got {rule.delay:g}"
    if rule.event and rule.delay:
        yield "delay", "an event happens once: it has none"
    if rule.event is not None and not NAME.fullmatch(rule.event):
        yield "event", f"event {rule.event!r}: expected a small letter, then at most 31 of a-z 0-9 _ -"
    if rule.count and not 1 <= rule.count.n <= rule.count.of <= MOST_FRAMES:
        yield "count", f"expected 1 <= n <= of <= {MOST_FRAMES}, got {rule.count.n} of {rule.count.of}"
    if rule.count and rule.delay:
        yield "delay", "delay or count, not both"
    if (s := rule.suppress) is not None:
        if (s.alarm is None) is (s.quantity is None):
            yield "suppress", "expected alarm, or quantity with equals"
        elif (s.quantity is None) is not (s.equals is None):
            yield "suppress.equals", "quantity and equals go together"
