"""Topics of the contract: the only file that builds or parses one."""

import re
from dataclasses import dataclass

from trackerdcs.domain.errors import ContractError

ROOT = "dcs/v1"
SITE = "site"
PROBE = "dcs/probe"
"""Outside the contract, so that no loader and no `watch` hears what a probe of the broker sends."""
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
RUN = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""The id of a run; bridges give 32 hexadecimal digits."""
NOT_A_DEVICE = frozenset({"interlock", "alarm", "kill", "run", "stored"})
NOT_AN_ITEM = frozenset({"meta", "status", "frame", "replay", "cmd", "ack", "event"})
DEVICE_LEAVES = frozenset({"meta", "status", "frame", "replay", "ack", "event"})
RETAINED = frozenset({"meta", "status", "frame", "interlock", "alarm", "run"})
LOADER = "loader"
GUARD = "guard"
DERIVED = "derived"
ALARMS = "alarms"
NOTIFY = "notify"
RECORDER = "recorder"
ADDRESSES = {leaf: f"{ROOT}/{{stand}}/{{device}}/{leaf}" for leaf in sorted(DEVICE_LEAVES)} | {
    "cmd": f"{ROOT}/{{stand}}/{{device}}/cmd/{{user}}",
    "stored": f"{ROOT}/{{stand}}/stored",
    "interlock": f"{ROOT}/{{stand}}/interlock/{{interlock}}",
    "alarm": f"{ROOT}/{{stand}}/alarm/{{alarm}}",
    "kill": f"{ROOT}/{{stand}}/kill/{{user}}",
    "run": f"{ROOT}/{{stand}}/run/{{run}}",
}
"""Topics by kind with their parts as parameters, for documents."""


def checked(name: str, what: str, forbidden: frozenset[str] = frozenset()) -> str:
    """Return `name` if the contract allows it as the name of `what`, else raise ContractError."""
    if not NAME.fullmatch(name):
        raise ContractError(f"{what} {name!r}: expected a small letter, then at most 31 of a-z 0-9 _ -")
    if name in forbidden:
        raise ContractError(f"{what} {name!r}: this name is reserved")
    return name


@dataclass(frozen=True)
class Topic:
    """A parsed topic: `kind` is its leaf or branch (`frame`, `cmd`, `stored` ...), `item` what follows a branch."""

    stand: str
    kind: str
    device: str | None = None
    item: str | None = None


def of_device(stand: str, device: str, leaf: str) -> str:
    """The topic of one of a device's own leaves: meta, status, frame, replay, ack or event."""
    if leaf not in DEVICE_LEAVES:
        raise ContractError(f"leaf {leaf!r}: expected one of {', '.join(sorted(DEVICE_LEAVES))}")
    return f"{ROOT}/{checked(stand, 'stand')}/{checked(device, 'device', NOT_A_DEVICE)}/{leaf}"


def login(stand: str, device: str) -> str:
    """The name under which a service logs in to the broker: the part of the tree that is its own."""
    return f"{checked(stand, 'stand')}/{checked(device, 'device', NOT_A_DEVICE)}"


def command(stand: str, device: str, user: str) -> str:
    """The topic on which `user` commands a device."""
    checked(user, "user", NOT_AN_ITEM)
    return f"{ROOT}/{checked(stand, 'stand')}/{checked(device, 'device', NOT_A_DEVICE)}/cmd/{user}"


def stored(stand: str) -> str:
    """The topic on which loaders confirm the stored ranges of a stand."""
    return f"{ROOT}/{checked(stand, 'stand')}/stored"


def interlock(stand: str, name: str) -> str:
    """The topic on which a stand's guard says the state of an interlock."""
    return f"{ROOT}/{checked(stand, 'stand')}/interlock/{checked(name, 'interlock', NOT_AN_ITEM)}"


def interlocks_of(stand: str) -> str:
    """The filter of all interlocks of a stand."""
    return f"{ROOT}/{stand}/interlock/+"


