"""Results.root of the Outer Tracker: metadata, then what each finished stage leaves."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trackerdcs.sim.ph2acf.hardware import Hardware
from trackerdcs.sim.ph2acf.root_file import Numbers, chip_folder, chip_name, create, filled, group_folder, h1, h2
from trackerdcs.sim.ph2acf.values import ChipValues, threshold_window


@dataclass(frozen=True)
class Content:
    """What goes into the file."""

    hardware: Hardware
    values: list[ChipValues]
    stages: Collection[str]
    """Names of the stages that were finished."""
    metadata: Mapping[str, str]
    fuses: Mapping[tuple[int, int], int]
    seed: int
    per_channel: bool
    missing: Collection[int] = ()
    """Indices of chips whose histograms are not there."""


def write_results(path: Path, content: Content) -> None:
    """The whole file, closed."""
    with create(path) as file:
        for name, text in content.metadata.items():
            if name != "CalibrationStopTimestamp":
                file[f"Detector/{name}_Detector"] = text
        board = content.hardware.groups[0].board
        file[f"Detector/Board_{board}/D_NameId_Board_({board})"] = content.hardware.uri
        for group in content.hardware.groups:
            _group(file, content, group.board, group.number)
        for n, values in enumerate(content.values):
            if n not in content.missing:
                _chip(file, content, values)
        _hybrids(file, content)
        if stop := content.metadata.get("CalibrationStopTimestamp"):
            file["Detector/CalibrationStopTimestamp_Detector"] = stop  # written last: without it the run broke off


def _group(file: Any, content: Content, board: int, group: int) -> None:
    folder, name = group_folder(board, group), f"D_B({board})_{{}}_OpticalGroup({group})"
    file[f"{folder}/{name.format('NameId')}"] = f"OpticalGroup_{group}"
    file[f"{folder}/{name.format('LpGBTFuseId')}"] = str(content.fuses[board, group])
    file[f"{folder}/{name.format('VTRxFuseId')}"] = str(content.fuses[board, group] ^ 0x5A5A5A5A)
    now = np.random.default_rng(content.seed)
    if "OTLpGBTEyeOpeningTest" in content.stages:
        x, y = np.meshgrid(np.linspace(-1, 1, 64), np.linspace(-1, 1, 32), indexing="ij")
        for power in ("0.333333", "0.666667", "1"):
            eye = 40000 * np.clip(x**2 + y**2 / float(power), 0, 1) + now.normal(0, 200, x.shape)
            what = f"LpGBT_EyeOpeningScan_Power_{power}"
            file[f"{folder}/{name.format(what)}"] = h2(what, eye, (-0.5, 63.5), (-0.5, 31.5), ("time", "voltage"))
    if "OTVTRxLightYieldScan" in content.stages:
        light = np.add.outer(np.linspace(100, 300, 7), np.linspace(0, 80, 7)) + now.normal(0, 2, (7, 7))
        shown = h2("VTRx_LightYieldScan", light, (22.0, 50.0), (38.0, 66.0), ("modulation", "bias"))
        file[f"{folder}/{name.format('VTRx_LightYieldScan')}"] = shown


def _chip(file: Any, content: Content, values: ChipValues) -> None:
    chip, n = values.chip, values.chip.channels
    folder, inside = chip_folder(chip), (-0.5, values.chip.channels - 0.5)

    def put(what: str, histogram: Any) -> None:
        file[f"{folder}/{chip_name(chip, what)}"] = histogram

    put("NameId", f"{chip.kind}_{chip.number}")
    if "PedestalEqualization" in content.stages:
        put("VplusValue", h1("Vplus", np.array([values.vcth], dtype=np.int32), 0.0, 1.0))
        put("OffsetValues", h1("Offset", values.offset, *inside))
        occupancy = np.where(values.noise > 0, 0.5, 0.0) + np.zeros(n)
        put("OccupancyAfterOffsetEqualization", h1("Occupancy", occupancy, *inside))
    if "PedeNoise" not in content.stages:
        return
    events = content.hardware.events()
    axes = ("channel", "noise (VcTh)")
    put("ChannelNoise", h1("Noise", values.noise, *inside, values.noise / np.sqrt(2 * events), axes))
    pulse = "ChannelPedestal" if chip.kind == "CBC" else "ChannelPulseHeight"
    put(pulse, h1(pulse, values.pedestal, *inside, values.noise / np.sqrt(events)))
    low = -0.5 if chip.kind == "MPA" else 0.0
    put("NoiseDistribution", h1("Noise", filled(values.noise, 200, low, 20.0), low, 20.0))
    spread = "PedestalDistribution" if chip.kind == "CBC" else "PulseHeightDistribution"
    put(spread, h1(spread, filled(values.pedestal, 2048, -0.5, 1023.5), -0.5, 1023.5))
    if chip.kind == "CBC":
        put("ChannelNoiseBottom", h1("Noise", values.noise[0::2], -0.5, 126.5))
        put("ChannelNoiseTop", h1("Noise", values.noise[1::2], -0.5, 126.5))
    if chip.kind == "MPA":
        grid = values.noise.reshape(16, 120).T
        put("2DChannelNoise", h2("Noise", grid, (-0.5, 119.5), (-0.5, 15.5), ("column", "row")))
    if content.hardware.number("PlotSCurves", 0.0):
        _curves(file, content, values, events)


def _curves(file: Any, content: Content, values: ChipValues, events: int) -> None:
    chip = values.chip
    top = 1024 if chip.kind == "CBC" else 255
    first, window = threshold_window(chip.kind, values, events, content.seed)
    whole: Numbers = np.zeros((chip.channels, top), dtype=np.float32)
    whole[:, first : first + window.shape[1]] = window
    folder = chip_folder(chip)
    shown = h2("SCurve", whole, (-0.5, chip.channels - 0.5), (-0.5, top - 0.5), ("channel", "threshold"))
    file[f"{folder}/{chip_name(chip, 'SCurve')}"] = shown
    if content.per_channel:
        for channel in range(chip.channels):
            where = f"_Row({channel // 120})_Col({channel % 120})" if chip.kind == "MPA" else f"_Channel({channel})"
            name = f"D_B({chip.board})_O({chip.group})_H({chip.hybrid})_C({chip.number})_SCurve{where}"
            file[f"{folder}/Channel/{name}"] = h1("SCurve", whole[channel], -0.5, top - 0.5)


def _hybrids(file: Any, content: Content) -> None:
    """The same channels once more, side by side by hybrid."""
    if "PedeNoise" not in content.stages:
        return
    for group in content.hardware.groups:
        for hybrid in group.hybrids:
            folder = f"{group_folder(group.board, group.number)}/Hybrid_{hybrid}"
            name = f"D_B({group.board})_O({group.number})_{{}}_Hybrid({hybrid})"
            here = [each for each in content.values if (each.chip.board, each.chip.hybrid) == (group.board, hybrid)]
            for kinds, per_chip, prefix in (
                (("SSA",), 120, "Strip"),
                (("CBC",), 254, "Strip"),
                (("MPA",), 1920, "Pixel"),
            ):
                if not (chips := [each for each in here if each.chip.kind in kinds]):
                    continue
                line = np.zeros(8 * per_chip, dtype=np.float32)
                for each in chips:
                    start = each.chip.number % 8 * per_chip
                    line[start : start + per_chip] = each.noise
                channels = "StripChannelNoise" if prefix == "Strip" else "PixelChannelNoise"
                file[f"{folder}/{name.format(channels)}"] = h1("Noise", line, -0.5, len(line) - 0.5)
                spread = "NoiseDistribution" if kinds == ("CBC",) else f"{prefix}NoiseDistribution"
                file[f"{folder}/{name.format(spread)}"] = h1("Noise", filled(line, 200, 0.0, 20.0), 0.0, 20.0)
                if kinds == ("CBC",):
                    for side, half in (("Bottom", line[0::2]), ("Top", line[1::2])):
                        file[f"{folder}/{name.format(channels + side)}"] = h1("Noise", half, -0.5, len(half) - 0.5)
