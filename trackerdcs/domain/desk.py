"""Decides about a command before a byte is sent: accepted, refused or expired, and why."""

import sys
from dataclasses import dataclass
from typing import Any, Literal

from trackerdcs.domain.access import suffices
from trackerdcs.domain.errors import CommandRefused
from trackerdcs.domain.instrument import SAFE_COMMANDS, Argument, Channel, CommandSpec, Role
from trackerdcs.domain.messages import Command

LIFE = 10 * 10**9
"""A command in the unsafe direction is dead this many ns after its `ts`, whatever its `expires` says."""

SHARED_CLIENTS = frozenset({"web", "nodered"})
"""Command users that speak for a logged-in person: only their `by` is believed."""

UPWARDS = frozenset({"on", "set_voltage"})
"""Commands that put voltage on a sensor."""

MAX = sys.float_info.max
LONGEST_TEXT = 64
"""Characters of a text argument that says nothing else."""

Args = dict[str, float | str]


@dataclass(frozen=True)
class Policy:
    """What a device may be told: its channels as meta shows them, and by whom (None: a broker without logins).

    `unprotected`: channels of a real high-voltage supply that no interlock protects.
    """

    channels: dict[str, Channel]
    users: dict[str, Role] | None
    unprotected: frozenset[str] = frozenset()
    down_only: str | None = None
    """Why nothing but the safe direction is obeyed."""


@dataclass(frozen=True)
class Verdict:
    """`args` are the checked arguments of an accepted command; `why` is the answer to the operator otherwise."""

    state: Literal["accepted", "refused", "expired"]
    why: str | None = None
    args: Args | None = None


def judge(command: Command, user: str, *, retained: bool, now: int, policy: Policy) -> Verdict:
    """Apply the contract to a command that arrived at `now` (ns UTC) from the topic of `user`."""
    try:
        if retained:
            raise CommandRefused("retained commands are refused: send it again without the retain flag")
        spec = _spec(command, policy.channels)
        _permit(user, spec, policy.users)
        args = check_args(spec, command.args)
        if spec.reason and not (command.reason or "").strip():
            raise CommandRefused(f"{command.cmd} needs a reason")
        if policy.down_only is not None and command.cmd not in SAFE_COMMANDS:
            raise CommandRefused(f"{command.cmd}: {policy.down_only}")
        if command.ch in policy.unprotected and command.cmd in UPWARDS:
            raise CommandRefused(
                f"{command.cmd}: {command.ch} is real high voltage and no interlock protects it: "
                "the stand file has to name one"
            )
        if command.cmd not in SAFE_COMMANDS:
            if command.ts > now + LIFE:
                raise CommandRefused(
                    f"ts: the sender's clock is {(command.ts - now) / 1e9:.0f} s ahead of the device's"
                )
            dead = min(command.expires, command.ts + LIFE)
            if dead <= now:
                return Verdict("expired", f"expired {(now - dead) / 1e9:.1f} s before it arrived")
    except CommandRefused as e:
        return Verdict("refused", str(e))
    return Verdict("accepted", None, args)


def person(command: Command, user: str) -> str | None:
    """The person behind a command, as far as it can be believed."""
    return command.by if user in SHARED_CLIENTS else None


def check_args(spec: CommandSpec, args: dict[str, Any]) -> Args:
    """The arguments of a command, complete, of the right type and in range; raises CommandRefused."""
    for name in args:
        if name not in spec.args:
            raise CommandRefused(f"argument {name!r} is unknown, expected {_names(spec.args) or 'none'}")
    wanted = {name: argument for name, argument in spec.args.items() if name in args or not argument.optional}
    return {name: _checked(name, argument, args) for name, argument in wanted.items()}


def _checked(name: str, argument: Argument, args: dict[str, Any]) -> float | str:
    if name not in args:
        raise CommandRefused(f"argument {name!r} is missing")
    value = args[name]
    if argument.type == "text":
        longest = int(argument.high or LONGEST_TEXT)
        if not isinstance(value, str) or len(value) > longest or not value.isprintable():
            most = f"expected a printable text of at most {longest} characters"
            raise CommandRefused(f"{name}: {most}, got {str(value)[:40]!r}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MAX <= value <= MAX:
        raise CommandRefused(f"{name}: expected a number, got {str(value)[:40]!r}")
    low, high = argument.low, argument.high
    if (low is not None and value < low) or (high is not None and value > high):
        raise CommandRefused(
            f"{name}: {value:g} {argument.unit} is outside {_bound(low)} to {_bound(high)} {argument.unit}"
        )
    return float(value)


def _bound(limit: float | None) -> str:
    return "any" if limit is None else f"{limit:g}"


def _names(mapping: dict[str, Any]) -> str:
    return ", ".join(mapping)


def _spec(command: Command, channels: dict[str, Channel]) -> CommandSpec:
    channel = channels.get(command.ch)
    if channel is None:
        raise CommandRefused(f"channel {command.ch!r} is unknown, expected {_names(channels)}")
    spec = channel.commands.get(command.cmd)
    if spec is None:
        raise CommandRefused(
            f"command {command.cmd!r} is unknown to {command.ch}, expected {_names(channel.commands) or 'none'}"
        )
    return spec


def _permit(user: str, spec: CommandSpec, users: dict[str, Role] | None) -> None:
    if users is None:
        return
    if user not in users:
        raise CommandRefused(f"user {user!r} is not among the command users of this stand")
    if not suffices(users[user], spec.role):
        raise CommandRefused(f"user {user!r} has the role {users[user]}, this needs {spec.role}")
