"""Derived quantities as the stand file has them: by name a formula, and the quantities of the stand that go into it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from trackerdcs.domain.formulas import FORMULAS
from trackerdcs.domain.instrument import UNITS, Channel, Origin, Quantity
from trackerdcs.domain.interlock import Fault, Strict
from trackerdcs.domain.messages import TEXT
from trackerdcs.domain.topics import DERIVED, NAME
from trackerdcs.domain.wiring import Devices, Wired, device_of, parts

VERSION_OF = "formula"
"""The quantity that stores the version of the formula beside its values."""


@dataclass(frozen=True)
class DerivedConfig(Strict):
    """A channel of the device `derived`. `inputs`: quantities of the stand by the names that the formula has for them,
    as `t_air: env1.t_air`; `above`: V, of time_at_bias."""

    formula: Literal["dew_point", "dew_margin", "power", "leakage_20c", "time_at_bias"]
    inputs: dict[str, str] = field(default_factory=dict)
    above: float | None = None


def derived_faults(derived: Mapping[str, DerivedConfig]) -> Iterator[Fault]:
    """What is wrong with derived quantities in themselves, as (field, why)."""
    for name, config in derived.items():
        where, formula = f"derived.{name}", FORMULAS[config.formula]
        if not NAME.fullmatch(name):
            yield where, f"derived {name!r}: expected a small letter, then at most 31 of a-z 0-9 _ -"
        for key in formula.inputs:
            if key not in config.inputs:
                yield f"{where}.inputs", f"{config.formula} needs {', '.join(formula.inputs)}; {key} is missing"
        for key in config.inputs:
            if key not in formula.inputs:
                yield f"{where}.inputs.{key}", f"{config.formula} has no such input, it has {', '.join(formula.inputs)}"
        if formula.threshold and not (config.above or 0.0) > 0:
            yield f"{where}.above", f"{config.formula} needs a voltage above 0 V, got {config.above}"
        if not formula.threshold and config.above is not None:
            yield f"{where}.above", f"{config.formula} has none"


def derived_misfits(derived: Mapping[str, DerivedConfig], devices: Devices) -> Iterator[Fault]:
    """Inputs that the stand does not have or that are of another unit, as (field, why)."""
    for name, config in derived.items():
        for key, of in config.inputs.items():
            if why := _not_an_input(of, FORMULAS[config.formula].inputs[key], devices):
                yield f"derived.{name}.inputs.{key}", f"{of}: {why}"


def _not_an_input(of: str, unit: str, devices: Devices) -> str | None:
    found = parts(of)
    if found is None:
        return "expected DEVICE.QUANTITY or DEVICE.CHANNEL.QUANTITY"
    name, ch, quantity = found
    if name not in devices:
        return f"the stand has no device {name!r}, it has {', '.join(devices)}"
    if ch not in devices[name].channels:
        return f"{name} has no channel {ch!r}, it has {', '.join(devices[name].channels)}"
    known = devices[name].channels[ch].quantities
    if quantity not in known or quantity == TEXT:
        return f"{name} has no such quantity, it has {', '.join(q for q in known if q != TEXT)}"
    if (given := known[quantity].unit or UNITS.get(quantity, "")) != unit:
        return f"expected a quantity in {unit}, it is in {given or 'no unit'}"
    return None


def sources(config: DerivedConfig) -> set[str]:
    """The devices whose quantities go into it."""
    return {device_of(of) for of in config.inputs.values()}


def channels_of(derived: Mapping[str, DerivedConfig]) -> dict[str, Channel]:
    """The channels of the device, each with its provenance."""
    return {name: _channel(config) for name, config in derived.items()}


def as_device(derived: Mapping[str, DerivedConfig], devices: Devices) -> Wired:
    """The device `derived` as those see it who watch its frames; its slowest channel has the longest period."""
    period = max(devices[name].period for config in derived.values() for name in sources(config))
    return Wired(DERIVED, channels_of(derived), period)


def _channel(config: DerivedConfig) -> Channel:
    formula = FORMULAS[config.formula]
    return Channel(
        {name: Quantity(UNITS[name]) for name in (*formula.outputs, VERSION_OF)},
        label=formula.label,
        origin=Origin(config.formula, formula.version, dict(config.inputs), config.above),
    )
