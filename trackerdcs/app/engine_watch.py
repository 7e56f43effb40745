"""Notices that the alarm service has gone: nobody else would tell anybody, for alarms are all that it says."""

from trackerdcs.domain.freshness import SILENCE
from trackerdcs.domain.messages import Alarm, AlarmState

PATIENCE = 60.0
"""Seconds that the alarm service may be away while the broker is reached: an update takes no longer."""
NAME = "the alarm service"
"""No alarm of a stand can have this name."""
GUIDANCE = "nobody watches this stand: start `trackerdcs alarms`, and look at the values yourself meanwhile"


class EngineWatch:
    """Times in s of the monotonic clock; `hear` takes what was said live."""

    def __init__(self) -> None:
        self._heard: tuple[str, float] | None = None
        self._since: float | None = None

    def hear(self, state: str, now: float) -> None:
        self._heard = state, now

    def ill(self, now: float) -> str | None:
        """Why the alarm service is not taken to be there, or None."""
        if self._heard is None or now - self._heard[1] > SILENCE or self._heard[0] == "offline":
            return "the alarm service is not heard"
        return None

    def gone(self, connected: bool, now: float) -> str | None:
        """Why people have to be told, or None: what cannot be heard without a broker is not missed."""
        why = self.ill(now)
        if why is None or not connected:
            self._since = None
            return None
        self._since = now if self._since is None else self._since
        return why if now - self._since >= PATIENCE else None


def said_of_it(why: str | None, raised: int, now: int, boot: str) -> Alarm:
    """As if it were an alarm, there for as long as there is a `why`; `raised` and `now` in ns UTC."""
    state: AlarmState = "raised" if why else "normal"
    return Alarm(state, "critical", now, now, 0, boot, NAME, "alarms", None, why, GUIDANCE, raised=raised)
