"""The tables a driver consists of, and what they mean: channels for meta, quantities from raw replies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trackerdcs.domain.errors import BadReply, WrongDevice
from trackerdcs.domain.instrument import UNITS, Argument, Channel, CommandSpec, Identity, Quantity, Snapshot
from trackerdcs.drivers.numbers import number, whole

Values = dict[str, float | bool | str]
Raw = dict[str, float]
Reasons = dict[str, str]
Flags = Mapping[str, tuple[str, int]]
SIMULATED = "SIM"
"""The serial number of a simulated instrument begins with this."""


@dataclass(frozen=True)
class Param:
    """A number: `{n}` stands for the instrument's number of the channel, `{value}` for what is set.

    `unit` is what the reply must end with. What is set must lie between `low` and `high`; read beyond is none.
    """

    read: str
    write: str = ""
    low: float | None = None
    high: float | None = None
    resolution: float = 1e-3
    unit: str = ""

    def parse(self, reply: str) -> float:
        """The reply as a number; raises BadReply or Overrange."""
        return number(reply, self.unit, self.low, self.high)


@dataclass(frozen=True)
class Bits:
    """A register or a switch; the driver's flags say what its bits mean."""

    read: str

    def parse(self, reply: str) -> int:
        """The reply as a whole number; raises BadReply."""
        return whole(reply)


Rows = Mapping[str, Param | Bits]


@dataclass(frozen=True)
class Switch:
    """The orders that switch an output. Without `clear_trip` the instrument latches nothing."""

    on: str
    off: str
    emergency_off: str
    clear_trip: str = ""


def describe(names: Iterable[str], rows: Rows, flags: Flags, hardware_ramp: bool) -> dict[str, Channel]:
    """What each channel measures and can be told."""
    quantities = {q: Quantity(UNITS[q]) for q in (*rows, *flags, "state") if q in UNITS}
    quantities |= {q: Quantity(UNITS[q], row.low, row.high) for q, row in rows.items() if isinstance(row, Param)}

    def argument(quantity: str) -> Argument:
        return Argument("number", *(getattr(quantities[quantity], f) for f in ("unit", "low", "high")))

    commands = {name: CommandSpec() for name in ("on", "off", "emergency_off", "clear_trip")}
    commands["set_voltage"] = CommandSpec({"v": argument("v_set")})
    commands["set_current_limit"] = CommandSpec({"i": argument("i_limit")})
    if hardware_ramp:
        commands["set_ramp"] = CommandSpec({"up": argument("ramp_up"), "down": argument("ramp_down")})
    return {name: Channel(quantities, commands) for name in names}


def identified(reply: str, models: tuple[str, ...]) -> Identity:
    """Who an instrument says it is in its answer to *IDN?; raises WrongDevice if that is none of the models."""
    fields = [field.strip() for field in reply.split(",")]
    if len(fields) != 4 or not fields[1].startswith(models):
        raise WrongDevice(f"expected {' or '.join(models)}, the instrument says {reply[:80]!r}")
    vendor, model, serial, firmware = fields
    return Identity(vendor, model, serial, firmware, sim=serial.startswith(SIMULATED))


def parsed(row: Param | Bits, replies: list[str], number: int) -> list[float | BadReply]:
    """The values of `number` channels, or what is wrong with each; a reply for more or fewer channels is for none."""
    if len(replies) != number:
        return [BadReply(f"expected {number} values, got {','.join(replies)[:60]!r}")] * number
    return [_value(row, reply) for reply in replies]


def _value(row: Param | Bits, reply: str) -> float | BadReply:
    try:
        return row.parse(reply)
    except BadReply as e:
        return e


def snapshot(raw: dict[str, Raw], bad: dict[str, Reasons], flags: Flags) -> Snapshot:
    """The quantities of each channel from its rows: registers become flags and a state."""
    good = {name: _quantities(values, flags) for name, values in raw.items()}
    reasons = {name: _reasons(why, flags) for name, why in bad.items() if why}
    return Snapshot(good, reasons)


def _quantities(raw: Raw, flags: Flags) -> Values:
    told = {flag: bool(int(raw[row]) & mask) for flag, (row, mask) in flags.items() if row in raw}
    values: Values = {q: v for q, v in {**raw, **told}.items() if q in UNITS}
    return values | {"state": _state(raw, told, needed=flags.keys() - {"compliance"})}


def _reasons(bad: Reasons, flags: Flags) -> Reasons:
    """What a bad register would have said is bad as well."""
    return {
        q: why
        for q, why in (bad | {flag: bad[row] for flag, (row, _) in flags.items() if row in bad}).items()
        if q in UNITS
    }


def _state(raw: Raw, told: dict[str, bool], needed: Iterable[str]) -> str:
    if not told.keys() >= set(needed):
        return "unknown"
    if told.get("trip"):
        return "tripped"
    if not told.get("ramping"):
        return "on" if told["on"] else "off"
    if not told["on"]:
        return "ramping_down"
    if "v_set" not in raw or "v_mon" not in raw:
        return "unknown"
    return "ramping_up" if abs(raw["v_mon"]) < abs(raw["v_set"]) else "ramping_down"
