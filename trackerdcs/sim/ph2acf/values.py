"""The numbers that a simulated module has: noise, pedestal and trim of every channel, the same for the same seed."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackerdcs.sim.ph2acf.hardware import GRID, Chip, Hardware

Values = NDArray[np.float32]
BAD_RATE = 4 / 32640
DEAD_RATE = 1e-4
TRIM_MIDDLE = {"SSA": 13.5, "MPA": 15.0, "CBC": 128.0, "RD53A": 7.5, "RD53B": 15.5}
TRIM_SPREAD = {"SSA": 3.0, "MPA": 4.5, "CBC": 15.0, "RD53A": 2.2, "RD53B": 4.0}
TRIM_MAX = {"SSA": 31, "MPA": 31, "CBC": 255, "RD53A": 15, "RD53B": 31}
PEDESTAL = {"SSA": (84.0, 0.6), "MPA": (206.0, 0.6), "CBC": (595.0, 3.0), "RD53A": (185.0, 7.0), "RD53B": (200.0, 8.0)}
"""Of an Outer Tracker chip in steps of its threshold; of an RD53 its threshold in steps of VCal."""


@dataclass(frozen=True)
class ChipValues:
    """One chip; a bad channel has noise and pedestal 0."""

    chip: Chip
    noise: Values
    pedestal: Values
    offset: NDArray[np.int32]
    vcth: int
    bad: tuple[int, ...]

    @property
    def mean_noise(self) -> float:
        """Over all channels, as the configuration file and the histograms have it."""
        return float(self.noise.mean(dtype=np.float64))

    def truth(self) -> dict[str, Any]:
        """For truth.json; a pixel chip of the Inner Tracker is told by its figures."""
        chip = self.chip
        good = self.noise[self.noise > 0]
        told: dict[str, Any] = {
            "board": chip.board,
            "optical_group": chip.group,
            "hybrid": chip.hybrid,
            "chip": chip.number,
            "kind": chip.kind,
            "n": chip.channels,
            "noise_mean": self.mean_noise,
            "noise_rms": float(good.std()) if good.size else 0.0,
            "pedestal_mean": float(self.pedestal.mean(dtype=np.float64)),
            "offset_mean": float(self.offset.mean()),
            "vcth": self.vcth,
            "bad": list(self.bad),
        }
        if not chip.inner:
            told |= {"noise": _short(self.noise), "pedestal": _short(self.pedestal), "offset": self.offset.tolist()}
        return told


def _short(values: Values) -> list[float]:
    return [round(value, 4) for value in values.tolist()]


def base_noise(chip: Chip, own: np.random.Generator) -> float:
    """The noise of a biased chip at 20 degC; along the second hybrid of a module the strips get worse."""
    match chip.kind:
        case "SSA":
            drift = 0.15 * (chip.number % 8) if chip.hybrid % 2 else 0.0
            return own.uniform(3.64, 3.86) + drift
        case "MPA":
            return own.uniform(2.17, 2.49)
        case "CBC":
            return own.normal(6.0, 0.1)
        case "RD53A":
            return own.uniform(8.0, 12.0)
        case _:
            return own.uniform(14.0, 18.0)


def chip_values(chip: Chip, seed: int, run: int, factor: float) -> ChipValues:
    """One chip: what belongs to the module comes from the seed, what fluctuates also from the run number."""
    name = zlib.crc32(f"{chip.board}/{chip.group}/{chip.hybrid}/{chip.number}/{chip.kind}".encode())
    own, now = np.random.default_rng([seed, name]), np.random.default_rng([seed, name, run])
    n = chip.channels
    spread = {"CBC": 0.35, "RD53A": 0.9, "RD53B": 1.4}.get(chip.kind, 0.3)
    noise = own.normal(base_noise(chip, own), spread, n)
    if chip.kind == "CBC":
        noise[[0, 1, -2, -1]] *= 1.1
    noise = np.clip(noise * factor + now.normal(0.0, 0.02, n), 0.3, None)
    middle, width = PEDESTAL[chip.kind]
    middle += own.normal(0.0, 1.0)
    pedestal = own.normal(middle, width, n) + now.normal(0.0, 0.05, n)
    offset = np.clip(np.rint(own.normal(TRIM_MIDDLE[chip.kind], TRIM_SPREAD[chip.kind], n)), 0, TRIM_MAX[chip.kind])
    bad = np.flatnonzero(own.random(n) < (DEAD_RATE if chip.inner else BAD_RATE if chip.kind == "MPA" else 0.0))
    noise[bad] = pedestal[bad] = 0.0
    rounded = (np.round(noise, 4).astype(np.float32), np.round(pedestal, 4).astype(np.float32))
    return ChipValues(chip, *rounded, offset.astype(np.int32), round(middle), tuple(int(c) for c in bad))


def all_values(hardware: Hardware, seed: int, run: int, factors: Mapping[tuple[int, int], float]) -> list[ChipValues]:
    """Every chip; `factors` is the noise by board and optical group."""
    return [chip_values(chip, seed, run, factors[chip.board, chip.group]) for chip in hardware.chips]


def mistuned(values: list[ChipValues]) -> list[ChipValues]:
    """A tuning that failed: three chips have noise 0, not a number (666 in the file) and 20."""
    wrong = {0: 0.0, 1: 666.0, 2: 20.0}
    return [
        replace(each, noise=np.full_like(each.noise, wrong[n])) if n in wrong else each for n, each in enumerate(values)
    ]


def threshold_window(kind: str, values: ChipValues, events: int, seed: int) -> tuple[int, NDArray[np.float32]]:
    """S-curves: the first threshold that was swept, and occupancies by channel and threshold, from so many triggers."""
    good = values.noise > 0
    if not good.any():
        return 0, np.zeros((values.chip.channels, 1), dtype=np.float32)
    low, high = values.pedestal[good].min(), values.pedestal[good].max()
    reach = 5 * min(float(values.noise[good].max()), 25.0)
    top = (1024 if kind == "CBC" else 255) - 1
    first, last = max(0, int(low - reach)), min(top, int(high + reach) + 1)
    steps = np.arange(first, last + 1, dtype=np.float32)
    # The sigmoid of a normal distribution within 2e-4, and much faster than an error function without SciPy.
    x = (values.pedestal[:, None] - steps) / np.where(good, values.noise, 1.0)[:, None]
    p = 1.0 / (1.0 + np.exp(np.clip(-1.5976 * x - 0.07056 * x**3, -80, 80)))
    if kind == "CBC":
        p = 1.0 - p
    p[~good] = 0.0
    now = np.random.default_rng([seed, values.chip.number])
    spread = np.sqrt(p * (1 - p) / events) * now.standard_normal(p.shape, dtype=np.float32)
    return first, np.clip(np.rint((p + spread) * events) / events, 0, 1).astype(np.float32)


def shape(kind: str) -> tuple[int, int]:
    """Rows and columns."""
    return GRID[kind]
