"""What a driver says about its instrument, as data: channels, quantities, commands, identity, one poll."""

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["viewer", "shifter", "expert", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "shifter", "expert", "admin")

UNITS: dict[str, str] = {
    "v_set": "V",
    "v_mon": "V",
    "i_limit": "A",
    "i_mon": "A",
    "p_mon": "W",
    "ramp_up": "V/s",
    "ramp_down": "V/s",
    "on": "1",
    "state": "",
    "compliance": "1",
    "trip": "1",
    "t_air": "degC",
    "t_plate": "degC",
    "t_board": "degC",
    "t_dew": "degC",
    "rh": "%",
    "dew_margin": "degC",
    "power": "W",
    "i_20c": "A",
    "at_bias": "s",
    "missed": "s",
    "formula": "1",
    "received": "1",
    "stored": "1",
    "parked": "1",
    "duplicates": "1",
    "waiting": "1",
    "lag": "s",
    "received_rate": "1/s",
    "stored_rate": "1/s",
    "spool_size": "B",
    "spool_age": "s",
    "progress": "%",
    "done": "1",
    "stages": "1",
    "left": "s",
    "warnings": "1",
    "errors": "1",
}
"""Unit of each quantity, for ever: a quantity of another unit gets another name."""

SAFE_COMMANDS = frozenset({"off", "emergency_off", "hold"})
"""Commands in the safe direction: never refused for expiry or clock (SAFETY rule 15)."""


@dataclass(frozen=True)
class Quantity:
    """A quantity of a channel: its unit, and the limits that the instrument or the stand file give."""

    unit: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Argument:
    """An argument of a command: a number with unit and range, or a text, whose `high` is the most of its characters.
    `choices`: what a person is shown to choose from; the owner judges whatever comes."""

    type: Literal["number", "text"] = "number"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    optional: bool | None = None
    choices: list[str] | None = None


@dataclass(frozen=True)
class CommandSpec:
    """A command that a channel knows: all arguments are required that are not optional, and a `reason` where it says
    so."""

    args: dict[str, Argument] = field(default_factory=dict)
    role: Role = "shifter"
    reason: bool | None = None


@dataclass(frozen=True)
class Origin:
    """Where derived values come from: the formula and its version, its inputs as `env1.rh`, and its threshold in V."""

    formula: str
    version: int
    inputs: dict[str, str]
    above: float | None = None


@dataclass(frozen=True)
class Channel:
    """A channel as meta shows it; `origin` only of one that is computed."""

    quantities: dict[str, Quantity]
    commands: dict[str, CommandSpec] = field(default_factory=dict)
    label: str = ""
    module: str | None = None
    proof: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True)
class Identity:
    """Who the instrument says it is; `sim` comes from the instrument itself."""

    vendor: str
    model: str
    serial: str
    firmware: str
    sim: bool


@dataclass(frozen=True)
class Snapshot:
    """One poll: values by channel and quantity; what could not be read is in `bad`, what is doubtful also in `unc`."""

    ch: dict[str, dict[str, float | bool | str]]
    bad: dict[str, dict[str, str]] = field(default_factory=dict)
    unc: dict[str, dict[str, str]] = field(default_factory=dict)
