"""How long each module has been at bias: only time between readings that are fresh and close to one another counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trackerdcs.domain.freshness import PERIODS

S = 10**9


@dataclass(frozen=True)
class Key:
    """What is counted: a module above a voltage in V, by one version of the formula."""

    module: str
    above: float
    version: int


@dataclass(frozen=True)
class Count:
    """ns `at_bias`, and ns `missed`, when nobody looked; `until` (ns UTC) is the last reading, `high` what it said."""

    at_bias: int = 0
    missed: int = 0
    until: int = 0
    high: bool = False


@dataclass
class AtBias:
    """The counts of one stand. `counts` is what is known from earlier."""

    counts: dict[Key, Count] = field(default_factory=dict)
    _by: dict[Key, str] = field(default_factory=dict)
    _new: set[Key] = field(default_factory=set)

    def hear(self, by: str, key: Key, v: float, ts: int, period: float) -> int:
        """Take a fresh reading in V at `ts` (ns UTC of its source); the ns that were missed since the one before.

        Time counts when the reading at each of its ends is above the voltage, and they are at most three periods (s)
        apart. A source whose clock was set back begins anew from there: nothing counts for that step.
        `by` names the channel that counts; a second one for the same module is not heard.
        """
        if self.taken(by, key, ts, period):
            return 0
        high, old = abs(v) > key.above, self.counts.get(key)
        self._by[key] = by
        self._new.add(key)
        if old is None:
            self.counts[key] = Count(until=ts, high=high)
            return 0
        passed = max(ts - old.until, 0)
        missed = passed if passed > PERIODS * period * S else 0
        at_bias = passed if high and old.high and not missed else 0
        self.counts[key] = Count(old.at_bias + at_bias, old.missed + missed, ts, high)
        return missed

    def taken(self, by: str, key: Key, ts: int, period: float) -> str | None:
        """Which other channel counts for the same module now, or None: both together would count each second twice."""
        other, count = self._by.get(key), self.counts.get(key)
        if other is None or other == by or count is None or abs(ts - count.until) > PERIODS * period * S:
            return None
        return other

    def take_new(self) -> dict[Key, Count]:
        """What has changed since the last call."""
        new, self._new = {key: self.counts[key] for key in self._new}, set()
        return new

    def keep(self, unsaved: Mapping[Key, Count]) -> None:
        """What could not be saved changes again with the next call."""
        self._new |= unsaved.keys()

    def recall(self, known: Mapping[Key, Count]) -> None:
        """Take what an earlier start has left, in the place of what was counted without knowing it."""
        self.counts |= known
