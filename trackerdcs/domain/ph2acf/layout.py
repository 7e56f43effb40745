"""Names of Ph2_ACF: files of a run's folder, places in a ROOT file, stages of calibrations, channels of a chip."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from trackerdcs.domain.run import SIMULATED, FileKind
from trackerdcs.domain.run_results import Kind

CHANNELS = {"CBC": 254, "SSA": 120, "MPA": 1920, "RD53A": 400 * 192, "RD53B": 432 * 336, "CROC": 432 * 336}
COLUMNS = {"MPA": 120, "RD53A": 400, "RD53B": 432, "CROC": 432}
NO_FIT = 666.0
"""What the program writes for a number that its fit did not give."""
MARKER = "trackerdcs-run.json"
"""File in which the bridge writes the id of the run that a folder belongs to."""
OURS = frozenset({MARKER, SIMULATED, "truth.json"})

_TO_CIC = "OTalignLpGBTinputs OTalignBoardDataWord OTverifyBoardDataWord OTCICphaseAlignment OTCICwordAlignment"
_ALIGN = "OTalignLpGBTinputs OTalignBoardDataWord OTCICphaseAlignment OTCICwordAlignment OTCICBX0Alignment"
_QUICK = f"TuneLpGBTVref OTVTRxLightYieldScan OTLpGBTEyeOpeningTest {_TO_CIC} OTCICBX0Alignment OTalignStubPackage"
STAGES: dict[str, tuple[str, ...]] = {
    name: tuple(stages.split())
    for name, stages in {
        "PSquickTest": f"{_QUICK} OTverifyCICdataWord OTverifyMPASSAdataWord OTPSringOscillatorTest "
        "PedestalEqualization PedeNoise",
        "2SquickTest": f"{_QUICK} OTverifyCICdataWord PedestalEqualization PedeNoise",
        "calibrationandpedenoise": f"{_ALIGN} OTalignStubPackage PedestalEqualization PedeNoise",
        "pedenoise": "PedeNoise",
        "calibration": f"{_ALIGN} OTalignStubPackage PedestalEqualization",
        "alignment": f"{_ALIGN} OTalignStubPackage",
    }.items()
}
"""Stages of the calibrations whose order is known; others are learnt from past runs."""
SILENT = frozenset({"TuneLpGBTVref", "ConfigureOnly"})
"""Stages that say nothing."""
ALIASES = {
    "ChannelNoise": "noise",
    "ChannelNoiseDistribution": "noise",
    "ChannelPedestal": "pedestal",
    "ChannelPulseHeight": "pedestal",
    "ChannelPedestalDistribution": "pedestal",
    "OffsetValues": "offset",
    "ChannelOffsetValues": "offset",
    "OccupancyAfterOffsetEqualization": "occupancy",
    "Occupancy": "occupancy",
    "TDAC1DMap": "trim",
}
"""Histograms with a number for each channel, in all versions, and the name of their list."""
SINGLE = {"VplusValue": "vplus"}
"""Histograms with one number for the chip."""
TEXTS = {
    "CalibrationName": "calibration",
    "CalibrationStartTimestamp": "start",
    "CalibrationStopTimestamp": "stop",
    "GitTag": "git_tag",
    "GitCommitHash": "git_hash",
    "HostName": "host",
    "Username": "user",
    "FirmwareVersion": "firmware",
    "LpGBTFuseId": "fuse_id",
    "SubCalibrationNameAndTime": "stages",
}
"""Texts of a ROOT file that go into the record."""

_STAGE_WORDS = {
    "pedestal equalization": "PedestalEqualization",
    "noise": "PedeNoise",
    "noise measurement": "PedeNoise",
}
_CHIP = re.compile(r"(Chip|CBC|SSA2?|MPA2?|RD53[AB]?|CROC)_0*(\d+)$")
_PART_OF_LOG = re.compile(r"_(debug|warn|err|fatal)\.log$")
_LEVELS = (("board", "Board_"), ("optical_group", "OpticalGroup_"), ("hybrid", "Hybrid_"))
_DECORATION = re.compile(
    r"D_(?:B\(\d+\)_)?(?:O\(\d+\)_)?(?:H\(\d+\)_)?(?:C\(\d+\)_)?(?P<x>.+?)_(?:Chip|Hybrid|OpticalGroup_?|Board_?)\(\d+\)$"
)


@dataclass(frozen=True)
class Place:
    """Where in the detector an object of a ROOT file belongs, and its name without the place in it."""

    name: str
    board: int | None = None
    optical_group: int | None = None
    hybrid: int | None = None
    chip: int | None = None
    chip_type: str = ""


def stage_name(said: str) -> str:
    """The stage's name as the lists of stages have it."""
    return _STAGE_WORDS.get(said.lower(), said)


