"""Who may write and read what on the bus: the lines of the broker's access list, user by user.

A user is named after the subtree that he owns. No line holds for everybody: the broker's `pattern` lines, which put the
name of whoever is connected into a topic, would let a device command itself and a service open an interlock.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trackerdcs.domain.topics import (
    ALARMS,
    DERIVED,
    DEVICE_LEAVES,
    GUARD,
    LOADER,
    NOTIFY,
    PROBE,
    RECORDER,
    ROOT,
    SITE,
    alarms_of,
    all_of,
    any_device,
    command,
    commands_by,
    commands_of,
    interlocks_of,
    kills_by,
    kills_of,
    login,
    of_device,
    runs_of,
    stored,
)

COMMANDERS = ("cli", "nodered", "web")
"""Clients that pass on what people ask for."""
FLOWS = "lab/nodered/#"
"""Where the flows of a lab may speak, and nobody else: loaders read it by a mapping file."""
UPTIME = "$SYS/broker/uptime"
"""All that somebody without a login may know: the container's health check."""
HEAD = """\
# Written by `trackerdcs secrets` from the stand files, anew each time: what is changed here does not stay.
# Who may write and read what; what is not here is forbidden. Explained in doc/reference/access-list.md."""


@dataclass(frozen=True)
class Bench:
    """What the access list has to know of a stand."""

    stand: str
    devices: tuple[str, ...]
    bridges: tuple[str, ...] = ()
    """Services that pilot calibrations."""
    derived: bool = False
    """Does it have derived quantities?"""
    notify: bool = False
    """Is somebody told of its alarms?"""

    @property
    def services(self) -> tuple[str, ...]:
        """Its devices, its guard, its alarms, its bridges and what else speaks for it, each with a login."""
        return (*self.devices, GUARD, ALARMS, *self.bridges, *[DERIVED] * self.derived, *[NOTIFY] * self.notify)


def access_list(benches: Sequence[Bench], loaders: Sequence[str] = (LOADER,), foreign: Sequence[str] = ()) -> str:
    """The file for the broker. `foreign` are the filters of a mapping file, which loaders read."""
    parts = [f"{HEAD}\n\n# Nobody in particular.\ntopic read {UPTIME}"]
    for bench in benches:
        parts += [_user(login(bench.stand, name), _device(bench.stand, name)) for name in bench.devices]
        parts.append(_user(login(bench.stand, GUARD), _guard(bench.stand)))
        parts.append(_user(login(bench.stand, ALARMS), _alarms(bench.stand)))
        parts += [_user(login(bench.stand, name), _bridge(bench, name)) for name in bench.bridges]
        parts += [_user(login(bench.stand, DERIVED), _derived(bench.stand))] * bench.derived
        parts += [_user(login(bench.stand, NOTIFY), _notify(bench.stand))] * bench.notify
    stands = [bench.stand for bench in benches]
    parts += [_user(login(SITE, name), _loader(name, stands, foreign)) for name in loaders]
    parts.append(_user(login(SITE, RECORDER), _recorder(stands)))
    parts += [_user(name, _commander(name)) for name in COMMANDERS]
    return "\n\n".join(parts) + "\n"


def _user(name: str, lines: Iterator[str]) -> str:
    return "\n".join([f"user {name}", *(f"topic {line}" for line in lines)])


def _own(stand: str, device: str) -> Iterator[str]:
    """What a service says of itself. Commands to it are not among it: nobody commands himself."""
    for leaf in sorted(DEVICE_LEAVES):
        yield f"write {of_device(stand, device, leaf)}"


def _device(stand: str, device: str) -> Iterator[str]:
    yield from _own(stand, device)
    yield f"read {commands_of(stand, device)}"
    yield f"read {kills_of(stand)}"
    yield f"read {of_device(stand, device, 'status')}"  # somebody else of this name is seen by it
    yield f"read {stored(stand)}"
    yield f"read {any_device(SITE, 'status')}"  # is a loader there?
    yield f"read {interlocks_of(stand)}"
    yield f"read {runs_of(stand)}"
    for leaf in ("event", "frame"):  # of what its outputs depend on: dry gas, another supply, the guard
        yield f"read {any_device(stand, leaf)}"


def _guard(stand: str) -> Iterator[str]:
    yield from _own(stand, GUARD)
    yield f"write {interlocks_of(stand)}"
    yield f"read {all_of(stand)}"


def _alarms(stand: str) -> Iterator[str]:
    yield from _own(stand, ALARMS)
    yield f"write {alarms_of(stand)}"
    yield f"read {all_of(stand)}"
    for leaf in ("frame", "status"):  # is a loader there, and does it get on?
        yield f"read {any_device(SITE, leaf)}"


def _notify(stand: str) -> Iterator[str]:
    yield from _own(stand, NOTIFY)
    yield f"read {commands_of(stand, NOTIFY)}"
    yield f"read {of_device(stand, NOTIFY, 'status')}"  # somebody else of this name is seen by it
    yield f"read {of_device(stand, ALARMS, 'status')}"
    yield f"read {alarms_of(stand)}"


def _bridge(bench: Bench, name: str) -> Iterator[str]:
    """It says how runs are, and may hold outputs of its stand: each command is under its own name."""
    yield from _own(bench.stand, name)
    yield f"write {runs_of(bench.stand)}"
    for device in bench.devices:
        yield f"write {command(bench.stand, device, name)}"
    yield f"read {all_of(bench.stand)}"
    yield f"read {any_device(SITE, 'status')}"


def _derived(stand: str) -> Iterator[str]:
    yield from _own(stand, DERIVED)
    yield f"read {of_device(stand, DERIVED, 'status')}"  # somebody else of this name is seen by it
    yield f"read {any_device(stand, 'frame')}"
    yield f"read {stored(stand)}"
    yield f"read {any_device(SITE, 'status')}"  # is a loader there?


def _loader(name: str, stands: Sequence[str], foreign: Sequence[str]) -> Iterator[str]:
    yield from _own(SITE, name)
    for stand in (*stands, SITE):
        yield f"write {stored(stand)}"
        yield f"read {all_of(stand)}"
    for topics in foreign:
        yield f"read {topics}"


def _recorder(stands: Sequence[str]) -> Iterator[str]:
    yield from _own(SITE, RECORDER)
    for stand in stands:
        for leaf in ("cmd/+", "ack", "event", "frame"):
            yield f"read {any_device(stand, leaf)}"
        yield f"read {kills_of(stand)}"


def _commander(name: str) -> Iterator[str]:
    """Every stand and device with a `+`: whose command counts for what is said by each stand file (`users`)."""
    yield f"write {commands_by(name)}"
    yield f"write {kills_by(name)}"
    yield f"read {ROOT}/#"
    if name == "nodered":  # what a lab's own flows have to say, outside the contract
        yield f"write {FLOWS}"
    if name == "cli":  # `trackerdcs doctor`
        yield f"readwrite {PROBE}/+"
        yield "read $SYS/#"
