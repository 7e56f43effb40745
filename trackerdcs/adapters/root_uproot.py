"""ROOT files of Ph2_ACF through uproot: histograms, texts, graphs of the monitor. `Channel/` is never read."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.ph2acf.contents import Found, Graph, MonitorContent, RootContent
from trackerdcs.domain.ph2acf.layout import (
    ALIASES,
    CHANNELS,
    NO_FIT,
    SINGLE,
    TEXTS,
    Place,
    chip_type,
    kind_of_histogram,
    place_of,
)
from trackerdcs.domain.ph2acf.verdict import Root
from trackerdcs.domain.run_results import Axis, Blob, Values, packed

try:
    import numpy as np
    import uproot
except ModuleNotFoundError as e:
    raise ConfigError(f"ROOT files are read by uproot, and {e.name} is not here: pip install 'trackerdcs[runs]'") from e

SKIPPED = frozenset({"Channel"})
# Each object is read once: kept in caches, they would be most of the memory of a process that reads thousands of runs.
PLAINLY: dict[str, Any] = {"object_cache": None, "array_cache": None, "num_workers": 1}
LARGEST = 4 << 20
"""Bytes of the largest blob: what is larger stays in the raw file alone."""
MOST_BINS = 1 << 24
MOST_BYTES = 1 << 30
"""Unpacked, of all objects of one file: a full PS module has 40 MB."""


def file_state(path: Path) -> tuple[Root, str]:
    """Whether a file can be opened at all, by its head: `whole` may still turn out to be unclosed or unreadable."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
    if head[:4] != b"root":
        return ("unclosed", "the file is empty") if not size else ("not_root", "it does not begin like a ROOT file")
    if len(head) < 64:
        return "cut", f"{size} bytes"
    (version,) = struct.unpack(">i", head[4:8])
    (end,) = struct.unpack(">q", head[12:20]) if version >= 1_000_000 else struct.unpack(">i", head[12:16])
    if size < end:
        return "cut", f"{size} bytes of {end}"
    return "whole", ""


def read_results(path: Path) -> RootContent:
    """All of a file of results that is of use; never an exception for what the file is like."""
    content = RootContent()

    def take(file: Any) -> None:
        groups: dict[tuple[Any, ...], Found] = {}
        room = _Room()
        for name, kind, directory, key in _objects(file, ""):
            if not room.takes(directory, key):
                content.large += 1
                continue
            try:
                _take(content, groups, place_of(name), kind, directory, key)
            except Exception:  # noqa: BLE001 damaged bytes make uproot raise whatever they happen to lead to
                content.unread[kind] = content.unread.get(kind, 0) + 1
        content.found = list(groups.values())
        _name_chips(content.found)

    content.state, content.why = _read(path, take)
    return content


def read_monitor(path: Path) -> MonitorContent:
    """The graphs of a file of monitored registers."""
    content = MonitorContent()

    def take(file: Any) -> None:
        room = _Room()
        for name, kind, directory, key in _objects(file, ""):
            if kind.startswith("TGraph"):
                if not room.takes(directory, key):
                    content.large += 1
                    continue
                times, values = directory[key].values()
                place = place_of(name)
                register = place.name.partition("_DQM_")[2] or place.name
                content.graphs.append(Graph(place, register, tuple(times.tolist()), plain_list(values, False)))

    content.state, content.why = _read(path, take)
    return content


class _Room:
    """How much of a file is looked into: its keys say how large objects are, before they are unpacked."""

    def __init__(self) -> None:
        self._left = MOST_BYTES

    def takes(self, directory: Any, key: str) -> bool:
        """Whether there is room for this one, too."""
        size = int(directory.key(key).data_uncompressed_bytes)
        if not 0 <= size <= min(MOST_BINS * 8, self._left):
            return False
        self._left -= size
        return True


def _read(path: Path, take: Callable[[Any], None]) -> tuple[Root, str]:
    """Let `take` have the open file, if it is whole; the state of the file and why."""
    state, why = file_state(path)
    if state != "whole":
        return state, why
    try:
        with uproot.open(path, **PLAINLY) as file:
            if not file.keys(recursive=False):
                return "unclosed", "it has no keys"
            take(file)
    except Exception as e:  # noqa: BLE001 damaged bytes make uproot raise whatever they happen to lead to
        return "unreadable", f"{type(e).__name__}: {e}"[:300]
    return state, why


def _objects(directory: Any, above: str) -> Iterator[tuple[str, str, Any, str]]:
    """Path, class, directory and key of each object. Written by hand: uproot's own walk reads `Channel/` too, which
    holds a histogram for each of a module's 32 thousand channels."""
    for key, kind in directory.classnames(recursive=False, cycle=True).items():
        name = key.partition(";")[0]
        if kind.startswith("TDirectory"):
            if name not in SKIPPED:
                yield from _objects(directory[key], f"{above}{name}/")
        else:
            yield f"{above}{name}", kind, directory, key


