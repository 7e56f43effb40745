"""Numbers as instruments write them and as they are told: strictly, nothing is guessed, rounded away or clipped."""

import math
import re
import sys

from trackerdcs.domain.errors import BadReply, CommandRefused, Overrange

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:E([+-]?\d+)?)?", re.IGNORECASE | re.ASCII)
_NO_NUMBER = re.compile(r"[+-]?(nan|inf|infinity|overflow)", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"\+?\d{1,10}", re.ASCII)
MAX = sys.float_info.max

OVERRANGE = 9.9e37
"""SCPI writes 9.9E37 or 9.91E37 where it has no number to give."""
PLAUSIBLE = 0.1
"""A reading may lie beyond its range by this part of its width; farther out it is no reading of this quantity."""
SLACK = 1.0001
"""Room for the rounding of binary fractions when two numbers are compared at a resolution."""
DIGITS = 1e-5
"""Instruments print six digits: more than this part of a value cannot be compared."""


def number(text: str, unit: str = "", low: float | None = None, high: float | None = None) -> float:
    """A reply as a number; raises BadReply, or Overrange when the instrument says that it has none.

    With a `unit` the reply must end with it; only then the digits of the exponent may be missing, as iseg writes it.
    """
    bare = text.strip()
    if _NO_NUMBER.fullmatch(bare.removesuffix(unit)):
        raise Overrange(f"the instrument gives no number: {text[:40]!r}")
    match = _NUMBER.fullmatch(bare.removesuffix(unit).rstrip())
    if not match or not bare.endswith(unit) or (bare[-1] in "eE"):
        raise BadReply(f"expected a number{' in ' + unit if unit else ''}, got {text[:40]!r}")
    value = float(f"{match[1]}e{match[2] or 0}")
    if abs(value) >= OVERRANGE:
        raise Overrange(f"the instrument is out of range: {text[:40]!r}")
    if low is not None and high is not None:
        margin = PLAUSIBLE * (high - low)
        if not low - margin <= value <= high + margin:
            raise BadReply(f"{text[:40]!r} is not plausible between {low:g} and {high:g}")
    return value


def whole(text: str) -> int:
    """A reply that is a register or a switch: digits and nothing else; raises BadReply."""
    if not _WHOLE.fullmatch(text.strip()):
        raise BadReply(f"expected a whole number, got {text[:40]!r}")
    return int(text)


def setting(what: str, value: object, low: float | None, high: float | None, resolution: float) -> str:
    """A value as it is sent, in fixed point at the instrument's resolution; raises CommandRefused.

    What the resolution would round to zero is refused: a current limit of zero is another thing than a small one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MAX <= value <= MAX:
        raise CommandRefused(f"{what}: expected a finite number, got {value!r}")
    if (low is not None and value < low) or (high is not None and value > high):
        raise CommandRefused(f"{what}: {value:g} is outside of what the instrument can do, {low} to {high}")
    if 0 < abs(value) * SLACK < resolution:
        raise CommandRefused(f"{what}: {value:g} is below the instrument's resolution of {resolution:g}")
    return f"{value + 0.0:.{decimals(resolution)}f}"


def decimals(resolution: float) -> int:
    """How many digits behind the point show a step of `resolution`."""
    return max(0, math.ceil(-math.log10(resolution) - 1e-9))


def agrees(value: float, readback: float, resolution: float) -> bool:
    """Whether a read-back shows the value that was set."""
    return abs(value - readback) <= max(resolution * SLACK, DIGITS * abs(value))
