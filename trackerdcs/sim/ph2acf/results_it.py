"""Results of the Inner Tracker: a ROOT file for a run and a text file with the trim of every pixel for a chip.

The real program puts each histogram into a canvas of the same name; here it lies in the folder itself.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trackerdcs.sim.ph2acf.hardware import GRID, Hardware
from trackerdcs.sim.ph2acf.root_file import Numbers, chip_folder, chip_name, create, filled, h1, h2
from trackerdcs.sim.ph2acf.values import ChipValues


def _map(what: str, values: ChipValues, data: Numbers) -> Any:
    rows, columns = GRID[values.chip.kind]
    grid = data.reshape(rows, columns).T
    return h2(what, grid, (0.0, float(columns)), (0.0, float(rows)), ("column", "row"))


def _scan(calibration: str, values: ChipValues, events: int, now: np.random.Generator) -> dict[str, Any]:
    """Histograms of one chip by name."""
    good = values.noise > 0
    threshold, noise = values.pedestal, values.noise
    lists: dict[str, Any] = {}
    if calibration == "scurve":
        lists["Threshold1D"] = h1("Threshold1D", filled(threshold[good], 1000, 0.0, 1000.0), 0.0, 1000.0)
        lists["Noise1D"] = h1("Noise1D", filled(noise[good], 100, 0.0, 100.0), 0.0, 100.0)
        lists["Threshold2D"] = _map("Threshold2D", values, np.where(good, threshold, -2.0))
        lists["Noise2D"] = _map("Noise2D", values, np.where(good, noise, -2.0))
        lists["ToT2D"] = _map("ToT2D", values, now.normal(5.0, 0.5, len(noise)) * good)
        lists["ReadoutErrors"] = _map("ReadoutErrors", values, np.zeros(len(noise)))
        lists["FitErrors"] = _map("FitErrors", values, (~good).astype(np.float32))
    elif calibration in ("pixelalive", "noise"):
        rate = np.where(good, 1.0 if calibration == "pixelalive" else 1e-6, 0.0)
        lists["Occ1D"] = h1("Occ1D", filled(rate * events, events + 1, 0.0, events + 1.0), 0.0, events + 1.0)
        lists["PixelAlive"] = _map("PixelAlive", values, rate)
        lists["ToT1D"] = h1("ToT1D", filled(now.normal(5.0, 0.5, 5000), 16, 0.0, 16.0), 0.0, 16.0)
        lists["ToT2D"] = _map("ToT2D", values, now.normal(5.0, 0.5, len(noise)) * good)
        lists["ReadoutErrors"] = _map("ReadoutErrors", values, np.zeros(len(noise)))
    elif calibration.startswith("threqu"):
        lists["ThrEqualization"] = h1("ThrEqualization", filled(good * 0.5, 101, 0.0, 1.01), 0.0, 1.01)
        top = int(values.offset.max()) + 1
        lists["TDAC"] = h1("TDAC", filled(values.offset, top, 0.0, float(top)), 0.0, float(top))
    elif calibration in ("thrmin", "thradj"):
        lists["Threhsold"] = h1("Threhsold", filled(np.array([float(values.vcth)]), 1000, 0.0, 1000.0), 0.0, 1000.0)
    elif calibration == "latency":
        lists["Latency"] = h1("Latency", filled(np.array([136.0]), 511, 0.0, 511.0), 0.0, 511.0)
    elif calibration == "gain":
        slope = now.normal(0.02, 0.001, len(noise)) * good
        lists["Gain"] = h1("Gain", filled(slope[good], 100, 0.0, 0.1), 0.0, 0.1)
        lists["Slope2D"] = _map("Slope2D", values, slope)
        lists["Intercept2D"] = _map("Intercept2D", values, now.normal(1.0, 0.1, len(noise)) * good)
    return lists


def write_results(
    path: Path,
    hardware: Hardware,
    values: list[ChipValues],
    calibration: str,
    metadata: Mapping[str, str],
    seed: int,
    missing: list[int],
) -> None:
    """The whole file, closed."""
    now = np.random.default_rng(seed)
    with create(path) as file:
        for name, text in metadata.items():
            file[f"Detector/{name}_Detector"] = text
        for n, each in enumerate(values):
            if n not in missing:
                for what, histogram in _scan(calibration, each, hardware.events(), now).items():
                    file[f"{chip_folder(each.chip)}/{chip_name(each.chip, what)}"] = histogram


def chip_text(values: ChipValues) -> str:
    """Trims by column, as in the files that the chips are configured from."""
    rows, columns = GRID[values.chip.kind]
    enabled = (values.noise > 0).astype(int).reshape(rows, columns).T
    trims = values.offset.reshape(rows, columns).T
    lines = ["*" + "-" * 80, "* PIXELCONFIGURATION", "*" + "-" * 80]
    for column in range(columns):
        on = ",".join(map(str, enabled[column].tolist()))
        lines += [f"COL                  {column:03d}", f"ENABLE {on}", f"HITBUS {on}", f"INJEN  {on}"]
        lines += ["TDAC   " + ",".join(map(str, trims[column].tolist())), ""]
    return "\n".join(lines)
