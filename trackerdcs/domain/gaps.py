"""What became of each frame of a device's boots, and what nobody has told us: the gaps."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from trackerdcs.domain.ranges import Ranges

Fate = Literal["stored", "dropped", "parked", "lost"]
"""`lost` was declared by the device, `dropped` by a person who removed a dead letter."""
FATES: tuple[Fate, ...] = ("stored", "dropped", "parked", "lost")
"""Where several are known of a frame, the first counts: one that was declared lost may still have come."""
Unknown = Literal["missing", "on its way", "before the record"]

ON_ITS_WAY_S = 900
"""A gap that has not shrunk for so long is missing: a journal sends again at least every 10 minutes."""
EDGE = 2
"""Frames next to the beginning of the record that may be on either side of it."""


@dataclass(frozen=True, order=True)
class Piece:
    """Frames `first` to `last` of a boot that had the same fate; times are ns UTC.

    `ts` of the first and the last frame are the source's, None where they are not known. `since` and `until` are when
    the record learned of its first and of its last frame, by the loader's clock.
    """

    stand: str
    device: str
    boot: str
    fate: Fate
    first: int
    last: int
    first_ts: int | None = None
    last_ts: int | None = None
    since: int = 0
    until: int = 0
    cause: str = ""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        return self.stand, self.device, self.boot, self.fate, self.cause

    def joined(self, other: "Piece") -> "Piece":
        """Both as one; they have the same key, and overlap or touch."""
        low, high = min(self, other, key=lambda p: p.first), max(self, other, key=lambda p: p.last)
        since = min(self.since, other.since) if self.first == other.first else low.since
        until = min(self.until, other.until) if self.last == other.last else high.until
        return replace(
            self,
            first=low.first,
            last=high.last,
            first_ts=low.first_ts,
            last_ts=high.last_ts,
            since=since,
            until=until,
        )


@dataclass(frozen=True)
class Span:
    """Frames of a boot that are not in the database, between a frame of the time `after` and one of `before`."""

    fate: Fate | Unknown
    first: int
    last: int
    after: int | None
    before: int | None
    cause: str = ""

    @property
    def frames(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Account:
    """A boot of a device from the first to the last frame that is known of; `heard` is when it was heard last."""

    stand: str
    device: str
    boot: str
    begin: int | None
    end: int | None
    heard: int
    stored: int
    spans: tuple[Span, ...]

    def frames(self, *fates: Fate | Unknown) -> int:
        return sum(span.frames for span in self.spans if span.fate in fates)


def merged(pieces: Iterable[Piece]) -> list[Piece]:
    """The same frames in as few pieces as possible."""
    found: list[Piece] = []
    for piece in sorted(pieces, key=lambda p: (p.key, p.first)):
        if found and found[-1].key == piece.key and piece.first <= found[-1].last + 1:
            found[-1] = found[-1].joined(piece)
        else:
            found.append(piece)
    return found


def account(pieces: Iterable[Piece], begun: int, now: int) -> Account:
    """What is known of one boot; `begun` is when the record was."""
    pieces = merged(pieces)
    first, heard = pieces[0], max(max(p.since, p.until) for p in pieces)
    clock = _Clock(pieces)
    known = Ranges()
    spans: list[Span] = []
    stored = 0
    for fate in FATES:
        for piece in (p for p in pieces if p.fate == fate):
            for low, high in list(known.holes(piece.first, piece.last)):
                if fate == "stored":
                    stored += high - low + 1
                else:
                    spans.append(Span(fate, low, high, *clock.around(low, high), piece.cause))
                known.add(low, high)
    learned = _learned(pieces)
    for low, high in known.holes(0, max(p.last for p in pieces)):
        fresh = now - max(learned.get(low, 0), learned.get(high + 1, 0)) < ON_ITS_WAY_S * 10**9
        earlier = clock.before(begun) if low == 0 else 0
        if earlier > 0:
            spans.append(Span("before the record", 0, min(high, earlier - 1), *clock.around(0, min(high, earlier - 1))))
        if (low := max(low, earlier)) <= high:
            spans.append(Span("on its way" if fresh else "missing", low, high, *clock.around(low, high)))
    begin, end = clock.ends()
    spans.sort(key=lambda span: span.first)
    return Account(first.stand, first.device, first.boot, begin, end, heard, stored, tuple(spans))


def accounts(pieces: Iterable[Piece], begun: int, now: int) -> Iterator[Account]:
    """One for each boot, a device's boots by time."""
    boots: dict[tuple[str, str, str], list[Piece]] = {}
    for piece in pieces:
        boots.setdefault((piece.stand, piece.device, piece.boot), []).append(piece)
    found = [account(of_boot, begun, now) for of_boot in boots.values()]
    return iter(sorted(found, key=lambda a: (a.stand, a.device, a.end or 0, a.boot)))


def _learned(pieces: list[Piece]) -> dict[int, int]:
    """When the record learned of the frame before each number, and of the one at each number, where pieces end."""
    times: dict[int, int] = {}
    for p in pieces:
        for edge, at in ((p.first, p.since), (p.last + 1, p.until)):
            times[edge] = max(at, times.get(edge, 0))
    return times


class _Clock:
    """Times of a boot's frames, as far as they are known."""

    def __init__(self, pieces: list[Piece]) -> None:
        times: dict[int, int] = {}
        for p in pieces:
            for seq, ts in ((p.first, p.first_ts), (p.last, p.last_ts)):
                if ts is not None:
                    times[seq] = ts
        self._seqs = sorted(times)
        self._times = [times[seq] for seq in self._seqs]

    def ends(self) -> tuple[int | None, int | None]:
        return (min(self._times), max(self._times)) if self._times else (None, None)

    def around(self, first: int, last: int) -> tuple[int | None, int | None]:
        """Of the last known frame before and the first known one after."""
        low, high = bisect_left(self._seqs, first) - 1, bisect_left(self._seqs, last + 1)
        return self._times[low] if low >= 0 else None, self._times[high] if high < len(self._seqs) else None

    def before(self, moment: int) -> int:
        """How many frames were sent before a moment, by the mean distance of those that are known; 0 if none."""
        if not self._seqs:
            return 0
        first, ts = self._seqs[0], self._times[0]
        if ts < moment:
            return first
        if len(self._seqs) == 1:
            return 0
        period = (self._times[-1] - ts) / (self._seqs[-1] - first)
        if period <= 0 or ts - first * period >= moment:
            return 0
        return min(first, first - int((ts - moment) / period) + EDGE)
