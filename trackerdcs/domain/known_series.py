"""What a store has found out about a series, so that it does so once and not with every point."""

from typing import Generic, TypeVar

Tags = tuple[tuple[str, str], ...]
T = TypeVar("T")
MOST = 50_000
"""Series and tuples of tags that are remembered; beyond it all are forgotten, and found out again."""


class KnownSeries(Generic[T]):
    """Something by measurement and tags.

    Hashing tags costs as much as all else that is done with a point, so `near` finds it by the identity of the tuple:
    (tags, measurement, what is known). It keeps the tuple alive, hence no other one can have the same identity. Points
    that share one tuple of tags are found there; for others, and for another measurement, there is `find`.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.near: dict[int, tuple[Tags, str, T]] = {}
        self._all: dict[tuple[str, Tags], T] = {}

    def find(self, measurement: str, tags: Tags) -> T:
        """By value, and near from now on; KeyError where nothing is known."""
        known = self._all[measurement, tags]
        if len(self.near) >= self._most:
            self.near.clear()
        self.near[id(tags)] = (tags, measurement, known)
        return known

    def learn(self, measurement: str, tags: Tags, known: T) -> None:
        """From now on this is known."""
        key = (measurement, tags)
        if len(self._all) >= self._most and key not in self._all:
            self._all.clear()
            self.near.clear()
        self._all[key] = known
