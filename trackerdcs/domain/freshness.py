"""Is what a device said still true? Decided on the receiver's monotonic clock; only live frames count."""

from dataclasses import dataclass

from trackerdcs.domain.messages import NO_CHANNEL, Frame

HEARTBEAT = 10.0
"""Seconds between two repetitions of a status."""
SILENCE = 3 * HEARTBEAT
"""Seconds after which a status is news of a device that has gone without a word."""
GUARD_PERIOD = 1.0
"""Seconds between two repetitions of an interlock by the guard."""
PERIODS = 3
"""A frame is fresh for this many periods, and its source lag may grow by as many."""


@dataclass
class Freshness:
    """Follows the frames of one device; `period` in s."""

    period: float
    _last: tuple[str, int] | None = None
    _heard: float | None = None
    _least_lag: float = float("inf")
    _lag: float = 0.0
    _ts: int | None = None
    """The newest time stamp; None after one that cannot be believed."""

    def hear(self, boot: str, seq: int, ts: int | None, monotonic: float) -> bool:
        """Take note of a live frame; `ts` in ns UTC of the source, `monotonic` in s of the receiver. False: no news.

        Without a `ts` that can be believed, the lag is what it was. Only its growth counts: the two clocks may begin
        anywhere, and the receiver's own UTC may be set meanwhile. A `ts` that steps back says that the source's clock
        was set: no queue on the way does that, and what came before tells no more how old this is.
        """
        if self._last is not None and self._last[0] == boot and seq <= self._last[1]:
            return False
        if self._last is None or self._last[0] != boot:
            self._least_lag, self._lag, self._ts = float("inf"), 0.0, ts
        self._last, self._heard = (boot, seq), monotonic
        if ts is not None:
            behind, steady = self._behind, self._ts is not None and ts >= self._ts
            self._lag = monotonic - ts / 1e9
            self._least_lag = min(self._least_lag, self._lag) if steady else self._lag - behind
        self._ts = ts
        return True

    def fresh(self, monotonic: float) -> bool:
        """True if a new frame came within three periods and is not older news than the first ones were."""
        if self._heard is None:
            return False
        limit = PERIODS * self.period
        return monotonic - self._heard <= limit and self._behind <= limit

    def age(self, monotonic: float) -> float | None:
        """Seconds since the last frame was said: the silence, and what its lag had grown by; None without a frame."""
        if self._heard is None:
            return None
        return monotonic - self._heard + self._behind

    @property
    def _behind(self) -> float:
        """Seconds by which the lag has grown since the first frames."""
        return max(0.0, self._lag - self._least_lag)


def stamp(frame: Frame) -> int | None:
    """The time stamp of a frame, if it tells how old the frame is: not while it makes up for a clock set back."""
    return None if "ts" in frame.unc.get(NO_CHANNEL, {}) else frame.ts
