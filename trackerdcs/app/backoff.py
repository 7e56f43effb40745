"""How long to wait before the next try: twice as long each time, up to a limit."""


class Backoff:
    """Waits in s from `first` to `limit`; `reset` after a success."""

    def __init__(self, first: float, limit: float) -> None:
        self._first, self._limit = first, limit
        self._next = first

    def next(self) -> float:
        """The wait before the next try."""
        wait, self._next = self._next, min(2 * self._next, self._limit)
        return wait

    def reset(self) -> None:
        """Begin with the first wait again."""
        self._next = self._first
