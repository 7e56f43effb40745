"""The formulas of derived quantities: pure, each with a version. Whoever changes what one yields raises its version."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from trackerdcs.domain import dew_point as magnus

KELVIN = 273.15
BOLTZMANN = 8.617333262e-5
"""eV/K (CODATA 2018)."""
E_EFF = 1.21
"""eV, effective energy of the current that silicon generates in its bulk."""
T_REF = 20.0
"""degC to which leakage currents are brought."""
T_SENSOR = (-60.0, 60.0)
"""degC of a sensor beyond which the reading is absurd: a cut wire, a wrong unit."""

Values = dict[str, float]


@dataclass(frozen=True)
class Formula:
    """`inputs` and the units they must have, `outputs`, and what makes these of those; None where time goes in, too.

    `compute` raises ValueError for what cannot be.
    """

    version: int
    label: str
    inputs: dict[str, str]
    outputs: tuple[str, ...]
    compute: Callable[[Values], Values] | None
    threshold: bool = False
    """True if it needs `above`, a voltage in V."""


def leakage_20c(i: float, t: float) -> float:
    """The leakage current in A that a silicon sensor would have at 20 degC; `i` in A at the sensor's `t` in degC.

    I(T) ~ T^2 exp(-E_eff / 2kT), E_eff = 1.21 eV: A. Chilingarov, Temperature dependence of the current generated in
    Si bulk, JINST 8 (2013) P10003. It holds for current generated in the bulk, the sensor at `t`, no current limit.
    ValueError for a temperature that no sensor has.
    """
    low, high = T_SENSOR
    if not (low <= t <= high):
        raise ValueError(f"a sensor at {t:g} degC is not believed: expected {low:g} to {high:g} degC")
    here, ref = t + KELVIN, T_REF + KELVIN
    return i * (ref / here) ** 2 * math.exp(E_EFF / (2 * BOLTZMANN) * (1 / here - 1 / ref))


def _dew_point(v: Values) -> Values:
    return {"t_dew": magnus.dew_point(v["t_air"], v["rh"])}


def _dew_margin(v: Values) -> Values:
    """How far a surface or the air is above the dew point: at 0 degC or below, water is about to settle on it."""
    return {"dew_margin": v["of"] - magnus.dew_point(v["t_air"], v["rh"])}


def _power(v: Values) -> Values:
    return {"power": v["v"] * v["i"]}


def _leakage_20c(v: Values) -> Values:
    return {"i_20c": leakage_20c(v["i"], v["t"])}


AIR = {"t_air": "degC", "rh": "%"}
FORMULAS: dict[str, Formula] = {
    "dew_point": Formula(1, "dew point", AIR, ("t_dew",), _dew_point),
    "dew_margin": Formula(1, "margin to the dew point", {"of": "degC"} | AIR, ("dew_margin",), _dew_margin),
    "power": Formula(1, "power", {"v": "V", "i": "A"}, ("power",), _power),
    "leakage_20c": Formula(1, "leakage current at 20 degC", {"i": "A", "t": "degC"}, ("i_20c",), _leakage_20c),
    "time_at_bias": Formula(1, "time at bias", {"v": "V"}, ("at_bias", "missed"), None, threshold=True),
}
"""By the name that a stand file gives."""


def compute(formula: Formula, values: Values) -> Values:
    """The outputs; ValueError for what cannot be, also for a number that is not finite."""
    assert formula.compute is not None
    found = formula.compute(values)
    for name, value in found.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}")
    return found
