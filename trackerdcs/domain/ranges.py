"""Sets of sequence numbers as sorted, disjoint, inclusive ranges."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator


class Ranges:
    """A growing set of integers; adding in order costs O(1), in any order O(log n) plus the shift."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._first: list[int] = []
        self._last: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def add(self, first: int, last: int) -> None:
        """Add `first` to `last`, both included."""
        if first > last:
            raise ValueError(f"range {first} to {last} is reversed")
        low = bisect_left(self._last, first - 1)
        high = low
        while high < len(self._first) and self._first[high] <= last + 1:
            high += 1
        if low < high:
            first, last = min(first, self._first[low]), max(last, self._last[high - 1])
        self._first[low:high], self._last[low:high] = [first], [last]

    def __contains__(self, number: int) -> bool:
        i = bisect_left(self._last, number)
        return i < len(self._last) and self._first[i] <= number

    def holes(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """What of `first` to `last` is not in the set."""
        i = bisect_left(self._last, first)
        while first <= last:
            if i == len(self._last) or self._first[i] > last:
                yield first, last
                return
            if self._first[i] > first:
                yield first, self._first[i] - 1
            first = self._last[i] + 1
            i += 1

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self._first, self._last, strict=True))

    def __len__(self) -> int:
        """How many numbers are in the set."""
        return sum(last - first + 1 for first, last in self)

    def __repr__(self) -> str:
        return f"Ranges({list(self)})"
