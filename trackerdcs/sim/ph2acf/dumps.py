"""Text and XML files of a run of the Outer Tracker: registers with the trims, and the configuration as it is now."""

import copy
import xml.etree.ElementTree as ET
from pathlib import Path

from trackerdcs.sim.ph2acf.hardware import KINDS, Chip, Hardware
from trackerdcs.sim.ph2acf.values import ChipValues

_RULE = "*" + "-" * 80
_HEAD = f"{_RULE}\n* {{}}\n{_RULE}\n* RegName                                    \tPage\tAddr\tDefval\tValue\n"
CHIP_PEDESTAL = {"SSA": 8.0, "MPA": 75.0}
"""The pedestal attribute that the real program writes whatever was measured; a CBC's is the measured mean."""


def _line(name: str, address: int, default: int, value: int) -> str:
    return f"{name:<48}0x00\t0x{address:02X}\t0x{default:02X}\t0x{value & 0xFFFF:02X}\n"


def file_stem(chip: Chip) -> str:
    """How the files of a chip are called, without the kind."""
    return f"BE{chip.board}_OG{chip.group}_FE{chip.hybrid}"


def chip_file(chip: Chip) -> str:
    """The name of a chip's register file."""
    return f"{file_stem(chip)}_Chip{chip.number}{chip.kind}.txt"


def chip_text(values: ChipValues) -> str:
    """Thresholds and the trim of every channel; the other registers of the real file are left out."""
    trims, vcth = values.offset.tolist(), values.vcth
    match values.chip.kind:
        case "SSA":
            lines = [_line(f"THTRIMMING_S{n + 1}", 0x200 + n, 0x0F, trim) for n, trim in enumerate(trims)]
            lines.append(_line("Bias_THDAC", 0x1020, 0x23, vcth))
        case "MPA":
            lines = [
                _line(f"TrimDAC_C{n % 120}_R{n // 120}", 0x800 * (n // 120 + 1) + 0x81 + n % 120, 0x0F, trim)
                for n, trim in enumerate(trims)
            ]
            lines += [_line(f"ThDAC{n}", 0x882E + n, 0x00, vcth) for n in range(7)]
        case _:
            lines = [_line("VCth1", 0x4F, 0x00, vcth & 0xFF), _line("VCth2", 0x50, 0x00, vcth >> 8)]
            lines += [_line(f"Channel{n + 1:03d}", 0x100 + n, 0x80, trim) for n, trim in enumerate(trims)]
    return _HEAD.format("Periphery and channel registers") + "".join(lines)


def write_chip_files(
    folder: Path, hardware: Hardware, values: list[ChipValues], fuses: dict[tuple[int, int], int]
) -> None:
    """A file for each chip, CIC, lpGBT and VTRx."""
    for each in values:
        (folder / chip_file(each.chip)).write_text(chip_text(each), encoding="ascii")
        cic = _HEAD.format("Control Registers") + "".join(
            _line(f"scDllCurrentSet{n}", n + 1, 0, 0x55) for n in range(3)
        )
        (folder / f"{file_stem(each.chip)}_CIC.txt").write_text(cic, encoding="ascii")
    for group in hardware.groups:
        fuse = fuses[group.board, group.number].to_bytes(4, "big")
        lines = [f"CHIPID{n}                   0x{n:03X}         0x00              0x{fuse[n]:02X}" for n in range(4)]
        lines = [f"{line}                          8" for line in lines]
        stem = f"BE{group.board}_OG{group.number}"
        head = f"{_RULE}\n* RegName                 Addr          Defval            Value{'BitSize':>34}\n"
        (folder / f"{stem}_lpGBT0.txt").write_text(head + "\n".join(lines) + "\n", encoding="ascii")
        bias = "GCD                       0x00         0x01              0x01                              8\n"
        (folder / f"{stem}_VTRx0.txt").write_text(head + bias, encoding="ascii")


def configuration(hardware: Hardware, values: list[ChipValues], folder: Path) -> ET.Element:
    """The configuration with the files of this folder, and noise and pedestal of each chip."""
    tree = copy.deepcopy(hardware.tree)
    by_place = {(v.chip.board, v.chip.hybrid, v.chip.tag, v.chip.number): v for v in values}
    for board in tree.findall("BeBoard"):
        for group in board.findall("OpticalGroup"):
            number = int(group.get("Id", "0"))
            stem = f"BE{board.get('Id', '0')}_OG{number}"
            for element in group.iter():
                if element.tag.endswith("_Files"):
                    element.set("path", f"{folder}/")
                if element.tag in ("lpGBT", "VTRx"):
                    element.set("configFile", f"{stem}_{element.tag}0.txt")
            for hybrid in group.findall("Hybrid"):
                through = 2 * number + int(hybrid.get("Id", "0")) % 2
                for element in hybrid:
                    place = (int(board.get("Id", "0")), through, element.tag, int(element.get("Id", "0") or 0))
                    if element.tag in KINDS and (found := by_place.get(place)):
                        kind = found.chip.kind
                        pedestal = CHIP_PEDESTAL.get(kind, float(found.pedestal.mean()))
                        element.attrib.pop("configfile", None)
                        element.set("configFile", chip_file(found.chip))
                        element.set("noise", f"{found.mean_noise:.6f}")
                        element.set("pedestal", f"{pedestal:.6f}")
                    elif element.tag in ("CIC", "CIC2"):
                        element.set("configFile", f"{stem}_FE{through}_CIC.txt")
    return tree


def write_xml(path: Path, tree: ET.Element) -> None:
    """With a declaration and line ends as the real program writes them."""
    ET.indent(tree, "\t")
    path.write_bytes(b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(tree, encoding="utf-8"))


def write_board_xml(path: Path) -> None:
    """The registers of the board, a few of them."""
    tree = ET.Element("BeBoardRegister")
    for name, value in (("clock_source", "3"), ("clock_source_u7", "15"), ("clock_source_u8", "3")):
        ET.SubElement(tree, "Register", name=name).text = value
    write_xml(path, tree)
