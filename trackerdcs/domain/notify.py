"""Who is told of which alarms, and how, as the stand file has it."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.interlock import Fault, Strict
from trackerdcs.domain.messages import Severity
from trackerdcs.domain.topics import checked

SHIFT = "shift"
"""In a step of the escalation: whoever is on shift."""


@dataclass(frozen=True)
class AddressConfig(Strict):
    """Where to send to: `url_file` holds the one line that says it all, with the password or the key in it."""

    url_file: str


@dataclass(frozen=True)
class PersonConfig(Strict):
    """Who may be told: at which addresses, `at` which nodes of the stand (`hv1`, `hv1.ch0`; all if absent), from which
    severity on."""

    addresses: tuple[str, ...]
    at: tuple[str, ...] = ()
    least: Severity = "warning"


@dataclass(frozen=True)
class StepConfig(Strict):
    """Who is told when an alarm has not been acknowledged for `after` s."""

    to: tuple[str, ...]
    after: float = 0.0


@dataclass(frozen=True)
class AliveConfig(Strict):
    """A watcher elsewhere that is called each `every` s while the alarm system is well: its silence is the alarm."""

    url_file: str
    every: float = 60.0


@dataclass(frozen=True)
class NotifyConfig(Strict):
    """Notifications of a stand. `shift`: who is on shift until somebody commands otherwise."""

    addresses: dict[str, AddressConfig] = field(default_factory=dict)
    people: dict[str, PersonConfig] = field(default_factory=dict)
    shift: tuple[str, ...] = ()
    escalation: tuple[StepConfig, ...] = field(default_factory=lambda: (StepConfig((SHIFT,)),))
    alive: AliveConfig | None = None


def notify_faults(config: NotifyConfig | None, devices: Collection[str]) -> Iterator[Fault]:
    """What is wrong with it, as (field, why)."""
    if config is None:
        return
    for name in config.addresses:
        yield from _name(f"notify.addresses.{name}", name, "address")
    for name, person in config.people.items():
        at = f"notify.people.{name}"
        yield from _name(at, name, "person", frozenset({SHIFT}))
        if not person.addresses:
            yield f"{at}.addresses", "a person whom nothing reaches is never told: expected at least one address"
        yield from _known(f"{at}.addresses", person.addresses, config.addresses)
        yield from _known(f"{at}.at", [node.partition(".")[0] for node in person.at], devices)
    yield from _known("notify.shift", config.shift, config.people)
    if not config.people:
        yield "notify.people", "nobody would ever be told: expected at least one person"
    if not config.escalation:
        yield "notify.escalation", "nobody would ever be told: expected at least one step"
    before = 0.0
    for i, step in enumerate(config.escalation):
        if not step.to:
            yield f"notify.escalation.{i}.to", f"expected people, or {SHIFT}"
        yield from _known(f"notify.escalation.{i}.to", step.to, {*config.people, SHIFT})
        if not before <= step.after < math.inf:
            yield f"notify.escalation.{i}.after", f"expected s of at least {before:g}, got {step.after:g}: steps go on"
        before = max(before, step.after)
    if config.alive is not None and not 1 <= config.alive.every < math.inf:
        yield "notify.alive.every", f"expected at least 1 s, got {config.alive.every:g}"


def _known(field: str, names: Collection[str], known: Collection[str]) -> Iterator[Fault]:
    for name in names:
        if name not in known:
            yield field, f"{name!r} is unknown, expected {', '.join(sorted(known)) or 'none'}"


def _name(field: str, name: str, what: str, forbidden: frozenset[str] = frozenset()) -> Iterator[Fault]:
    try:
        checked(name, what, forbidden)
    except ContractError as e:
        yield field, str(e)
