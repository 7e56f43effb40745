"""One physics for all simulated instruments of a stand: sensors, module loads, air and cold plate, on one clock."""

import math
import random
import time
from collections.abc import Callable

BOLTZMANN = 8.617333262e-5  # eV/K
GAP = 1.21  # eV, effective band gap of silicon for the scaling of a bulk current
KELVIN = 273.15

_AIR = {"t_air": 21.0, "rh": 40.0, "t_plate_target": 20.0, "t_plate_tau": 60.0}


def leakage_scale(t: float) -> float:
    """Bulk current at t degC relative to 20 degC."""
    warm, cold = 20.0 + KELVIN, t + KELVIN
    return (cold / warm) ** 2 * math.exp(-GAP / (2 * BOLTZMANN) * (1 / cold - 1 / warm))


class World:
    """State of a stand, advanced at each request. Same seed, clock and requests give the same numbers.

    Values are read and set by name: `t_air`, `rh`, `t_plate` (jumps), `t_plate_target` (approached with the time
    constant `t_plate_tau`), and of a channel `<device>.<channel>.` `i0` (A per root of V at 20 degC), `v_breakdown`,
    `r` (ohm), `activity` (1 = module idle; the load takes so many times the current).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, seed: int = 1, speed: float = 1.0) -> None:
        self.speed = speed
        self._clock, self._seed = clock, seed
        self._start = clock()
        self._random = random.Random(seed)
        self._values = dict(_AIR)
        self._plate, self._plate_at = _AIR["t_plate_target"], 0.0

    def now(self) -> float:
        """Simulated seconds since the start."""
        return (self._clock() - self._start) * self.speed

    def sensor(self, key: str) -> None:
        """Put a silicon sensor at the channel `device.channel`; each sensor is a little different."""
        own = random.Random(f"{self._seed}/{key}")
        self._values.setdefault(f"{key}.i0", own.uniform(7e-9, 10e-9))
        self._values.setdefault(f"{key}.v_breakdown", own.uniform(590.0, 640.0))

    def load(self, key: str) -> None:
        """Put a module's low-voltage side at the channel `device.channel`."""
        own = random.Random(f"{self._seed}/{key}")
        self._values.setdefault(f"{key}.r", own.uniform(18.0, 22.0))
        self._values.setdefault(f"{key}.activity", 1.0)

    def values(self) -> dict[str, float]:
        """All values by name, as they are now."""
        return {**self._values, "t_plate": self.t_plate()}

    def check(self, name: str, value: float) -> None:
        """ValueError for a name or a number that makes no sense."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{name}: expected a finite number, got {value!r}")
        if name not in self._values and name != "t_plate":
            raise ValueError(f"no value {name!r} in this world, known are {', '.join(sorted(self.values()))}")
        if name not in ("t_air", "t_plate", "t_plate_target") and (
            value < 0 or (value == 0 and name.endswith((".r", "tau")))
        ):
            raise ValueError(f"{name}: {value} is not possible")

    def set(self, name: str, value: float) -> None:
        """Set a value by its name; ValueError for a name or a number that makes no sense."""
        self.check(name, value)
        self._plate, self._plate_at = self.t_plate(), self.now()
        if name == "t_plate":
            self._plate = float(value)
            name = "t_plate_target"
        self._values[name] = float(value)

    def t_plate(self) -> float:
        """Temperature of the cold plate, and of the sensors on it, in degC."""
        target = self._values["t_plate_target"]
        passed = self.now() - self._plate_at
        return target + (self._plate - target) * math.exp(-passed / self._values["t_plate_tau"])

    def t_air(self) -> float:
        """Measured air temperature in degC: a slow wave and noise around the value."""
        return self._values["t_air"] + 0.2 * math.sin(self.now() / 300.0) + self._random.gauss(0.0, 0.02)

    def rh(self) -> float:
        """Measured relative humidity in %."""
        rh = self._values["rh"] + 0.5 * math.sin(self.now() / 400.0) + self._random.gauss(0.0, 0.1)
        return min(max(rh, 0.0), 100.0)

    def sensor_current(self, key: str, v: float) -> float:
        """Leakage current in A at |V|, without noise."""
        v = abs(v)
        i = self._values[f"{key}.i0"] * math.sqrt(v) * leakage_scale(self.t_plate())
        return i * math.exp(min(max(v - self._values[f"{key}.v_breakdown"], 0.0) / 8.0, 100.0))

    def sensor_point(self, key: str, v: float, i_limit: float) -> tuple[float, float, bool]:
        """Where a source of |V| with a current limit ends up: V, A, and whether it is limited."""
        v = abs(v)
        if (i := self.sensor_current(key, v)) <= i_limit:
            return v, i, False
        low, high = 0.0, v
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if self.sensor_current(key, middle) <= i_limit else (low, middle)
        return low, i_limit, True

    def load_point(self, key: str, v: float, i_limit: float) -> tuple[float, float, bool]:
        """The same for a module's low-voltage side, a resistance that falls with its activity."""
        r = self._values[f"{key}.r"] / max(self._values[f"{key}.activity"], 1e-9)
        return (v, v / r, False) if v / r <= i_limit else (i_limit * r, i_limit, True)

    def noise(self, value: float, relative: float, absolute: float) -> float:
        """A measured value: what it is, plus noise."""
        return value + self._random.gauss(0.0, 1.0) * (abs(value) * relative + absolute)
