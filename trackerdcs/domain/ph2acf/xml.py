"""The configuration of Ph2_ACF: which boards, modules and chips, which settings, and what a run wrote into its copy."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.ph2acf.failures import failure

LARGEST = 20_000_000
"""Bytes: a real one has 20 thousand."""
_CHIP = re.compile(r"(CBC[23]?|SSA2?|MPA2?|RD53[AB]?|CROC)$")
_ATTRIBUTES = ("noise", "pedestal")


class BadConfig(ContractError):
    """A configuration that no run can be started with; `code` as in `failures`."""

    def __init__(self, code: str, more: str) -> None:
        self.failure = failure(code, more=more)
        super().__init__(self.failure.text)


@dataclass(frozen=True)
class ConfigChip:
    """An enabled chip. `hybrid` is numbered over all modules, as in the ROOT file: the XML's plus twice its group."""

    board: int
    optical_group: int
    hybrid: int
    chip: int
    chip_type: str
    noise: float | None = None
    pedestal: float | None = None


@dataclass(frozen=True)
class ConfigModule:
    """An enabled optical group: one module."""

    board: int
    optical_group: int
    hybrids: tuple[int, ...]


@dataclass(frozen=True)
class Config:
    """What the file says, disabled parts left out; `monitoring` are pairs of device and register."""

    tracker: str
    flavour: str
    uris: tuple[str, ...]
    modules: tuple[ConfigModule, ...]
    chips: tuple[ConfigChip, ...]
    settings: dict[str, str] = field(default_factory=dict)
    monitoring: tuple[tuple[str, str], ...] = ()


def parse_config(content: bytes) -> Config:
    """Read a configuration; BadConfig where it is none."""
    if len(content) > LARGEST:
        raise BadConfig("config_not_xml", f"{len(content)} bytes")
    if b"<!ENTITY" in content:
        raise BadConfig("config_not_xml", "it defines entities, which may blow up")
    try:
        root = ET.fromstring(content)
    except (ET.ParseError, ValueError, LookupError) as e:
        raise BadConfig("config_not_xml", str(e)) from e
    boards = [b for b in root.iter("BeBoard")]
    if not boards:
        raise BadConfig("config_no_board", f"it begins with <{root.tag}>")
    chips: list[ConfigChip] = []
    modules: list[ConfigModule] = []
    uris: list[str] = []
    for board in boards:
        number = _int(board, "Id")
        uris += [c.get("uri", "") for c in board.iter("connection")]
        for group in filter(_enabled, board.iter("OpticalGroup")):
            o = _int(group, "Id")
            hybrids = []
            for hybrid in filter(_enabled, group.iter("Hybrid")):
                h = _int(hybrid, "Id")
                h = 2 * o + h if h < 2 else h
                hybrids.append(h)
                chips += [
                    ConfigChip(number, o, h, _int(chip, "Id"), _chip_type(found[1]), *map(_float, _both(chip)))
                    for chip in filter(_enabled, hybrid)
                    if (found := _CHIP.match(chip.tag))
                ]
            modules.append(ConfigModule(number, o, tuple(hybrids)))
    types = {chip.chip_type for chip in chips}
    inner = types & {"RD53A", "RD53B", "CROC"} or any(b.get("boardType") == "RD53" for b in boards)
    flavour = "PS" if "MPA" in types else "2S" if "CBC" in types else "".join(sorted(types)[:1])
    return Config(
        "IT" if inner else "OT",
        flavour,
        tuple(uris),
        tuple(modules),
        tuple(chips),
        _settings(root),
        tuple((m.get("device", ""), m.get("register", "")) for m in filter(_enabled, root.iter("MonitoringElement"))),
    )


def _settings(root: ET.Element) -> dict[str, str]:
    """Either way in which versions write them: elements `Setting name=`, or attributes of `Settings`."""
    found = {s.get("name", ""): (s.text or "").strip() for s in root.iter("Setting")}
    for settings in root.findall("Settings"):
        found |= {key: value.strip() for key, value in settings.attrib.items()}
    return found


def _both(chip: ET.Element) -> list[str | None]:
    return [chip.get(name) for name in _ATTRIBUTES]


def _chip_type(tag: str) -> str:
    return "CBC" if tag.startswith("CBC") else tag.removesuffix("2")


def _enabled(element: ET.Element) -> bool:
    return element.get("enable", element.get("Enable", "1")) not in ("0", "false")


def _int(element: ET.Element, name: str) -> int:
    text = element.get(name, element.get(name.lower(), ""))
    try:
        return int(text)
    except ValueError as e:
        raise BadConfig("config_not_xml", f"<{element.tag} {name}={text!r}>: expected a number") from e


def _float(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
