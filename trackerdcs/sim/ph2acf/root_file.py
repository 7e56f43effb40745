"""ROOT objects as the programs name and type them, and the file that a killed program leaves behind."""

from pathlib import Path
from typing import Any

import numpy as np
import uproot
from numpy.typing import NDArray
from uproot.writing.identify import to_TAxis, to_TH1x, to_TH2x

from trackerdcs.sim.ph2acf.hardware import Chip

Numbers = NDArray[Any]


def create(path: Path) -> Any:
    """A ROOT file to be written and closed, quickly rather than small."""
    return uproot.recreate(path, compression=uproot.ZLIB(1))


def _axis(n: int, low: float, high: float, title: str, name: str) -> Any:
    return to_TAxis(name, title, n, low, high)


def h1(
    title: str, data: Numbers, low: float, high: float, errors: Numbers | None = None, axes: tuple[str, str] = ("", "")
) -> Any:
    """TH1F, or TH1I for whole numbers; under- and overflow are empty."""
    n = len(data)
    kind = np.int32 if data.dtype.kind == "i" else np.float32
    padded = np.zeros(n + 2, dtype=kind)
    padded[1:-1] = data
    squares = None
    if errors is not None:
        squares = np.zeros(n + 2)
        squares[1:-1] = np.asarray(errors, dtype=np.float64) ** 2
    weights = data.astype(np.float64)
    x = low + (np.arange(n) + 0.5) * (high - low) / max(n, 1)
    sums = [float(weights.sum()), float((weights**2).sum()), float((weights * x).sum()), float((weights * x * x).sum())]
    x_axis, y_axis = _axis(n, low, high, axes[0], "xaxis"), _axis(1, 0.0, 1.0, axes[1], "yaxis")
    return to_TH1x(None, title, padded, float(n), *sums, squares, x_axis, y_axis)


def h2(title: str, data: Numbers, x: tuple[float, float], y: tuple[float, float], axes: tuple[str, str]) -> Any:
    """TH2F of data[x, y]."""
    nx, ny = data.shape
    padded = np.zeros((ny + 2, nx + 2), dtype=np.float32)
    padded[1:-1, 1:-1] = data.T
    total = float(data.sum(dtype=np.float64))
    flat = padded.ravel()
    x_axis, y_axis = _axis(nx, *x, axes[0], "xaxis"), _axis(ny, *y, axes[1], "yaxis")
    zero = [0.0] * 5
    return to_TH2x(None, title, flat, total, total, total, *zero, np.zeros(0), x_axis, y_axis)


def filled(values: Numbers, n: int, low: float, high: float) -> Numbers:
    """How often the values fall into each bin."""
    return np.histogram(values, bins=n, range=(low, high))[0].astype(np.float32)


def group_folder(board: int, group: int) -> str:
    """Where an optical group is."""
    return f"Detector/Board_{board}/OpticalGroup_{group}"


def chip_folder(chip: Chip) -> str:
    """Where a chip is."""
    kind = chip.kind if chip.kind in ("SSA", "MPA") else "Chip"
    number = f"{chip.number:02d}" if chip.inner else str(chip.number)
    return f"{group_folder(chip.board, chip.group)}/Hybrid_{chip.hybrid}/{kind}_{number}"


def chip_name(chip: Chip, what: str) -> str:
    """The name of a chip's object."""
    return f"D_B({chip.board})_O({chip.group})_H({chip.hybrid})_{what}_Chip({chip.number})"
