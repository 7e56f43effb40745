"""Interlocks as the stand file has them: conditions over quantities of the stand that must hold for its outputs."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from trackerdcs.domain.topics import NAME, NOT_AN_ITEM

Action = Literal["block", "ramp_down", "kill"]
Fault = tuple[str, str]


class Strict:
    """Configuration refuses keys that it does not know, NaN and infinity."""

    __pydantic_config__: ClassVar[dict[str, str | bool]] = {"extra": "forbid", "allow_inf_nan": False}


@dataclass(frozen=True)
class DewPointConfig(Strict):
    """The air whose dew point counts: two quantities of the stand, each with its accuracy (degC, %)."""

    t_air: str
    rh: str
    t_accuracy: float = 0.0
    rh_accuracy: float = 0.0


@dataclass(frozen=True)
class ConditionConfig(Strict):
    """What must hold of one quantity, `of: env1.rh` or `of: lv1.ch1.i_mon`: within `min` and `max` at the worst end of
    its `accuracy`, `equals` (true or false), or at least `margin` degC above the `dew_point` of the air.

    Within `hysteresis` of a bound a broken condition stays broken. `low` and `high` bound what is physically possible.
    `frozen_after`: s without the slightest change after which a sensor of the condition counts as dead.
    """

    of: str
    frozen_after: float | Literal["never"]
    min: float | None = None
    max: float | None = None
    equals: bool | None = None
    dew_point: DewPointConfig | None = None
    margin: float | None = None
    hysteresis: float = 0.0
    accuracy: float = 0.0
    low: float | None = None
    high: float | None = None

    def inputs(self) -> dict[str, str]:
        """The quantities of the stand that it looks at, by the keys that name them."""
        air = self.dew_point
        return {"of": self.of} | ({"dew_point.t_air": air.t_air, "dew_point.rh": air.rh} if air else {})


@dataclass(frozen=True)
class InterlockConfig(Strict):
    """Conditions that must all hold for the outputs that it protects; `protects`: devices (`hv1`) and channels
    (`hv1.ch0`), every high-voltage channel of the stand if absent."""

    conditions: dict[str, ConditionConfig]
    action: Action = "ramp_down"
    protects: tuple[str, ...] = ()
    guidance: str = ""

    def inputs(self) -> set[str]:
        """The quantities of the stand that its conditions look at."""
        return {of for c in self.conditions.values() for of in c.inputs().values()}


def faults_of(interlocks: dict[str, InterlockConfig]) -> Iterator[Fault]:
    """What is wrong with interlocks in themselves, as (field, why)."""
    for name, interlock in interlocks.items():
        field = f"interlocks.{name}"
        if not NAME.fullmatch(name) or name in NOT_AN_ITEM:
            yield (
                field,
                f"interlock {name!r}: expected a small letter, then at most 31 of a-z 0-9 _ -, no reserved name",
            )
        if not interlock.conditions:
            yield f"{field}.conditions", "an interlock has at least one condition"
        for i, output in enumerate(interlock.protects):
            if output in interlock.protects[:i]:
                yield f"{field}.protects", f"{output} stands twice"
        for condition, config in interlock.conditions.items():
            where = f"{field}.conditions.{condition}"
            if not NAME.fullmatch(condition):
                yield where, f"condition {condition!r}: expected a small letter, then at most 31 of a-z 0-9 _ -"
            yield from ((f"{where}.{f}" if f else where, why) for f, why in _condition(config))


def _condition(c: ConditionConfig) -> Iterator[Fault]:
    bounds = c.min is not None or c.max is not None
    kinds = bounds + (c.equals is not None) + (c.dew_point is not None or c.margin is not None)
    if kinds == 0:
        yield "", "nothing to hold: expected min, max, equals, or dew_point with margin"
    elif kinds > 1:
        yield "", "one thing to hold for one condition: min and max, or equals, or dew_point with margin"
    if (c.dew_point is None) is not (c.margin is None):
        yield "margin" if c.margin is not None else "dew_point", "dew_point and margin go together"
    if c.min is not None and c.max is not None and c.min >= c.max:
        yield "min", f"{c.min:g} is not below max {c.max:g}"
    elif c.min is not None and c.max is not None and 2 * (c.hysteresis + c.accuracy) >= c.max - c.min:
        yield "min", f"nothing between it and max {c.max:g} can hold: hysteresis and accuracy count at both ends"
    if c.low is not None and c.high is not None and c.low >= c.high:
        yield "low", f"{c.low:g} is not below high {c.high:g}"
    for name in ("min", "max"):
        bound = getattr(c, name)
        if bound is not None and not (_or(c.low, -math.inf) <= bound <= _or(c.high, math.inf)):
            yield name, f"{bound:g} is outside low and high: it would never count"
    for owner, names, prefix in (
        (c, ("hysteresis", "accuracy", "margin"), ""),
        (c.dew_point, ("t_accuracy", "rh_accuracy"), "dew_point."),
    ):
        for name in names:
            if (value := getattr(owner, name, None)) is not None and value < 0:
                yield f"{prefix}{name}", f"expected at least 0, got {value:g}"
    if c.equals is not None:
        for name in ("hysteresis", "accuracy", "low", "high"):
            if getattr(c, name):
                yield name, "a switch has none"
    if c.frozen_after != "never" and c.frozen_after <= 0:
        yield "frozen_after", f"expected a time above 0 s, or never, got {c.frozen_after:g}"


def _or(value: float | None, other: float) -> float:
    return other if value is None else value
