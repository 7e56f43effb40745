"""MonitorDQM.root: what the monitoring thread read beside the stages, as graphs over UTC seconds."""

from pathlib import Path

import numpy as np
import uproot

from trackerdcs.sim.ph2acf.hardware import Hardware
from trackerdcs.sim.ph2acf.root_file import Numbers, chip_folder, chip_name, create, group_folder

EVERY = 4.6  # s between two points on the real hardware
ABOVE = {"LpGBTtemp": 9.0, "SensorTemp": 7.0, "VTRxTemp": 12.5, "temp": -6.0}
"""Degrees by which a register reads more than the module's temperature."""
LEVEL = {"VDD": 1.23, "VDDA": 1.23, "VTRxLeakageCurr": 0.379, "2V55": 2.521}
CHIP_LEVEL = {"SSA": {"AVDD": 1.26, "DVDD": 1.058}, "MPA": {"AVDD": 1.038, "DVDD": 1.179}}
FIRST = {"LpGBTtemp": 51.0, "SensorTemp": 24.4, "VTRxTemp": 29.8, "VDD": 1.365, "VDDA": 1.365, "2V55": 2.798}
"""What the first reading of an lpGBT gives, whatever is true."""


def points(real_seconds: float) -> int:
    """How many a graph has."""
    return max(2, int(real_seconds / EVERY))


def write_monitor(path: Path, hardware: Hardware, times: Numbers, temperatures: Numbers, seed: int) -> int:
    """One graph a register; gives how many graphs there are."""
    now = np.random.default_rng(seed)
    count = 0

    def graph(register: str, level: float, first: float | None = None) -> object:
        if register in ABOVE:
            y = temperatures + ABOVE[register] + now.normal(0.0, 0.15, len(times))
        else:
            y = level * (1.0 + now.normal(0.0, 0.001, len(times)))
        if first is not None:
            y[0] = first
        return uproot.as_TGraph({"x": times.astype(np.float64), "y": y.astype(np.float64)}, title=register)

    with create(path) as file:
        for device, register in hardware.registers:
            kind = device.removesuffix("2")
            if kind == "LpGBT":
                for group in hardware.groups:
                    name = f"D_B({group.board})_LpGBT_DQM_{register}_OpticalGroup({group.number})"
                    made = graph(register, LEVEL.get(register, 1.0), FIRST.get(register))
                    file[f"{group_folder(group.board, group.number)}/{name}"] = made
                    count += 1
            for chip in hardware.chips:
                if chip.kind == kind:
                    name = chip_name(chip, f"{kind}_DQM_{register}")
                    file[f"{chip_folder(chip)}/{name}"] = graph(register, CHIP_LEVEL[kind].get(register, 1.0))
                    count += 1
    return count
