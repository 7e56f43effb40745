"""How far a sensor must be off to violate a condition, and what a proof of interlocks has shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from trackerdcs.domain import dew_point
from trackerdcs.domain.guarding import HUMIDITY
from trackerdcs.domain.interlock import ConditionConfig

Part = Literal["violation", "silence"]
DAMP = 97.0
"""% relative humidity at which air is nearly at its dew point."""
BEYOND = 0.05
"""Share of a bound by which it is passed: more than the noise of a sensor."""


def offset(c: ConditionConfig, values: Mapping[str, float]) -> tuple[str, float] | None:
    """The quantity to falsify and by how much, so that the condition is broken; None if no possible value breaks it."""
    if c.equals is not None or not all(of in values for of in c.inputs().values()):
        return None
    value = values[c.of]
    if c.dew_point is not None:
        if c.of == c.dew_point.t_air:
            return c.dew_point.rh, DAMP - values[c.dew_point.rh]
        dew = dew_point.dew_point(values[c.dew_point.t_air], values[c.dew_point.rh])
        return c.of, dew + (c.margin or 0.0) - c.hysteresis - 1.0 - value
    bound, sign = (c.max, 1.0) if c.max is not None else (c.min, -1.0)
    if bound is None:
        return None
    target = bound + sign * (BEYOND * abs(bound) + c.hysteresis or 1.0)
    low, high = (0.1, 99.9) if c.of.endswith(f".{HUMIDITY}") else (float("-inf"), float("inf"))
    low, high = max(low, c.low if c.low is not None else low), min(high, c.high if c.high is not None else high)
    target = min(max(target, low), high)
    return (c.of, target - value) if sign * (target - bound) + c.accuracy > 0 else None


@dataclass(frozen=True)
class Shown:
    """One part of a proof: did the interlock, and what it protects, do what they must?"""

    interlock: str
    condition: str
    part: Part
    ok: bool
    why: str
    seconds: float | None = None
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A proof of all interlocks of a stand. `ts`: ISO 8601 in UTC."""

    stand: str
    ts: str
    how: Literal["simulated", "pretended"]
    by: str
    shown: tuple[Shown, ...]

    def proven(self, protects: Mapping[str, list[str]]) -> list[str]:
        """The outputs all of whose interlocks have done all that they must; `protects`: outputs by interlock."""
        failed = {s.interlock for s in self.shown if not s.ok}
        good = {s.interlock for s in self.shown} - failed
        every = {
            out: {name for name, outs in protects.items() if out in outs} for outs in protects.values() for out in outs
        }
        return sorted(out for out, names in every.items() if names <= good)
