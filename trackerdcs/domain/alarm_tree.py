"""Which alarms the rules of a stand make: one for each thing below the node of a rule that it can watch."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from trackerdcs.domain.alarm_config import DEFAULTS, AlarmRule, in_force
from trackerdcs.domain.freshness import HEARTBEAT
from trackerdcs.domain.instrument import UNITS, Channel, Quantity
from trackerdcs.domain.interlock import Fault
from trackerdcs.domain.messages import NO_CHANNEL, TEXT
from trackerdcs.domain.topics import GUARD, LOADER, NAME
from trackerdcs.domain.wiring import SWITCH, Devices, Wired, parts

LOADERS_OWN = ("waiting", "spool_size", "spool_age", "lag", "parked", "stored_rate", "received_rate")
"""Quantities of a loader that are no sums since its start."""


@dataclass(frozen=True)
class Watched:
    """One alarm to be: what it is called, by which rule, which node of the tree it is about (`hv1.ch0`, `hv1`, or ``).

    `of`: the same with the quantity; `item`: the interlock; `hush` and `hushed_by`: the quantity and the alarms that
    suppress it.
    """

    name: str
    rule_name: str
    rule: AlarmRule
    node: str
    of: str
    item: str = ""
    hush: str | None = None
    hushed_by: tuple[str, ...] = ()

    @property
    def device(self) -> str:
        return self.node.partition(".")[0]


@dataclass(frozen=True)
class Tree:
    """A stand as far as alarms can be about it: devices with frames, services that only have a status, interlocks."""

    devices: Devices
    services: tuple[str, ...] = ()
    interlocks: tuple[str, ...] = ()
    loader: Wired = field(default_factory=lambda: Wired(LOADER, {NO_CHANNEL: _loaders()}, HEARTBEAT))

    @property
    def all_devices(self) -> dict[str, Wired]:
        """The devices of the stand and the site's loader."""
        return {**self.devices, LOADER: self.loader}


def tree_of(devices: Devices, interlocks: Mapping[str, object], bridges: Mapping[str, object]) -> Tree:
    """The tree of a stand file; a guard is there if there is something to guard."""
    return Tree(devices, (*([GUARD] if interlocks else []), *bridges), tuple(interlocks))


def alarms_of(rules: Mapping[str, AlarmRule], tree: Tree) -> dict[str, Watched]:
    """All alarms of a stand by name, those that suppress before those that they suppress."""
    found: dict[str, Watched] = {}
    for name, rule in in_force(rules).items():
        for watched in _instances(name, rule, tree):
            found.setdefault(watched.name, watched)
    linked = {name: replace(w, hush=_hush(w), hushed_by=_hushed_by(w, found)) for name, w in found.items()}
    return {name: linked[name] for name in _sorted(linked)}


def fitting(rules: Mapping[str, AlarmRule], tree: Tree) -> dict[str, AlarmRule]:
    """Of rules that were written for several stands, those that cover something of this one."""
    return {
        n: r for n, r in rules.items() if _no_node(r, tree) is None and (not r.enabled or any(_instances(n, r, tree)))
    }


def alarm_misfits(rules: Mapping[str, AlarmRule], tree: Tree) -> Iterator[Fault]:
    """Rules that fit nothing of the stand, as (field, why)."""
    names: dict[str, str] = {}
    for name, rule in rules.items():
        if not rule.enabled:
            continue
        field = f"alarms.{name}"
        if why := _no_node(rule, tree):
            yield f"{field}.at", why
            continue
        instances = list(_instances(name, rule, tree))
        if not instances:
            yield field, f"it covers nothing: {_nothing(rule, tree)}"
        for watched in instances:
            if not NAME.fullmatch(watched.name):
                yield (
                    field,
                    f"alarm {watched.name!r} has {len(watched.name)} characters, at most 32: shorten the rule's name",
                )
            if (other := names.setdefault(watched.name, name)) != name:
                yield field, f"its alarm {watched.name} is one of {other} already: rename one of the two"
            if unlike := _unlike(watched, tree):
                yield f"{field}.{unlike[0]}", unlike[1]
                break


def _instances(name: str, rule: AlarmRule, tree: Tree) -> Iterator[Watched]:
    if rule.interlock is not None:
        for item in tree.interlocks:
            if rule.at in (None, item):
                yield Watched(_name(name, rule, item), name, rule, "", "", item)
        return
    for node, of in _nodes(rule, tree):
        yield Watched(_name(name, rule, node), name, rule, node, of)


