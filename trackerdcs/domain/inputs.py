"""What a guard knows of the quantities of its stand: only live frames count, and only while they can be believed."""

import math
from dataclasses import dataclass, field
from typing import Literal

from trackerdcs.domain.freshness import PERIODS, Freshness, stamp
from trackerdcs.domain.messages import Frame, Value
from trackerdcs.domain.wiring import parts


@dataclass(frozen=True)
class Doubt:
    """Why a value is not known."""

    why: str


@dataclass
class _Device:
    freshness: Freshness
    frame: Frame | None = None


@dataclass
class Inputs:
    """The newest live frame of each device; `periods` in s. The time of the last change is kept for `watched` ones."""

    periods: dict[str, float]
    watched: frozenset[str] = frozenset()
    _devices: dict[str, _Device] = field(default_factory=dict)
    _changed: dict[str, tuple[Value, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._devices = {name: _Device(Freshness(period)) for name, period in self.periods.items()}
        self._of: dict[str, list[tuple[str, str, str]]] = {name: [] for name in self.periods}
        for of in self.watched:
            name, ch, quantity = parts(of) or ("", "", "")
            self._of[name].append((of, ch, quantity))

    def hear(self, name: str, frame: Frame, monotonic: float) -> bool:
        """Take a live frame, never a retained or replayed one; False if it is no news."""
        device = self._devices[name]
        if not device.freshness.hear(frame.boot, frame.seq, stamp(frame), monotonic):
            return False
        device.frame = frame
        for of, ch, quantity in self._of[name]:
            value = frame.ch.get(ch, {}).get(quantity)
            if value is not None and (of not in self._changed or self._changed[of][0] != value):
                self._changed[of] = (value, monotonic)
        return True

    def silence(self, name: str, monotonic: float) -> str | None:
        """Why the frames of a device are not fresh, or None."""
        freshness = self._devices[name].freshness
        if freshness.fresh(monotonic):
            return None
        age = freshness.age(monotonic)
        return (
            f"no frame of {name} has been heard yet"
            if age is None
            else f"the last frame of {name} is {age:.0f} s old, more than {PERIODS} periods of {freshness.period:g} s"
        )

    def read(self, of: str, frozen_after: float | Literal["never"], monotonic: float) -> Value | Doubt:
        """The value of a quantity as `env1.rh`, or why it cannot be believed."""
        name, ch, quantity = parts(of) or ("", "", "")
        device = self._devices.get(name)
        frame = device.frame if device else None
        if device is None or frame is None:
            return Doubt(f"{of} has not been heard yet")
        if not device.freshness.fresh(monotonic):
            age = device.freshness.age(monotonic) or 0.0
            return Doubt(f"{of} is {age:.0f} s old, more than {PERIODS} periods of {device.freshness.period:g} s")
        for group, what in ((frame.bad, "cannot be read"), (frame.unc, "is uncertain")):
            if why := group.get(ch, {}).get(quantity):
                return Doubt(f"{of} {what}: {why}")
        value = frame.ch.get(ch, {}).get(quantity)
        if value is None:
            return Doubt(f"{of} is missing from the frames of {name}")
        if not isinstance(value, bool | str) and not math.isfinite(value):
            return Doubt(f"{of} is {value}")
        if frozen_after != "never" and (still := monotonic - self._changed[of][1]) >= frozen_after:
            return Doubt(f"{of} is frozen: no change for {still:.0f} s")
        return value
