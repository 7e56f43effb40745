"""Decides whether the conditions of an interlock hold, and whether the interlock is open. The clock is an argument."""

from dataclasses import dataclass, field
from typing import Literal

from trackerdcs.domain import dew_point
from trackerdcs.domain.inputs import Doubt, Inputs
from trackerdcs.domain.instrument import UNITS
from trackerdcs.domain.interlock import ConditionConfig, DewPointConfig, InterlockConfig
from trackerdcs.domain.messages import Value
from trackerdcs.domain.wiring import device_of

Verdict = Literal["holds", "broken", "unknown"]
State = Literal["ok", "open", "unknown"]
Pretence = Literal["broken", "unknown"]
HUMIDITY = "rh"


@dataclass(frozen=True)
class Finding:
    """What is found of one condition, and in words why it does not hold."""

    verdict: Verdict
    why: str | None = None


Read = dict[str, Value | Doubt]
"""What is read of a condition's inputs, by the keys that name them."""


def read_inputs(c: ConditionConfig, inputs: Inputs, monotonic: float) -> Read:
    """The values of a condition's inputs, or why they cannot be believed."""
    return {key: inputs.read(of, c.frozen_after, monotonic) for key, of in c.inputs().items()}


def examine(c: ConditionConfig, read: Read, broken: bool) -> Finding:
    """Does a condition hold? `broken`: it did not the last time that this was known, so hysteresis counts."""
    doubt = next((value for value in read.values() if isinstance(value, Doubt)), None)
    if doubt is not None:
        return Finding("unknown", doubt.why)
    if c.equals is not None:
        return _switch(c, read["of"], c.equals)
    numbers = {key: n for key, n in read.items() if isinstance(n, int | float) and not isinstance(n, bool)}
    if len(numbers) < len(read):
        return Finding("unknown", f"{', '.join(c.inputs().values())}: expected numbers")
    if why := _impossible(c, numbers["of"]):
        return Finding("unknown", why)
    back = c.hysteresis if broken else 0.0
    return _margin(c, c.dew_point, numbers, back) if c.dew_point else _bounds(c, numbers["of"], back)


def _switch(c: ConditionConfig, value: object, wanted: bool) -> Finding:
    if not isinstance(value, bool):
        return Finding("unknown", f"{c.of} is {value}: neither true nor false")
    return Finding("holds") if value is wanted else Finding("broken", f"{c.of} is {str(value).lower()}")


def _bounds(c: ConditionConfig, value: float, back: float) -> Finding:
    for bound, sign, beyond, back_at in ((c.max, 1, "above", "or lower"), (c.min, -1, "below", "or higher")):
        if bound is None or sign * (bound - value) >= c.accuracy + back:
            continue
        unit, over = _unit(c.of), sign * (value - bound)
        is_ = "is" if over > 0 else "may be" if over + c.accuracy > 0 else "was"
        again = f", ok again at {bound - sign * (c.accuracy + back):g}{unit} {back_at}" if back else ""
        return Finding("broken", f"{c.of} {value:g}{unit}{_at_worst(c)} {is_} {beyond} {bound:g}{unit}{again}")
    return Finding("holds")


def _margin(c: ConditionConfig, air: DewPointConfig, numbers: dict[str, float], back: float) -> Finding:
    value, margin = numbers["of"], (c.margin or 0.0) + back
    try:
        dew = dew_point.worst(numbers["dew_point.t_air"], air.t_accuracy, numbers["dew_point.rh"], air.rh_accuracy)
    except ValueError as e:
        return Finding("unknown", str(e))
    if value - c.accuracy - dew >= margin:
        return Finding("holds")
    above = f"less than {margin:g} degC above the dew point, {dew:.1f} degC at worst"
    return Finding("broken", f"{c.of} {value:g} degC{_at_worst(c)} is {above}")


