"""Points of a time series, what is asked of one, and how a frame becomes points."""

import json
from dataclasses import dataclass
from typing import NamedTuple

from trackerdcs.domain.messages import Event, Frame

FRAMES = "frames"
"""Measurement that keeps the identity of each frame: fields seq, boot, sw and the bad list."""

EVENTS = "events"
"""Measurement of what happened once: fields event, boot, why, and data as JSON, all of them texts."""

FieldValue = float | str
new = tuple.__new__
"""Makes a named tuple without the call of its own, which is written in Python and takes three times as long: for the
few places that make one a message."""


class Point(NamedTuple):  # made by the hundred thousand a second: a frozen dataclass costs three times as much
    """One time stamp of one series: `ts` in ns UTC, numbers always float. Same series and same `ts` = same point."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    ts: int
    fields: dict[str, FieldValue]


@dataclass(frozen=True)
class Selection:
    """A quantity in a window [start, stop) in ns UTC; channel None = the series without a channel tag."""

    stand: str
    device: str
    channel: str | None
    quantity: str
    start: int
    stop: int


@dataclass(frozen=True)
class Sample:
    """A stored value."""

    ts: int
    value: FieldValue


@dataclass(slots=True)  # a plot has ten thousands of them: frozen ones take four times as long to be made
class Bucket:
    """All numbers of a part [start, stop) of a window. A part without numbers has no bucket: unknown is not zero."""

    start: int
    stop: int
    count: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class RejectedPoint:
    """A point that the store will never take (a type conflict, say), and why."""

    point: Point
    why: str


def points_of(stand: str, device: str, frame: Frame) -> list[Point]:
    """The points of a frame: one a channel, plus one of `frames`. Values in `bad` are absent, never zero."""
    points = []
    for channel, values in frame.ch.items():
        tags = [("stand", stand), ("device", device), ("channel", channel)]
        if module := frame.mod.get(channel):
            tags.append(("module", module))
        fields = {q: v if isinstance(v, str) else float(v) for q, v in values.items()}
        if fields:
            points.append(Point(frame.kind, tuple(tags), frame.ts, fields))
    identity: dict[str, FieldValue] = {"seq": float(frame.seq), "boot": frame.boot, "sw": frame.sw}
    if frame.bad:
        identity["bad"] = json.dumps(frame.bad, separators=(",", ":"), ensure_ascii=False)
    points.append(Point(FRAMES, (("stand", stand), ("device", device)), frame.ts, identity))
    return points


def point_of(stand: str, device: str, event: Event) -> Point:
    """The point of an event; one that is about no channel has no such tag."""
    tags = [("stand", stand), ("device", device)]
    if event.ch is not None:
        tags.append(("channel", event.ch))
    fields: dict[str, FieldValue] = {"event": event.event, "boot": event.boot}
    if event.why is not None:
        fields["why"] = event.why
    if event.data:
        fields["data"] = json.dumps(event.data, separators=(",", ":"), ensure_ascii=False)
    return Point(EVENTS, tuple(tags), event.ts, fields)
