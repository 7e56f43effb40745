"""The dew point of humid air over water: the temperature of a surface on which the air begins to leave water."""

import math

A, B = 17.62, 243.12
"""Magnus formula, e(t) = 6.112 hPa * exp(A t / (B + t)): WMO-No. 8, Guide to Instruments, annex 4.B (Sonntag 1990)."""
VALID = (-45.0, 60.0)
"""degC of the air between which the formula holds."""


def dew_point(t: float, rh: float) -> float:
    """degC from the temperature of the air in degC and its relative humidity in %; ValueError for what cannot be.

    Humidity of 0 % has no dew point: it is what a dead sensor says, and never "very dry".
    """
    low, high = VALID
    if not (low <= t <= high):
        raise ValueError(f"air of {t:g} degC: the formula of the dew point holds from {low:g} to {high:g} degC")
    if not (0 < rh <= 100):
        raise ValueError(f"a relative humidity of {rh:g} % is not possible")
    g = math.log(rh / 100) + A * t / (B + t)
    return B * g / (A - g)


def worst(t: float, t_accuracy: float, rh: float, rh_accuracy: float) -> float:
    """The highest dew point that the readings allow, each wrong by its accuracy; ValueError for what cannot be."""
    dew_point(t, rh)  # what was read must be possible itself
    return dew_point(min(t + t_accuracy, VALID[1]), min(rh + rh_accuracy, 100.0))
