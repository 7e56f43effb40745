"""What a loader makes of a message: points to store, or the cause why it has to be parked."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from trackerdcs.domain.codec import decode
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.gaps import Fate, Piece
from trackerdcs.domain.messages import Event, Frame
from trackerdcs.domain.ranges import Ranges
from trackerdcs.domain.series import Point, point_of, points_of
from trackerdcs.domain.topics import parse

SEQ_MAX = 2**53
"""Sequence numbers are stored as floats: larger ones would lose their identity."""
BOOT_MAX = 64
CAUSE_MAX = 200


class FrameId(NamedTuple):
    """Which frame it is; journals are told by it what is stored."""

    stand: str
    device: str
    boot: str
    seq: int


class Intake(NamedTuple):
    """Points, or `why` there are none. A message without `id` cannot be confirmed to any journal.

    An event has none: `lost` are the frames that a device declares lost. `source` is the stand and the device of a
    frame.
    """

    id: FrameId | None
    ts: int = 0
    points: Sequence[Point] = ()
    why: str | None = None
    lost: Piece | None = None
    source: tuple[str, str] | None = None

    @property
    def nothing(self) -> bool:
        """A message in which nothing is to be stored."""
        return not (self.points or self.why or self.lost)


def pieces_of(intakes: Iterable[Intake], fate: Fate, now: int) -> list[Piece]:
    """What the gap record has to know of messages that had the same fate by `now`, and what is declared lost."""
    pieces: list[Piece] = []
    boots: dict[tuple[str, str, str], dict[int, int | None]] = {}
    for intake in intakes:
        if intake.id is not None:
            boots.setdefault(intake.id[:3], {})[intake.id.seq] = intake.ts if intake.points else None
        elif intake.lost is not None:
            pieces.append(replace(intake.lost, since=now, until=now))
    for key, times in boots.items():
        for first, last in Ranges((seq, seq) for seq in sorted(times)):
            pieces.append(Piece(*key, fate, first, last, times[first], times[last], now, now))
    return pieces


def take_in(topic: str, payload: bytes) -> Intake:
    """Read a message of a `frame`, `replay` or `event` topic. Never raises: a fault is a cause to park."""
    try:
        where = parse(topic)
        if where.device is None or where.kind not in ("frame", "replay", "event"):
            raise ContractError(f"topic {topic!r}: a loader takes frames, replays and events only")
        if where.kind == "event":
            event = decode(Event, payload)
            lost = _declared(where.stand, where.device, event)
            return Intake(None, event.ts, [point_of(where.stand, where.device, event)], lost=lost)
    except ContractError as e:
        return Intake(None, why=str(e))
    try:
        frame = decode(Frame, payload)
        _check(frame)
    except ContractError as e:
        claim = _claim(payload)
        return Intake(FrameId(where.stand, where.device, *claim) if claim else None, why=str(e))
    points = points_of(where.stand, where.device, frame)
    id = FrameId(where.stand, where.device, frame.boot, frame.seq)
    return Intake(id, frame.ts, points, source=(where.stand, where.device))


def _declared(stand: str, device: str, event: Event) -> Piece | None:
    """The frames that an event declares lost."""
    if event.event != "lost":
        return None
    boot, first, last = (event.data.get(key) for key in ("boot", "from", "to"))
    if not isinstance(boot, str) or not _is_boot(boot):
        raise ContractError(f"lost: data.boot: {boot!r:.80} is no boot")
    if type(first) is not int or type(last) is not int or not 0 <= first <= last <= SEQ_MAX:
        raise ContractError(f"lost: data.from, data.to: {first!r:.40} to {last!r:.40} is no range of seq")
    cause = str(event.data.get("cause") or event.why or "")[:CAUSE_MAX]
    return Piece(stand, device, boot, "lost", first, last, cause=cause)


def _check(frame: Frame) -> None:
    """What the contract allows and not every time series can take."""
    if frame.seq > SEQ_MAX:
        raise ContractError(f"seq: {frame.seq} is above 2^53")
    if not _is_boot(frame.boot):
        raise ContractError(f"boot: {frame.boot[:BOOT_MAX]!r} is no printable text of at most {BOOT_MAX} characters")
    for channel, module in frame.mod.items():
        if not module.isprintable():
            raise ContractError(f"mod.{channel}: {module[:BOOT_MAX]!r} is no printable text")


def _claim(payload: bytes) -> tuple[str, int] | None:
    """Boot and seq that a message outside the contract gives, if it gives them without doubt."""
    try:
        data = json.loads(payload, object_pairs_hook=_without_doubt)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    boot, seq = data.get("boot"), data.get("seq")
    if not isinstance(boot, str) or not _is_boot(boot) or type(seq) is not int or not 0 <= seq <= SEQ_MAX:
        return None
    return boot, seq


def _is_boot(boot: str) -> bool:
    return 1 <= len(boot) <= BOOT_MAX and boot.isprintable()


def _without_doubt(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs) and {"boot", "seq"} & data.keys():
        raise ValueError("which boot or seq is meant cannot be known")
    return data
