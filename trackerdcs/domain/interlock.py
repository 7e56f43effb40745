"""Interlocks as the stand file has them: conditions over quantities of the stand that must hold for its outputs."""

from dataclasses import dataclass
from typing import ClassVar, Literal

Action = Literal["block", "ramp_down", "kill"]


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
    `frozen_after`: s without the slightest change after which the sensor counts as dead.
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


@dataclass(frozen=True)
class InterlockConfig(Strict):
    """Conditions that must all hold for the outputs that it protects; `protects`: devices (`hv1`) and channels
    (`hv1.ch0`), every high-voltage channel of the stand if absent."""

    conditions: dict[str, ConditionConfig]
    action: Action = "ramp_down"
    protects: tuple[str, ...] = ()
    guidance: str = ""
