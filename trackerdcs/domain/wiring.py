"""Do the interlocks of a stand fit what its devices really have? Checked before anything starts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from trackerdcs.domain.instrument import UNITS, Channel
from trackerdcs.domain.interlock import ConditionConfig, Fault, InterlockConfig
from trackerdcs.domain.messages import NO_CHANNEL, TEXT


@dataclass(frozen=True)
class Wired:
    """A device as its driver describes it: kind, channels in use, period in s, and why it must not be an input."""

    kind: str
    channels: Mapping[str, Channel]
    period: float
    unfit: str | None = None


Devices = Mapping[str, Wired]
SWITCH = "1"
"""Unit of what is true or false."""


@cache
def parts(of: str) -> tuple[str, str, str] | None:
    """Device, channel and quantity of `env1.rh` or `lv1.ch1.i_mon`; None if it is neither."""
    match of.split("."):
        case [device, quantity]:
            return device, NO_CHANNEL, quantity
        case [device, channel, quantity]:
            return device, channel, quantity
    return None


def whole(of: str) -> str:
    """`env1.rh` with its channel, as `env1.-.rh`."""
    return ".".join(parts(of) or (of,))


def device_of(of: str) -> str:
    """The device of a quantity."""
    return of.partition(".")[0]


def outputs(interlock: InterlockConfig, devices: Devices) -> list[tuple[str, str]]:
    """The channels (device, channel) that an interlock protects: those that can be commanded."""
    return [
        (name, ch)
        for name, device in devices.items()
        for ch, channel in device.channels.items()
        if "on" in channel.commands
        and (
            device.kind == "hv"
            if not interlock.protects
            else name in interlock.protects or f"{name}.{ch}" in interlock.protects
        )
    ]


def misfits(interlocks: Mapping[str, InterlockConfig], devices: Devices) -> Iterator[Fault]:
    """Inputs that the stand does not have and outputs that cannot be switched, as (field, why)."""
    for name, interlock in interlocks.items():
        field = f"interlocks.{name}"
        for output in interlock.protects:
            if why := _not_an_output(output, devices):
                yield f"{field}.protects", f"{output}: {why}"
        if not interlock.protects and not outputs(interlock, devices):
            yield field, "it protects nothing: the stand has no high-voltage channel; name what it protects"
        for condition, config in interlock.conditions.items():
            for key, of in config.inputs().items():
                if why := _not_an_input(of, key, config, devices):
                    yield f"{field}.conditions.{condition}.{key}", f"{of}: {why}"
            for period in (devices[device_of(of)].period for of in config.inputs().values() if _has(of, devices)):
                if config.frozen_after != "never" and config.frozen_after < 3 * period:
                    why = f"{config.frozen_after:g} s is below 3 periods of {period:g} s"
                    yield f"{field}.conditions.{condition}.frozen_after", why
                    break


def _has(of: str, devices: Devices) -> bool:
    found = parts(of)
    return found is not None and found[0] in devices


def _not_an_output(output: str, devices: Devices) -> str | None:
    name, dot, ch = output.partition(".")
    if name not in devices:
        return f"the stand has no such device, it has {', '.join(devices)}"
    switched = [c for c, channel in devices[name].channels.items() if "on" in channel.commands]
    if not switched:
        return "nothing of it can be switched on"
    if dot and ch not in switched:
        return f"{name} has no such output, it has {', '.join(switched)}"
    return None


def _not_an_input(of: str, key: str, condition: ConditionConfig, devices: Devices) -> str | None:
    found = parts(of)
    if found is None:
        return "expected DEVICE.QUANTITY or DEVICE.CHANNEL.QUANTITY"
    name, ch, quantity = found
    if name not in devices:
        return f"the stand has no device {name!r}, it has {', '.join(devices)}"
    device = devices[name]
    if device.unfit:
        return f"{name} cannot be an input: {device.unfit}"
    if ch not in device.channels:
        return f"{name} has no channel {ch!r}, it has {', '.join(device.channels)}"
    known = device.channels[ch].quantities
    if quantity not in known:
        return f"{name} has no such quantity, it has {', '.join(known)}"
    wanted = {"dew_point.t_air": "degC", "dew_point.rh": "%", "of": "degC" if condition.dew_point else None}[key]
    unit = known[quantity].unit or UNITS.get(quantity, "")
    if wanted is not None and unit != wanted:
        return f"expected a quantity in {wanted}, it is in {unit or 'no unit'}"
    if quantity == TEXT:
        return "a text is no input"
    if (condition.equals is not None) is not (unit == SWITCH):
        return "it is a switch: expected equals" if unit == SWITCH else "it is no switch: expected min or max"
    return None
