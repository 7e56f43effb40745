"""The hardware that a configuration file describes: boards, optical groups, hybrids and the chips that are enabled."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trackerdcs.sim.ph2acf.ending import Uncaught

KINDS = {"SSA": "SSA", "SSA2": "SSA", "MPA": "MPA", "MPA2": "MPA", "CBC": "CBC", "CBC3": "CBC"}
KINDS |= {"RD53A": "RD53A", "RD53B": "RD53B", "CROC": "RD53B", "RD53": "RD53A"}
GRID = {"SSA": (1, 120), "MPA": (16, 120), "CBC": (1, 254), "RD53A": (192, 400), "RD53B": (336, 432)}
"""Rows and columns of a chip."""


@dataclass(frozen=True)
class Chip:
    """One enabled chip; `hybrid` is the number in ROOT paths and file names, counted through the optical groups."""

    board: int
    group: int
    hybrid: int
    number: int
    kind: str
    tag: str
    config_file: str

    @property
    def channels(self) -> int:
        """How many there are."""
        rows, columns = GRID[self.kind]
        return rows * columns

    @property
    def inner(self) -> bool:
        """Is it a chip of the Inner Tracker?"""
        return self.kind.startswith("RD53")

    def place(self, channel: int) -> str:
        """A channel as the log names it."""
        columns = GRID[self.kind][1]
        return f"row {channel // columns} col {channel % columns}"


@dataclass(frozen=True)
class Group:
    """One optical group, which is one module."""

    board: int
    number: int
    chips: tuple[Chip, ...]

    @property
    def hybrids(self) -> list[int]:
        """Numbers of its hybrids."""
        return sorted({chip.hybrid for chip in self.chips})


@dataclass(frozen=True)
class Hardware:
    """All of a configuration file."""

    path: Path
    tree: ET.Element
    uri: str
    groups: tuple[Group, ...]
    settings: dict[str, str]
    registers: tuple[tuple[str, str], ...]
    """What the monitoring reads: device and register."""

    @property
    def chips(self) -> list[Chip]:
        """The enabled chips in the order of the file."""
        return [chip for group in self.groups for chip in group.chips]

    @property
    def flavour(self) -> str:
        """PS, 2S, RD53A or RD53B."""
        kinds = {chip.kind for chip in self.chips}
        return next((name for kind, name in (("MPA", "PS"), ("SSA", "PS"), ("CBC", "2S")) if kind in kinds), min(kinds))

    def events(self) -> int:
        """How many triggers a point has."""
        return max(1, int(self.number("Nevents", self.number("nEvents", 100.0))))

    def number(self, setting: str, default: float) -> float:
        """A setting as a number."""
        try:
            return float(self.settings.get(setting, default))
        except ValueError:
            return default


def _enabled(element: ET.Element) -> bool:
    return element.get("enable", element.get("Enable", "1")).strip() != "0"


def _number(element: ET.Element) -> int:
    text = element.get("Id", element.get("id", "0"))
    if not re.fullmatch(r"\s*\d+\s*", text):
        raise Uncaught(f"Error: {element.tag} has no number as Id: {text}")
    return int(text)


def _chips(group: ET.Element, board: int) -> Iterator[Chip]:
    number = _number(group)
    for hybrid in filter(_enabled, group.findall("Hybrid")):
        inside = _number(hybrid)
        for element in hybrid:
            if (kind := KINDS.get(element.tag)) and _enabled(element):
                through = inside if kind.startswith("RD53") else 2 * number + inside % 2
                config = element.get("configFile", element.get("configfile", f"{element.tag}.txt"))
                yield Chip(board, number, through, _number(element), kind, element.tag, config)


def read_hardware(path: Path) -> Hardware:
    """What the file describes; Uncaught if it cannot be read, is not XML, or names no board or no enabled chip."""
    try:
        tree = ET.parse(path).getroot()
    except OSError as e:
        raise Uncaught(f"Error: cannot open configuration file {path}: {e.strerror}") from e
    except ET.ParseError as e:
        raise Uncaught(f"Error: configuration file {path} is not XML: {e}") from e
    boards = tree.findall("BeBoard")
    if not boards:
        raise Uncaught(f"Error: configuration file {path} names no BeBoard")
    groups = [
        Group(_number(board), _number(group), chips)
        for board in boards
        for group in filter(_enabled, board.findall("OpticalGroup"))
        if (chips := tuple(_chips(group, _number(board))))
    ]
    if not groups:
        raise Uncaught("ExceptionHandler Error: No object enabled in fDetectorContainer")
    connection = boards[0].find("connection")
    monitored = [each for each in tree.findall("MonitoringSettings/Monitoring") if _enabled(each)]
    registers = [
        (element.get("device", ""), element.get("register", ""))
        for each in monitored
        for element in filter(_enabled, each.findall("MonitoringElement"))
    ]
    settings = {each.get("name", ""): (each.text or "").strip() for each in tree.findall("Settings/Setting")}
    uri = "" if connection is None else connection.get("uri", "")
    return Hardware(path, tree, uri, tuple(groups), settings, tuple(registers))
