"""Counts attempts by key, such as logins by name and by address, and says how long the next one has to wait."""

from collections import OrderedDict, deque

KEYS = 10_000
"""Keys that are remembered: whoever makes up names must not fill the memory."""


class Attempts:
    """At most `most` attempts of a key within `window` s; what is counted and was right in the end is forgiven."""

    def __init__(self, most: int, window: float, keys: int = KEYS) -> None:
        self._most, self._window, self._keys = most, window, keys
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Seconds until an attempt is free again; 0 if one is."""
        seen = self._recent(key, now)
        return seen[0] + self._window - now if len(seen) >= self._most else 0.0

    def count(self, key: str, now: float) -> None:
        """An attempt begins: counted before it is tried, so that many at once are not free."""
        seen = self._recent(key, now)
        seen.append(now)
        self._seen[key] = seen
        self._seen.move_to_end(key)
        while len(self._seen) > self._keys:
            self._seen.popitem(last=False)

    def forgive(self, key: str, last: bool = False) -> None:
        """Forget all attempts of a key, or the `last` one alone."""
        seen = self._seen.get(key)
        if seen and last:
            seen.pop()
        if not seen or not last:
            self._seen.pop(key, None)

    def _recent(self, key: str, now: float) -> deque[float]:
        seen = self._seen.get(key, deque())
        while seen and seen[0] <= now - self._window:
            seen.popleft()
        return seen
