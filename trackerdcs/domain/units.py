"""Units as foreign payloads have them, and what makes SI of their values (°C and % stay, as everywhere here)."""

from collections.abc import Callable
from dataclasses import dataclass

from trackerdcs.domain.errors import ConfigError

Convert = Callable[[float], float]

AS_THEY_ARE = ("%", "1", "1/s", "B", "degC", "dBm", "lx", "m/s", "ppm")
PREFIXED = ("A", "F", "H", "Hz", "J", "N", "Pa", "T", "V", "V/s", "W", "m", "ohm", "s")
OTHERS: dict[str, tuple[str, float]] = {
    "bar": ("Pa", 1e5),
    "mbar": ("Pa", 1e2),
    "g": ("kg", 1e-3),
    "kg": ("kg", 1.0),
    "min": ("s", 60.0),
    "h": ("s", 3600.0),
    "Wh": ("J", 3.6e3),
    "kWh": ("J", 3.6e6),
}
PREFIXES = {"p": -12, "n": -9, "u": -6, "m": -3, "c": -2, "h": 2, "k": 3, "M": 6, "G": 9}
SPELLINGS = str.maketrans({"\u00b5": "u", "\u03bc": "u", "\u00b0": "deg", "\u03a9": "ohm", "\u2126": "ohm"})
"""µ (two of them), ° and Ω (two of them), as people type them."""


@dataclass(frozen=True)
class Unit:
    """The unit in which a value is stored, and what makes it of the value in the payload; None: nothing to do."""

    stored: str
    convert: Convert | None = None


def unit_of(name: str) -> Unit:
    """The unit of this name; raises ConfigError naming those that are known."""
    plain = name.translate(SPELLINGS)
    if plain in AS_THEY_ARE or plain in PREFIXED:
        return Unit(plain)
    if plain == "K":
        return Unit("degC", lambda value: value - 273.15)
    if plain == "degF":
        return Unit("degC", lambda value: (value - 32.0) / 1.8)
    if plain in OTHERS:
        stored, factor = OTHERS[plain]
        return Unit(stored, None if factor == 1.0 else _times(factor))
    if plain[:1] in PREFIXES and plain[1:] in PREFIXED:
        return Unit(plain[1:], _times(10.0 ** PREFIXES[plain[0]]))
    raise ConfigError(
        f"unit {name!r} is unknown, expected one of {', '.join((*AS_THEY_ARE, 'K', 'degF', *OTHERS))}, "
        f"or {', '.join(PREFIXED)} with or without one of {' '.join(PREFIXES)} before it"
    )


def _times(factor: float) -> Convert:
    """A factor below one is a division, which rounds once: 21 mV is 21 / 1000 V, the nearest there is to 0.021."""
    if factor >= 1.0:
        return lambda value: value * factor
    divisor = float(round(1.0 / factor))
    return lambda value: value / divisor
