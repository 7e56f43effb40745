"""The machine's clock."""

import time


class SystemClock:
    """Wall clock in ns UTC and monotonic clock in s."""

    def now(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()
