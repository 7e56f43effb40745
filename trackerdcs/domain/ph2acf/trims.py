"""The register files of a run's folder: `NAME  0xPAGE 0xADDR 0xDEFAULT 0xVALUE`, trims of channels in a row."""

import re
from dataclasses import dataclass

from trackerdcs.domain.ph2acf.layout import CHANNELS

_FILE = re.compile(r"BE(\d+)_OG(\d+)_FE(\d+)_Chip(\d+)(SSA2?|MPA2?|CBC[23]?)?\.txt$")
_STARTS = ("Channel", "TrimDAC_C", "THTRIMMING_S", "VCth", "ThDAC", "Bias_THDAC")
_NAME = re.compile(r"Channel(?P<cbc>\d+)$|TrimDAC_C(?P<col>\d+)_R(?P<row>\d+)$|THTRIMMING_S(?P<strip>\d+)$")
_SINGLE = re.compile(r"VCth[12]$|ThDAC[0-6]$|Bias_THDAC(HIGH)?$")


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
    for line in text.splitlines():
        if not line.startswith(_STARTS):  # a file has twelve thousand lines: most are none of our business
            continue
        name, *_, last = line.split()
        if not last.startswith("0x"):
            continue
        try:
            value = float(int(last, 16))
        except ValueError:
            continue
        if found := _NAME.match(name):
            if found["row"] is not None:
                channel = int(found["row"]) * 120 + int(found["col"])
            else:
                channel = int(found["cbc"] or found["strip"]) - 1
            if 0 <= channel < len(trim):
                trim[channel] = value
        elif _SINGLE.match(name):
            registers[name] = value
    return Trims(board, group, 2 * group + hybrid if hybrid < 2 else hybrid, chip, kind, tuple(trim), registers)
