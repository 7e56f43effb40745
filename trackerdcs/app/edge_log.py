"""One log line when something fails and one when it works again, however often it is tried in between."""

import logging


class EdgeLog:
    """Remembers by key what is failing, and counts the tries."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._failing: dict[str, int] = {}

    def fail(self, key: str, text: str) -> bool:
        """Log a warning if `key` was well until now; True if it was."""
        new = key not in self._failing
        if new:
            self._log.warning(text)
        self._failing[key] = self._failing.get(key, 0) + 1
        return new

    def ok(self, key: str, text: str) -> None:
        """Log if `key` was failing until now."""
        if times := self._failing.pop(key, 0):
            self._log.warning("%s (after %d failures)", text, times)