def _impossible(c: ConditionConfig, value: float) -> str | None:
    if c.of.endswith(f".{HUMIDITY}") and not 0 < value <= 100:
        return f"{c.of} {value:g} % is not possible"
    if (c.low is not None and value < c.low) or (c.high is not None and value > c.high):
        return f"{c.of} {value:g}{_unit(c.of)} is outside what is possible"
    return None


def _at_worst(c: ConditionConfig) -> str:
    return f" (accuracy {c.accuracy:g}{_unit(c.of)})" if c.accuracy else ""


def _unit(of: str) -> str:
    unit = UNITS.get(of.rpartition(".")[2], "")
    return f" {unit}" if unit not in ("", "1") else ""


@dataclass(frozen=True)
class Pass:
    """Somebody has taken the interlock out of force, until a time on the guard's monotonic clock in s."""

    by: str
    reason: str
    until: float


@dataclass
class Interlocked:
    """The state of one interlock: what its conditions were found to be, whether it is latched, who bypasses it."""

    config: InterlockConfig
    first: str | None = None
    """The condition that opened it; None while it is not latched."""
    why: str | None = None
    bypass: Pass | None = None
    findings: dict[str, Finding] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    _broken: set[str] = field(default_factory=set)
    _pretended: dict[str, tuple[Pretence, float]] = field(default_factory=dict)
    _by_device: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.first in self.config.conditions:  # latched before a restart: hysteresis counts for what opened it
            self._broken.add(str(self.first))
        self.findings = {name: Finding("unknown", "not examined yet") for name in self.config.conditions}
        for name, c in self.config.conditions.items():
            for device in {device_of(of) for of in c.inputs().values()}:
                self._by_device.setdefault(device, []).append(name)

    @property
    def state(self) -> State:
        if self.first is not None:
            return "open"
        return "ok" if self.cause is None else "unknown"

    @property
    def cause(self) -> tuple[str, str] | None:
        """A condition that does not hold now, and why: a broken one before one that is not known."""
        for verdict in ("broken", "unknown"):
            for name, finding in self.findings.items():
                if finding.verdict == verdict:
                    return name, finding.why or verdict
        return None

    def examine(self, inputs: Inputs, monotonic: float, device: str | None = None) -> None:
        """Look at all conditions, or those that `device` has news for; a broken one opens it until it is reset."""
        for name in self._by_device.get(device, ()) if device is not None else self.config.conditions:
            c = self.config.conditions[name]
            read = read_inputs(c, inputs, monotonic)
            finding = examine(c, read, name in self._broken)
            if finding.verdict != "unknown":
                (self._broken.add if finding.verdict == "broken" else self._broken.discard)(name)
            self.findings[name] = finding = self._pretence(name, monotonic) or finding
            if finding.verdict == "broken" and self.first is None:
                self.first, self.why = name, finding.why
            for of, value in zip(c.inputs().values(), read.values(), strict=True):
                if isinstance(value, Doubt):
                    self.values.pop(of, None)
                else:
                    self.values[of] = value
        if self.bypass is not None and monotonic >= self.bypass.until:
            self.bypass = None

    def objection_to_reset(self) -> str | None:
        """Why a reset is refused, or None."""
        if self.first is None:
            return "it is not open"
        return f"the cause is still there: {': '.join(self.cause)}" if self.cause else None

    def reset(self) -> None:
        """Unlatch; ask `objection_to_reset` first."""
        self.first = self.why = None

    def pretend(self, condition: str, as_if: Pretence, until: float) -> None:
        """Find a condition broken or unknown until a time on the monotonic clock, for a proof."""
        self._pretended[condition] = (as_if, until)

    def _pretence(self, name: str, monotonic: float) -> Finding | None:
        as_if, until = self._pretended.get(name, ("unknown", 0.0))
        if name not in self._pretended or monotonic >= until:
            self._pretended.pop(name, None)
            return None
        return Finding(as_if, "pretended for a proof")
