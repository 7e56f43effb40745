"""What is written at the end of a run of the Outer Tracker, with the ways in which writing goes wrong."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trackerdcs.sim.ph2acf.dumps import configuration, write_board_xml, write_chip_files, write_xml
from trackerdcs.sim.ph2acf.ending import Uncaught
from trackerdcs.sim.ph2acf.hardware import Hardware
from trackerdcs.sim.ph2acf.knobs import Knobs
from trackerdcs.sim.ph2acf.monitor import points, write_monitor
from trackerdcs.sim.ph2acf.results_ot import Content, write_results
from trackerdcs.sim.ph2acf.surroundings import REFERENCE_T
from trackerdcs.sim.ph2acf.values import ChipValues

Fuses = dict[tuple[int, int], int]


def write_texts(folder: Path, hardware: Hardware, values: list[ChipValues], fuses: Fuses) -> None:
    """Register files and both XML files."""
    write_chip_files(folder, hardware, values, fuses)
    write_board_xml(folder / "BE0_Config.xml")
    write_xml(folder / "Configuration.xml", configuration(hardware, values, folder))


def cut_in_half(path: Path) -> None:
    """What a copy that broke off leaves."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def disk_full(path: Path) -> Uncaught:
    """What ROOT says, and then dies of."""
    print(f"SysError in <TFile::WriteBuffer>: error writing to file {path} (-1) (No space left on device)", flush=True)
    return Uncaught(f"Error: cannot write {path}: No space left on device")


def write_root(
    path: Path,
    knobs: Knobs,
    hardware: Hardware,
    values: list[ChipValues],
    stages: Sequence[str],
    metadata: Mapping[str, str],
    fuses: Fuses,
    seed: int,
    missing: Sequence[int],
) -> None:
    """Results.root, or what a fault makes of it. A disk that is really full is said as the real program says it."""
    if knobs.has("disk"):
        raise disk_full(path)
    try:
        write_results(path, Content(hardware, values, stages, metadata, fuses, seed, knobs.channels, missing))
    except OSError as e:
        raise disk_full(path) from e
    if knobs.has("trunc"):
        cut_in_half(path)


def write_monitor_file(
    path: Path,
    hardware: Hardware,
    seen: Sequence[Mapping[str, Any]],
    times: tuple[float, float],
    real: float,
    seed: int,
) -> None:
    """Graphs as long as the run would have been on the real hardware, over the time that it took here."""
    at = np.linspace(*times, points(real))
    t = [REFERENCE_T if each["t"] is None else each["t"] for each in seen]
    write_monitor(path, hardware, at, np.interp(at, [each["at"] for each in seen], t), seed)