def _take(
    content: RootContent, groups: dict[tuple[Any, ...], Found], place: Place, kind: str, directory: Any, key: str
) -> None:
    if kind == "TObjString":
        if place.name in TEXTS:
            content.texts[TEXTS[place.name], place.board, place.optical_group] = str(directory[key])
        return
    histograms = [directory[key]] if kind[:3] in ("TH1", "TH2") else []
    if kind == "TCanvas" and not place.name.startswith("PedeNoise_B_"):
        histograms = in_canvas(directory[key])
        if not histograms:
            raise ValueError("a canvas without a histogram that can be read")
    for histogram in histograms:
        _sort_in(groups, place, histogram)
    if not histograms and kind != "TCanvas":
        content.unread[kind] = content.unread.get(kind, 0) + 1


def _name_chips(found: list[Found]) -> None:
    """Chips whose folders call them all `Chip`, by the size of their pictures: those of the Inner Tracker."""
    by_size = {count: name for name, count in CHANNELS.items() if name in ("RD53A", "CROC")}
    known: dict[Place, str] = {}
    for each in found:
        for blob in each.blobs:
            if len(blob.shape) == 2 and (name := by_size.get(blob.shape[0] * blob.shape[1])):
                known[replace(each.place, name="")] = name
    for each in found:
        each.chip_type = known.get(replace(each.place, name=""), each.chip_type)


def in_canvas(canvas: Any) -> list[Any]:
    """The histograms that a canvas draws; none where uproot cannot look into it."""
    primitives = canvas.member("fPrimitives")
    return [each for each in primitives if getattr(each, "classname", "")[:3] in ("TH1", "TH2")]


def _sort_in(groups: dict[tuple[Any, ...], Found], place: Place, histogram: Any) -> None:
    """A histogram among what is known of its place: as a list, as a number, or as a picture."""
    numbers = histogram.values()
    name = place.name
    per_channel = name in ALIASES and numbers.ndim == 1 and place.chip is not None
    kind = kind_of_histogram(name)
    channels = len(numbers) if per_channel else None
    where = (place.board, place.optical_group, place.hybrid, place.chip, kind)
    found = groups.get(where)
    if found is None:
        found = groups[where] = Found(place, kind, chip_type(place, channels))
    if per_channel and len(numbers) in CHANNELS.values():
        values = ALIASES[name]
        found.chip_type = chip_type(place, channels)
        found.values[values] = plain_list(numbers)
        if values == "noise" and histogram.has_member("fSumw2") and len(histogram.member("fSumw2")):
            found.values["noise_error"] = plain_list(histogram.errors())
    elif name in SINGLE and numbers.size == 1:
        found.numbers[SINGLE[name]] = float(numbers[0])
    elif (blob := _picture(name, histogram, numbers)) is not None:
        found.blobs.append(blob)
        if name == "NoiseDistribution" and numbers.ndim == 1 and (total := float(numbers.sum())) > 0:
            centers = histogram.axis().centers()
            found.numbers["noise_mean"] = float((numbers * centers).sum() / total)
        elif kind == "map" and numbers.ndim == 2:
            good = numbers[numbers > 0]  # negative: disabled, or no fit
            if good.size:
                found.numbers |= {f"{name}_mean": float(good.mean()), f"{name}_rms": float(good.std())}
                found.numbers[f"{name}_n"] = float(good.size)


def plain_list(numbers: Any, marked: bool = True) -> Values | Any:
    """Numbers of a histogram as a list: to the seven digits that a float32 has, None for what is no number.

    `marked`: the program writes a number that its fit did not give as 666.
    """
    wide = np.asarray(numbers, dtype=np.float64)
    lost = ~np.isfinite(wide)
    if marked:
        lost |= wide == NO_FIT
    safe = np.where(lost | (wide == 0), 1.0, wide)
    scale = 10.0 ** (6 - np.floor(np.log10(np.abs(safe))))
    rounded = np.where(wide == 0, 0.0, np.round(safe * scale) / scale)
    listed: list[float | None] = rounded.tolist()
    if lost.any():
        for i in np.flatnonzero(lost).tolist():
            listed[i] = None
    return tuple(listed)


def _picture(name: str, histogram: Any, numbers: Any) -> Blob | None:
    """A histogram as a blob; None where it is too large for a document."""
    if numbers.size > MOST_BINS:
        raise ValueError(f"{name}: {numbers.size} bins stay in the raw file")
    little = np.ascontiguousarray(numbers, dtype=numbers.dtype.newbyteorder("<"))
    axes = [_axis(histogram, i) for i in range(numbers.ndim)]
    blob = packed(name, little.dtype.str, little.shape, axes, little.data if little.size else b"")
    if len(blob.data) > LARGEST:
        raise ValueError(f"{name}: {len(blob.data)} bytes stay in the raw file")
    return blob


def _axis(histogram: Any, i: int) -> Axis:
    axis = histogram.axis(i)
    member = axis.member
    title = str(member("fTitle") or "")
    return Axis(title, int(member("fNbins")), float(member("fXmin")), float(member("fXmax")))
