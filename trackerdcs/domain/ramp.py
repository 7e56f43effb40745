"""How a voltage moves: in steps towards its target, watched at each step. Pure; time is in the arguments.

A supply that ramps by itself is fed in stages of at most STAGE, so that a dead owner leaves a small step (SAFETY 6).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

STAGE = 50.0
"""V; the longest way that a supply goes on its own."""
IN_A_ROW = 2
"""Readings in a row that make a current or a voltage that does not follow a fault (SAFETY 7)."""

Reading = Mapping[str, float | bool | str]


def toward(now: float, target: float, step: float) -> float:
    """`now` moved towards `target` by at most `step` (V)."""
    if abs(target - now) <= step:
        return target
    return now + step if target > now else now - step


def rises(now: float, target: float) -> bool:
    """True if the way from `now` to `target` (V) may go to a higher |V| anywhere: the unsafe direction."""
    if target == 0.0:
        return False
    return not isfinite(now) or abs(target) > abs(now) or now * target < 0


def beginning(kind: str, now: Reading) -> float:
    """Where a move begins (V): at the setpoint, or at the measured voltage while that is still on its way there."""
    v_set, v_mon = number(now.get("v_set")), number(now.get("v_mon"))
    astray = abs(v_mon) < abs(v_set) and abs(v_mon - v_set) > tolerance(kind, v_set)
    return v_mon if astray and now.get("compliance") is not True else v_set


def tolerance(kind: str, v: float) -> float:
    """How far (V) a measured voltage may be from `v` and count as there."""
    return max(1.0, 0.01 * abs(v)) if kind == "hv" else max(0.05, 0.01 * abs(v))


def number(value: object) -> float:
    """A value as a number; infinite, nowhere near anything, if it is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("inf")


def near(now: Reading, target: float, close: float) -> bool:
    """True if the measured voltage is within `close` (V) of `target`."""
    return abs(number(now.get("v_mon")) - target) <= close


def below(now: Reading, safe: float) -> bool:
    """True if the voltage is known to be low; a supply that does not measure while off has nothing to show."""
    return ("v_mon" not in now and now.get("on") is False) or abs(number(now.get("v_mon"))) <= safe


@dataclass
class Watch:
    """What must not happen on a channel that is on, looked at with each reading; `i_soft` in A."""

    i_soft: float | None = None
    compliance_trips: bool = False
    """A high-voltage supply in current limit is a fault; a low-voltage supply may live there."""
    _over: int = 0
    _limited: int = 0
    _astray: int = 0

    def trouble(self, reading: Reading, follows: float | None = None) -> str | None:
        """Why the voltage has to come down, or None. `follows`: the voltage (V) that v_mon has to be near by now."""
        if reading.get("trip") is True or reading.get("state") == "tripped":
            return "the supply has tripped"
        if reading.get("on") is not True:
            self._over = self._limited = self._astray = 0
            return None
        self._limited = self._limited + 1 if self.compliance_trips and reading.get("compliance") is True else 0
        if self._limited >= IN_A_ROW:
            return "the supply limits the current (compliance)"
        current, voltage = reading.get("i_mon"), reading.get("v_mon")
        if self.i_soft is not None and isinstance(current, int | float):
            self._over = self._over + 1 if abs(current) > self.i_soft else 0
            if self._over >= IN_A_ROW:
                return f"i_mon {current:.3g} A is above the soft limit of {self.i_soft:.3g} A"
        if follows is None:
            self._astray = 0
        elif isinstance(voltage, int | float):
            self._astray = self._astray + 1 if abs(voltage - follows) > max(2.0, 0.01 * abs(follows)) else 0
            if self._astray >= IN_A_ROW:
                return f"v_mon {voltage:.5g} V does not follow v_set {follows:.5g} V"
        return None