def _nodes(rule: AlarmRule, tree: Tree) -> Iterator[tuple[str, str]]:
    """Node and `of` of all that a rule can watch. What is not of the stand has to be named."""
    for name, device in tree.all_devices.items():
        if name == LOADER and rule.at != LOADER:
            continue
        if rule.quantity:
            for ch, channel in device.channels.items():
                node = name if ch == NO_CHANNEL else f"{name}.{ch}"
                if rule.quantity in channel.quantities and _covers(rule.at, node):
                    yield node, f"{node}.{rule.quantity}"
        elif _covers(rule.at, name):
            yield name, name
        elif rule.event and rule.at and _covers(name, rule.at) and rule.at.partition(".")[2] in device.channels:
            yield rule.at, rule.at
    if rule.status or rule.event:
        yield from ((name, name) for name in tree.services if _covers(rule.at, name))


def _covers(at: str | None, node: str) -> bool:
    return at is None or node == at or node.startswith(f"{at}.")


def _name(rule_name: str, rule: AlarmRule, node: str) -> str:
    """A rule that names the very thing gives its name; of a default, which nobody can rename, a long one is cut."""
    name = rule_name if node == rule.at else f"{rule_name}-{node.replace('.', '-')}"
    if not NAME.fullmatch(name) and rule == DEFAULTS.get(rule_name):
        return f"{name[:25]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return name


def _no_node(rule: AlarmRule, tree: Tree) -> str | None:
    """Why there is no such node, or None."""
    if rule.at is None:
        return None
    if rule.interlock is not None:
        known = tree.interlocks
        return None if rule.at in known else f"there is no interlock {rule.at!r}, expected {', '.join(known) or 'none'}"
    name, dot, ch = rule.at.partition(".")
    devices = tree.all_devices
    if name not in devices and name not in tree.services:
        return f"the stand has no device {name!r}, it has {', '.join([*devices, *tree.services])}"
    if dot and (name not in devices or ch not in devices[name].channels):
        channels = devices[name].channels if name in devices else {}
        return f"{name} has no channel {ch!r}, it has {', '.join(channels) or 'none'}"
    return None


def _nothing(rule: AlarmRule, tree: Tree) -> str:
    if rule.interlock is not None:
        return "the stand has no interlocks"
    where = rule.at or "the stand"
    if rule.quantity is None:
        return f"{where} has nothing of the kind"
    known = {
        q
        for name, d in tree.all_devices.items()
        if name != LOADER or rule.at == LOADER
        for ch, c in d.channels.items()
        if _covers(rule.at, f"{name}.{ch}")
        for q in c.quantities
    }
    return f"{where} has no quantity {rule.quantity!r}, it has {', '.join(sorted(known))}"


def _unlike(watched: Watched, tree: Tree) -> tuple[str, str] | None:
    """A field whose value is of another type than the quantity, and why."""
    rule, devices = watched.rule, tree.all_devices
    if rule.quantity and (why := _type_fault(watched.of, rule.equals, devices)):
        return ("equals" if rule.equals is not None else "quantity"), why
    hush, suppress = _hush(watched), rule.suppress
    if hush is not None and suppress is not None and (why := _type_fault(hush, suppress.equals, devices)):
        return "suppress.quantity", why
    return None


def _type_fault(of: str, equals: bool | str | None, devices: Mapping[str, Wired]) -> str | None:
    name, ch, quantity = parts(of) or ("", "", "")
    channel = devices[name].channels.get(ch) if name in devices else None
    if channel is None or quantity not in channel.quantities:
        return f"{of}: the stand has no such quantity"
    unit = channel.quantities[quantity].unit or UNITS.get(quantity, "")
    wanted = str if quantity == TEXT else bool if unit == SWITCH and name != LOADER else None
    if wanted is None:
        return f"{of} is a number: expected above or below" if equals is not None else None
    if not isinstance(equals, wanted):
        like = "a text" if wanted is str else "true or false"
        return f"{of} is {like}: expected equals with {like}"
    return None


def _hush(watched: Watched) -> str | None:
    """The quantity that suppresses it, in full."""
    quantity = watched.rule.suppress.quantity if watched.rule.suppress else None
    if quantity is None or "." in quantity or not watched.node:
        return quantity
    return f"{watched.node}.{quantity}"


def _hushed_by(watched: Watched, found: Mapping[str, Watched]) -> tuple[str, ...]:
    """The alarms of the rule that suppresses it that are about its node or one above."""
    other = watched.rule.suppress.alarm if watched.rule.suppress else None
    if other is None:
        return ()
    return tuple(
        name for name, w in found.items() if w.rule_name == other and (not w.node or _covers(w.node, watched.node))
    )


def _sorted(found: Mapping[str, Watched]) -> list[str]:
    order: dict[str, None] = {}

    def place(name: str) -> None:
        for other in found[name].hushed_by:
            if other not in order:
                place(other)
        order[name] = None

    for name in found:
        if name not in order:
            place(name)
    return list(order)


def _loaders() -> Channel:
    return Channel({name: Quantity(UNITS[name]) for name in LOADERS_OWN})
