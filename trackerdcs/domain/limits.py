"""What the stand file leaves of what a driver says its instrument can do."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.instrument import Argument, Channel, CommandSpec, Quantity
from trackerdcs.domain.messages import NO_CHANNEL
from trackerdcs.domain.modules import ModuleLimits, Modules
from trackerdcs.domain.resource import Wire
from trackerdcs.domain.stand import ChannelConfig, DeviceConfig

ORDERS = {"set_voltage": ("v", "v_set"), "set_current_limit": ("i", "i_limit")}
"""Commands that a channel's limits narrow: their argument, and the setpoint that it becomes."""

BOUNDS = {
    "v_min": ("set_voltage", "v"),
    "v_max": ("set_voltage", "v"),
    "i_limit_max": ("set_current_limit", "i"),
    "ramp_up": ("set_ramp", "up"),
    "ramp_down": ("set_ramp", "down"),
    "kill_rate": ("set_ramp", "down"),
}
"""Limits of a channel that the instrument must be able to keep: the command and the argument that would set them."""

LONGEST_LEASE = 3600.0
"""s; a procedure that lasts longer says meanwhile that it is still there."""

SLOWEST = 0.1
"""V/s; a slower ramp would look like none."""

KILL_PATIENCE = 1.0
"""Seconds that an exchange of a high-voltage supply may take: a kill waits for the one under way (SAFETY 8)."""

NEEDED = ("v_min", "v_max", "i_limit_max")


def narrow(channels: dict[str, Channel], config: DeviceConfig) -> dict[str, Channel]:
    """The configured channels of a device, within the limits of the stand file; raises ConfigError listing all faults.

    A driver whose only channel is `-` needs no listing. Measured quantities keep their range: it is the instrument's,
    and noise beyond a setpoint's limit is no sign of a broken reading.
    """
    if faults := excesses(channels, config):
        raise ConfigError("; ".join(f"{field}: {why}" for field, why in faults))
    return {name: narrowed(channels[name], c) for name, c in _configured(channels, config).items()}


def with_procedures(channel: Channel, kind: str, c: ChannelConfig | None) -> Channel:
    """The commands that the device service adds to a driver's: bind for all, the rest for a voltage."""
    commands = dict(channel.commands) | {"bind": CommandSpec({"module": Argument("text")})}
    if "set_voltage" in commands:
        commands["hold"] = CommandSpec()
        commands["lease"] = CommandSpec({"seconds": Argument("number", "s", 1.0, LONGEST_LEASE)})
        commands["release"] = CommandSpec()
    commands.pop("set_ramp", None)
    if "set_voltage" in commands and kind == "hv" and c is not None:
        rates = {"up": c.ramp_up, "down": c.ramp_down}
        commands["set_ramp"] = CommandSpec({n: Argument("number", "V/s", SLOWEST, high) for n, high in rates.items()})
    return replace(channel, commands=commands)


def excesses(channels: dict[str, Channel], config: DeviceConfig) -> list[tuple[str, str]]:
    """Where the stand file asks for more than the instrument has, or leaves a limit open, as (field, why)."""
    configured, faults = _configured(channels, config), []
    for name, c in configured.items():
        if name in channels:
            faults += [(f"channels.{name}.{field}", why) for field, why in _excesses(channels[name], c)]
        else:
            why = f"{config.driver} has no such channel, expected one of {', '.join(channels)}"
            faults.append((f"channels.{name}", why))
    if not configured:
        faults.append(("channels", f"nothing is polled or commanded unless listed: {', '.join(channels)}"))
    return faults


def slow_link(kind: str, config: DeviceConfig, wire: Wire) -> list[tuple[str, str]]:
    """Whether a kill could wait too long for an exchange, as (field, why); `wire`: the driver's own."""
    timeout = config.link.timeout or wire.timeout
    if kind != "hv" or timeout <= KILL_PATIENCE:
        return []
    return [
        ("link.timeout", f"{timeout:g} s: a kill waits for it, at most {KILL_PATIENCE:g} s on a high-voltage supply")
    ]


def _configured(channels: dict[str, Channel], config: DeviceConfig) -> dict[str, ChannelConfig]:
    return config.channels or ({NO_CHANNEL: ChannelConfig()} if list(channels) == [NO_CHANNEL] else {})


def _excesses(channel: Channel, c: ChannelConfig) -> Iterator[tuple[str, str]]:
    settable = "set_voltage" in channel.commands
    for field in NEEDED:
        if settable and getattr(c, field) is None:
            yield field, "missing: a channel that can be set has v_min, v_max and i_limit_max"
        elif not settable and getattr(c, field) is not None:
            yield field, "this channel cannot be set"
    for field, (command, name) in BOUNDS.items():
        if command in channel.commands:
            yield from _outside(field, getattr(c, field), channel.commands[command].args[name])


def _outside(field: str, value: float | None, argument: Argument) -> Iterator[tuple[str, str]]:
    low, high, unit = argument.low, argument.high, argument.unit
    if value is not None and low is not None and value < low:
        yield field, f"{value:g} {unit} is below the {low:g} {unit} of the instrument"
    if value is not None and high is not None and value > high:
        yield field, f"{value:g} {unit} is above the {high:g} {unit} of the instrument"


def narrower(c: ChannelConfig, limits: ModuleLimits) -> ChannelConfig:
    """The limits of a channel with a module on it: of each the narrower one."""

    def least(name: str) -> float | None:
        given = [value for value in (getattr(c, name), getattr(limits, name)) if value is not None]
        return min(given, default=None)

    low = [value for value in (c.v_min, limits.v_min) if value is not None]
    others: dict[str, Any] = {f.name: least(f.name) for f in fields(limits) if f.name != "v_min"}
    return replace(c, v_min=max(low, default=None), **others)


def no_range(c: ChannelConfig) -> str | None:
    """Why nothing may be set within these limits, or None."""
    if c.v_min is None or c.v_max is None or c.v_min < c.v_max:
        return None
    return f"together with the limits of the channel, v_min {c.v_min:g} V to v_max {c.v_max:g} V is no range"


def unbearable(kind: str, config: DeviceConfig, modules: Modules) -> list[tuple[str, str]]:
    """Modules of the stand file on channels that leave them no range, as (field, why)."""
    found = {ch: no_range(narrower(c, modules.limits(kind, c.module))) for ch, c in config.channels.items() if c.module}
    return [(f"channels.{ch}.module", why) for ch, why in found.items() if why]


def narrowed(channel: Channel, c: ChannelConfig) -> Channel:
    """A channel of the driver within the limits of its configuration."""
    commands, quantities = dict(channel.commands), dict(channel.quantities)
    for command, (name, quantity) in ORDERS.items():
        if spec := commands.get(command):
            argument = spec.args[name]
            low = c.v_min if command == "set_voltage" else argument.low
            high = c.v_max if command == "set_voltage" else c.i_limit_max
            commands[command] = replace(spec, args=spec.args | {name: replace(argument, low=low, high=high)})
            quantities[quantity] = replace(quantities.get(quantity, Quantity(argument.unit)), low=low, high=high)
    return replace(
        channel,
        commands=commands,
        quantities=quantities,
        label=c.label or channel.label,
        module=c.module or channel.module,
    )