def alarm(stand: str, name: str) -> str:
    """The topic on which a stand's alarm service says the state of an alarm."""
    return f"{ROOT}/{checked(stand, 'stand')}/alarm/{checked(name, 'alarm', NOT_AN_ITEM)}"


def alarms_of(stand: str) -> str:
    """The filter of all alarms of a stand."""
    return f"{ROOT}/{stand}/alarm/+"


def run(stand: str, id: str) -> str:
    """The topic on which a bridge says how a run is."""
    if not RUN.fullmatch(id):
        raise ContractError(f"run {id!r}: expected at most 64 of A-Z a-z 0-9 _ -")
    return f"{ROOT}/{checked(stand, 'stand')}/run/{id}"


def runs_of(stand: str) -> str:
    """The filter of all runs of a stand."""
    return f"{ROOT}/{stand}/run/+"


def kill(stand: str, user: str) -> str:
    """The topic on which `user` brings every high voltage of a stand down."""
    return f"{ROOT}/{checked(stand, 'stand')}/kill/{checked(user, 'user', NOT_AN_ITEM)}"


def kills_of(stand: str) -> str:
    """The filter of all kills of a stand."""
    return f"{ROOT}/{stand}/kill/+"


def probe(name: str) -> str:
    """A topic for one probe of the broker alone."""
    return f"{PROBE}/{name}"


def any_device(stand: str, leaf: str) -> str:
    """The filter of one leaf over all devices of a stand (`+` for all stands)."""
    return f"{ROOT}/{stand}/+/{leaf}"


def commands_of(stand: str, device: str) -> str:
    """The filter of all commands to one device."""
    return f"{ROOT}/{stand}/{device}/cmd/+"


def commands_by(user: str) -> str:
    """The filter of all commands that `user` gives, to any device of any stand."""
    return f"{ROOT}/+/+/cmd/{checked(user, 'user', NOT_AN_ITEM)}"


def kills_by(user: str) -> str:
    """The filter of all kills by `user`, of any stand."""
    return f"{ROOT}/+/kill/{checked(user, 'user', NOT_AN_ITEM)}"


def all_of(stand: str) -> str:
    """The filter of everything that a stand says (`+` for all stands)."""
    return f"{ROOT}/{stand}/#"


def parse(topic: str) -> Topic:
    """Take a topic apart; raises ContractError naming the part that the contract does not know."""
    parts = topic.split("/")
    if "/".join(parts[:2]) != ROOT:
        raise ContractError(f"topic {topic!r}: does not begin with {ROOT}/")
    match parts[2:]:
        case [stand, "stored"]:
            return Topic(checked(stand, "stand"), "stored")
        case [stand, ("interlock" | "alarm" | "kill") as branch, item]:
            return Topic(checked(stand, "stand"), branch, None, checked(item, branch, NOT_AN_ITEM))
        case [stand, "run", item] if RUN.fullmatch(item):
            return Topic(checked(stand, "stand"), "run", None, item)
        case [stand, device, "cmd", user]:
            checked(user, "user", NOT_AN_ITEM)
            return Topic(checked(stand, "stand"), "cmd", checked(device, "device", NOT_A_DEVICE), user)
        case [stand, device, leaf] if leaf in DEVICE_LEAVES:
            return Topic(checked(stand, "stand"), leaf, checked(device, "device", NOT_A_DEVICE))
    raise ContractError(f"topic {topic!r}: the contract has no such topic")


def matches(pattern: str, topic: str) -> bool:
    """True if an MQTT filter with + and # selects the topic."""
    want, have = pattern.split("/"), topic.split("/")
    if topic.startswith("$") and want[0] in ("+", "#"):  # a broker's own topics are only given to those who name them
        return False
    for i, level in enumerate(want):
        if level == "#":
            return True
        if i >= len(have) or level not in ("+", have[i]):
            return False
    return len(want) == len(have)


def is_loader(topic: Topic) -> bool:
    """True for the topics of a loader: a device of the stand `site` named `loader` or `loader-...`."""
    name = topic.device or ""
    return topic.stand == SITE and (name == LOADER or name.startswith(f"{LOADER}-"))