def place_of(path: str) -> Place:
    """What `Detector/Board_0/OpticalGroup_0/Hybrid_1/MPA_8/D_B(0)_O(0)_H(1)_ChannelNoise_Chip(8);1` is about."""
    *folders, leaf = path.partition(";")[0].split("/")
    numbers: dict[str, int] = {}
    chip, kind = None, ""
    for folder in folders:
        for level, prefix in _LEVELS:
            if folder.startswith(prefix) and folder[len(prefix) :].isdigit():
                numbers[level] = int(folder[len(prefix) :])
        if found := _CHIP.match(folder):
            kind, chip = found[1].removesuffix("2"), int(found[2])
    found = _DECORATION.match(leaf)
    name = found["x"] if found else leaf.removesuffix("_Detector")
    return Place(name, numbers.get("board"), numbers.get("optical_group"), numbers.get("hybrid"), chip, kind)


def chip_type(place: Place, channels: int | None = None) -> str:
    """The type of a chip: folders of 2S modules and of older versions call them all `Chip`."""
    if place.chip_type not in ("", "Chip"):
        return place.chip_type
    by_count = {count: name for name, count in CHANNELS.items() if name not in ("RD53B",)}
    return by_count.get(channels or 0, "CBC" if place.chip is not None and channels is None else "")


def kind_of_histogram(name: str) -> Kind:
    """The kind of result that a histogram belongs to, by its name without the place."""
    if name in ALIASES or name in SINGLE:
        return "pedenoise" if ALIASES.get(name) in ("noise", "pedestal") else "equalization"
    if name.endswith(("2D", "Map")) or name in ("PixelAlive", "Noise1D", "Threshold1D", "TDAC", "ThrEqualization"):
        return "map"
    if any(word in name for word in ("Noise", "Pedestal", "PulseHeight", "SCurve")):
        return "pedenoise"
    return "equalization" if "Offset" in name or "Vplus" in name else "generic"


def kind_of(name: str) -> FileKind:
    """What a file of a run's folder is, by its name."""
    path = PurePath(name)
    suffix, stem = path.suffix.lower(), path.name
    if suffix == ".root":
        return "monitor" if stem.startswith("MonitorDQM") else "root"
    kinds: dict[str, FileKind] = {".log": "log", ".xml": "config", ".txt": "text", ".raw": "data", ".dat": "data"}
    return "log" if stem in ("stdout", "stderr") else kinds.get(suffix, "other")


def logs_of(names: Iterable[str]) -> list[str]:
    """The logs to be heard: both streams of the program where somebody kept them, else the one nearest to the top.
    What Ph2_ACF writes itself below `logs` says the same again, and is dropped when it grows."""
    logs = sorted((n for n in names if kind_of(n) == "log"), key=lambda name: (name.count("/"), name))
    streams = [name for name in logs if PurePath(name).stem in ("stdout", "stderr")]
    return streams or [name for name in logs if not _PART_OF_LOG.search(name)][:1] or logs[:1]


def calibration_of(stages: tuple[str, ...]) -> str:
    """The calibration that has just these stages (the silent ones aside); empty when that is none or unknown."""
    heard = tuple(stage for stage in stages if stage not in SILENT)
    names = [n for n, known in STAGES.items() if tuple(s for s in known if s not in SILENT) == heard]
    return names[0] if heard and len(names) == 1 else ""


def inner_number(name: str) -> tuple[int, str] | None:
    """Number and calibration of `Run000042_SCurve.root`, as the Inner Tracker's program names its results."""
    found = re.fullmatch(r"Run(\d{6})_([A-Za-z0-9]+)\.root", PurePath(name).name)
    return (int(found[1]), found[2]) if found else None


def outer_number(folder: str) -> int | None:
    """Number of a folder `Run_500749` or `Run_500749_output_abc`."""
    found = re.match(r"Run_(\d+)(?:_|$)", PurePath(folder).name)
    return int(found[1]) if found else None
