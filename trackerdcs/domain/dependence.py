"""What a channel depends on beyond its own supply: the interlocks that protect it, and its module's other voltages.

An output must not go up unless each of these says that it may; what is not known says no (SAFETY 4, 9, 10). Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from trackerdcs.domain.freshness import GUARD_PERIOD
from trackerdcs.domain.interlock import Action
from trackerdcs.domain.messages import Interlock, Value
from trackerdcs.domain.ramp import below, number
from trackerdcs.domain.stand import DeviceConfig, Stand
from trackerdcs.domain.wiring import Devices, outputs

OTHER = {"hv": "lv", "lv": "hv"}
"""Kind of supply -> the kind that shares its modules and has to be looked at before it is switched."""


@dataclass(frozen=True)
class Surroundings:
    """The part of a stand that the channels of one device depend on, as its file says."""

    interlocks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Those that protect each of its channels."""
    devices: Mapping[str, DeviceConfig] = field(default_factory=dict)
    """Its low-voltage supplies if the device is a high-voltage one, and the other way round."""
    guard_period: float = GUARD_PERIOD


@dataclass(frozen=True)
class Source:
    """One thing that a channel depends on, as far as it is known now; `action` is taken when it is open."""

    name: str
    state: Literal["ok", "open", "unknown"]
    why: str = ""
    action: Action = "ramp_down"
    remedy: str = ""
    """What a person has to do about it, if that is not plain."""


def surroundings(stand: Stand, device: str, devices: Devices) -> Surroundings:
    """What the channels of a device depend on; `devices`: the stand's, as their drivers describe them."""
    kind, protected = devices[device].kind, {name: outputs(i, devices) for name, i in stand.interlocks.items()}
    return Surroundings(
        {
            ch: tuple(name for name, outs in protected.items() if (device, ch) in outs)
            for ch in stand.devices[device].channels
        },
        {name: c for name, c in stand.devices.items() if kind in OTHER and devices[name].kind == OTHER[kind]},
    )


def of_interlock(name: str, heard: Interlock | None) -> Source:
    """`heard`: what the guard says of it now; None if it says nothing."""
    label = f"interlock {name}"
    if heard is None:
        return Source(label, "unknown", f"{label} is unknown: the guard is not heard")
    if heard.bypass is not None or heard.state == "ok":
        return Source(label, "ok")
    first = ": ".join(filter(None, (heard.first, heard.why)))
    remedy = ("reset it" if heard.over else "reset it when this is over") if heard.state == "open" else ""
    why = f"{label} is {heard.state}" + (f": {first}" if first else "")
    return Source(label, heard.state, why, heard.action, remedy)


def of_low_voltage(where: str, module: str, reading: Mapping[str, Value] | None) -> Source:
    """A high voltage needs the low voltage of its module; `reading` is None if there is no fresh one."""
    label = f"{where}, the low voltage of {module},"
    if reading is None or "on" not in reading:
        return Source(where, "unknown", f"{label} is not known to be on: no fresh reading")
    if reading.get("state") == "tripped":
        return Source(where, "open", f"{label} has tripped")
    if reading["on"] is not True:
        return Source(where, "open", f"{label} is off")
    return Source(where, "ok")


def still_up(where: str, module: str, reading: Mapping[str, Value] | None, safe: float) -> str | None:
    """Why the low voltage of a module must not go off before its high voltage, or None; `safe`: its v_safe_off (V)."""
    label = f"{where}, the high voltage of {module},"
    if reading is None or "on" not in reading:
        return f"{label} is not known to be off: no fresh reading"
    if reading["on"] is not False or not below(reading, safe):
        at = f" at {number(reading['v_mon']):.4g} V" if "v_mon" in reading else ""
        return f"{label} is {'up' if reading['on'] is not False else 'off, but still'}{at}"
    return None
