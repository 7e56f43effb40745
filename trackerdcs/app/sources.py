"""What a loader has stored of each device, as channels of its own frames: a number that stands still is seen."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from trackerdcs.domain.instrument import UNITS, Channel, Quantity
from trackerdcs.domain.messages import Readings, Reasons
from trackerdcs.domain.topics import NAME
from trackerdcs.ports import Clock

MOST = 1000
"""Sources with figures of their own; what more there are is in the sums only."""
LONGEST = 32
QUANTITIES = ("stored", "stored_rate", "lag")
AHEAD_S = 60.0
"""A source whose values are of a time so far ahead of the loader's is said to have a wrong clock."""


@dataclass
class Source:
    """Messages stored since the start, how many when figures were last made and when (monotonic s), newest `ts`, and
    by how many s the last ones were ahead of our clock."""

    stored: int = 0
    counted: int = 0
    at: float = 0.0
    ts: int = 0
    ahead: float = 0.0


class Sources:
    """Stand and device of what a loader stores."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sources: dict[str, Source] = {}
        self._names: dict[tuple[str, str], str] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def note(self, stored: Iterable[tuple[tuple[str, str], int, int]]) -> None:
        """Count what is in the database: source, number of messages, newest time (ns UTC)."""
        now = self._clock.now()
        for key, count, ts in stored:
            name = self._names.get(key) or self._named(*key)
            if name not in self._sources and len(self._sources) >= MOST:
                continue
            source = self._sources.setdefault(name, Source(at=self._clock.monotonic()))
            source.stored += count
            source.ahead = (ts - now) / 1e9
            source.ts = max(source.ts, min(ts, now))  # a clock that is ahead must not hide that nothing comes

    def figures(self) -> Readings:
        """By channel: count, rate since the last call, age in s of the newest value."""
        found: Readings = {}
        now, utc = self._clock.monotonic(), self._clock.now()
        for name, source in self._sources.items():
            rate = (source.stored - source.counted) / (now - source.at) if now > source.at else 0.0
            source.counted, source.at = source.stored, now
            found[name] = {
                "stored": float(source.stored),
                "stored_rate": rate,
                "lag": max(0.0, (utc - source.ts) / 1e9),
            }
        return found

    def doubts(self) -> Reasons:
        """By channel: whose clock is wrong, so that its age says nothing."""
        said = {name: f"its clock is {s.ahead:.0f} s ahead" for name, s in self._sources.items() if s.ahead > AHEAD_S}
        return {name: {"lag": text} for name, text in said.items()}

    def channels(self) -> dict[str, Channel]:
        """As meta shows them."""
        quantities = {name: Quantity(UNITS[name]) for name in QUANTITIES}
        return {name: Channel(quantities) for name in self._sources}

    def _named(self, stand: str, device: str) -> str:
        """`stand-device`, made a name: what is too long, strange or taken gets a checksum at its end."""
        name = f"{stand}-{device}"
        if not NAME.fullmatch(name) or name in self._names.values():
            check = f"{zlib.crc32(f'{stand}/{device}'.encode()):08x}"
            plain = "".join(c if NAME.fullmatch(f"a{c}") else "_" for c in name.lower())[: LONGEST - len(check) - 2]
            name = f"s{plain}-{check}" if not plain[:1].isalpha() else f"{plain}-{check}"
        if len(self._names) < 2 * MOST:
            self._names[stand, device] = name
        return name
