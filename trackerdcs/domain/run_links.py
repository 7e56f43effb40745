"""What is kept beside runs: modules on channels with validity, commands with their ends, folders in quarantine."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Binding:
    """A module on a channel from `start` (ns UTC) on, until `stop` if that has come. None: no module."""

    stand: str
    device: str
    channel: str
    module: str | None
    start: int
    stop: int | None = None

    def holds(self, ts: int) -> bool:
        """Whether it was so at a time."""
        return self.start <= ts and (self.stop is None or ts < self.stop)


@dataclass(frozen=True)
class BindingQuery:
    """Which bindings; what is None does not matter. `at`: those that held at this time."""

    stand: str | None = None
    device: str | None = None
    channel: str | None = None
    module: str | None = None
    at: int | None = None

    def takes(self, binding: Binding) -> bool:
        """Whether a binding is meant."""
        names = ("stand", "device", "channel", "module")
        meant = all(getattr(self, n) is None or getattr(self, n) == getattr(binding, n) for n in names)
        return meant and (self.at is None or binding.holds(self.at))


@dataclass(frozen=True)
class StoredCommand:
    """A command as it was heard on the bus (`ts`, ns UTC, its sender's), and its last answer if one was heard."""

    id: str
    stand: str
    device: str
    user: str
    cmd: str
    ts: int
    channel: str = "-"
    args: dict[str, Any] = field(default_factory=dict)
    by: str | None = None
    reason: str | None = None
    state: str | None = None
    why: str | None = None
    readback: dict[str, Any] = field(default_factory=dict)
    answered: int | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Who sends an id twice to one device means the same command."""
        return (self.stand, self.device, self.user, self.id)

    @property
    def place(self) -> "Place":
        """Where it is in the order of time."""
        return (self.ts, *self.key)


Place = tuple[int, str, str, str, str]
"""Time, stand, device, user and id of a command."""


@dataclass(frozen=True)
class CommandQuery:
    """Which commands; what is None does not matter. `who` is the person or the client; `since` and `until` in ns UTC.
    By time, at most `limit`, and then the newest of them; only those that are before `before` in that order."""

    stand: str | None = None
    device: str | None = None
    user: str | None = None
    since: int | None = None
    until: int | None = None
    limit: int = 1000
    cmd: str | None = None
    who: str | None = None
    before: Place | None = None
    id: str | None = None

    def takes(self, command: StoredCommand) -> bool:
        """Whether a command is meant."""
        meant = all(getattr(self, n) in (None, getattr(command, n)) for n in ("stand", "device", "user", "cmd", "id"))
        early = self.since is not None and command.ts < self.since
        late = self.until is not None and command.ts >= self.until
        by = self.who is None or self.who in (command.by, command.user)
        return meant and by and not early and not late and (self.before is None or command.place < self.before)


@dataclass(frozen=True)
class Quarantined:
    """A folder that could not be imported as it is: why, what was saved of it (`run`), and when it was last tried.

    `id` is made of host and path: a folder is in quarantine once, whatever is wrong with it.
    """

    id: str
    host: str
    folder: str
    code: str
    text: str
    since: int
    tried: int
    run: str | None = None
    importer: int = 0


def joined(known: Iterable[Binding], new: Binding) -> list[Binding]:
    """All bindings of one channel once `new` is known, in whatever order they are heard: each ends where the next one
    begins, and what says again what holds already is no binding of its own."""
    by_start = {b.start: b for b in known} | {new.start: new}
    found: list[Binding] = []
    for binding in (by_start[start] for start in sorted(by_start)):
        if found:
            last = found[-1]
            if last.module == binding.module and (last.stop is None or last.stop >= binding.start):
                found[-1] = replace(last, stop=binding.stop)
                continue
            if last.stop is None or last.stop > binding.start:
                found[-1] = replace(last, stop=binding.start)
        found.append(binding)
    return found
