"""Frames read by msgspec, ten times as fast as `domain/codec.py`; what it is not sure of is left to that."""

from collections.abc import Callable

import msgspec
from msgspec import UNSET, UnsetType

from trackerdcs.domain.intake import BOOT_MAX, SEQ_MAX, FrameId, Intake
from trackerdcs.domain.messages import NO_CHANNEL, NOT_A_KIND, TEXT, VERSION
from trackerdcs.domain.series import FRAMES, FieldValue, Point, new
from trackerdcs.domain.topics import NAME

REQUIRED = 7
"""Keys that every frame has."""
KNOWN = 10_000
"""Names, and series of one device, that are remembered."""
MODULE_MAX = 64
"""Characters of a module whose series may be remembered: a longer one is left to the codec."""
Tags = tuple[tuple[str, str], ...]


class FastFrame(msgspec.Struct, gc=False):
    """A frame as it is on the wire. One with `bad`, `unc` or `runs`, and so every odd one, is left to the codec."""

    v: int
    ts: int
    seq: int
    boot: str
    sw: str
    kind: str
    ch: dict[str, dict[str, float | bool | str]]
    sim: bool | UnsetType | None = UNSET
    mod: dict[str, str] | UnsetType = UNSET


_decode = msgspec.json.Decoder(FastFrame).decode
_names: set[str] = set()


def frame_reader(stand: str, device: str) -> Callable[[bytes], Intake | None]:
    """A reader of one device's frames: what `domain/intake.take_in` makes of one, or None where that has to say."""
    source, identity_tags = (stand, device), (("stand", stand), ("device", device))
    series: dict[tuple[str, str | None], Tags] = {}

    def tags_of(channel: str, module: str | None) -> Tags | None:
        if (channel != NO_CHANNEL and not _is_name(channel)) or (module is not None and not module.isprintable()):
            return None
        if module is not None and len(module) > MODULE_MAX:
            return None
        if len(series) >= KNOWN:
            series.clear()
        tags: Tags = (("stand", stand), ("device", device), ("channel", channel))
        series[channel, module] = tags = (*tags, ("module", module)) if module else tags
        return tags

    def read(payload: bytes) -> Intake | None:
        try:
            frame = _decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # not all that it raises is its own
            return None
        ts, seq, boot, kind, ch, mod = frame.ts, frame.seq, frame.boot, frame.kind, frame.ch, frame.mod
        keys = REQUIRED + len(ch) + (frame.sim is not UNSET)
        if mod is not UNSET:
            keys += 1 + len(mod)
            if not all(map(str.isprintable, mod.values())):
                return None
        if frame.v != VERSION or not (0 < ts < 2**63 and 0 <= seq <= SEQ_MAX and 1 <= len(boot) <= BOOT_MAX):
            return None
        if not boot.isprintable() or kind in NOT_A_KIND or not (kind in _names or _is_name(kind)):
            return None
        points = []
        for channel, values in ch.items():
            module = mod.get(channel) if mod is not UNSET else None
            tags = series.get((channel, module)) or tags_of(channel, module)
            if tags is None:
                return None
            keys += len(values)
            for quantity, value in values.items():
                kind_of_value = type(value)
                if not (quantity in _names or _is_name(quantity)) or (kind_of_value is str) is not (quantity == TEXT):
                    return None
                if kind_of_value is bool:
                    values[quantity] = float(value)
            if values:
                points.append(new(Point, (kind, tags, ts, values)))
        # A key that stands twice, or one that we do not know, has a colon too many; so has a text with one.
        if payload.count(b":") != keys:
            return None
        identity: dict[str, FieldValue] = {"seq": float(seq), "boot": boot, "sw": frame.sw}
        points.append(new(Point, (FRAMES, identity_tags, ts, identity)))
        return Intake(FrameId(stand, device, boot, seq), ts, points, None, None, source)

    return read


def _is_name(text: str) -> bool:
    if not NAME.fullmatch(text):
        return False
    if len(_names) >= KNOWN:
        _names.clear()
    _names.add(text)
    return True
