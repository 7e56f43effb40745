"""The register files of a run's folder: `NAME  0xPAGE 0xADDR 0xDEFAULT 0xVALUE`, trims of channels in a row."""

import re
from dataclasses import dataclass

from trackerdcs.domain.ph2acf.layout import CHANNELS

_FILE = re.compile(r"BE(\d+)_OG(\d+)_FE(\d+)_Chip(\d+)(SSA2?|MPA2?|CBC[23]?)?\.txt$")
_LINE = re.compile(
    r"^(?P<name>Channel(?P<cbc>\d+)|TrimDAC_C(?P<col>\d+)_R(?P<row>\d+)|THTRIMMING_S(?P<strip>\d+)"
    r"|VCth[12]|ThDAC[0-6]|Bias_THDAC(?:HIGH)?)\s.*\s0x(?P<value>[0-9A-Fa-f]+)\s*$",
    re.M,
)


@dataclass(frozen=True)
class Trims:
    """What a register file says of thresholds: the trim of each channel (None: not in the file), single registers."""

    board: int
    optical_group: int
    hybrid: int
    chip: int
    chip_type: str
    trim: tuple[float | None, ...]
    registers: dict[str, float]


def trims_of(name: str, text: str) -> Trims | None:
    """None for a file that is of no front-end chip."""
    file = _FILE.search(name)
    if file is None:
        return None
    board, group, hybrid, chip = (int(file[i]) for i in range(1, 5))
    kind = (file[5] or "CBC").removesuffix("2")
    kind = "CBC" if kind.startswith("CBC") else kind
    trim: list[float | None] = [None] * CHANNELS[kind]
    registers: dict[str, float] = {}
    for found in _LINE.finditer(text):
        channel, value = -1, float(int(found["value"], 16))
        if found["row"] is not None:
            channel = int(found["row"]) * 120 + int(found["col"])
        elif found["cbc"] is not None:
            channel = int(found["cbc"]) - 1
        elif found["strip"] is not None:
            channel = int(found["strip"]) - 1
        else:
            registers[found["name"]] = value
        if 0 <= channel < len(trim):
            trim[channel] = value
    return Trims(board, group, 2 * group + hybrid if hybrid < 2 else hybrid, chip, kind, tuple(trim), registers)
