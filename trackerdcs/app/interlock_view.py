"""One interlock as a client has heard of it: how it is, and whether that is still said."""

import time
from dataclasses import dataclass, field

from trackerdcs.domain.freshness import GUARD_PERIOD, Freshness
from trackerdcs.domain.messages import Interlock


@dataclass
class InterlockView:
    """The last that the guard has said of an interlock; `live` is False while that was only kept by the broker."""

    stand: str
    name: str
    said: Interlock | None = None
    live: bool = False
    _freshness: Freshness = field(default_factory=lambda: Freshness(GUARD_PERIOD))

    def take(self, said: Interlock | None, retained: bool, monotonic: float) -> None:
        self.said, self.live = said, said is not None and not retained
        if said is not None and not retained:
            self._freshness.hear(said.boot, said.seq, said.ts, monotonic)

    @property
    def bypassed(self) -> bool:
        return self.said is not None and self.said.bypass is not None

    def state(self, monotonic: float) -> str:
        """ok, open or unknown as the guard says it now; silent if it does not."""
        if self.said is None or not self.live or not self._freshness.fresh(monotonic):
            return "silent"
        return self.said.state

    def text(self, monotonic: float) -> str:
        """In words, for people."""
        state, said = self.state(monotonic), self.said
        if said is None or state == "silent":
            return "not known: the guard is not heard"
        cause = ": ".join(part for part in (said.first, said.why) if part)
        words = ["ok" if state == "ok" else state.upper()]
        if said.bypass:
            end = time.strftime("%H:%M:%SZ", time.gmtime(max(0, said.bypass.until) // 10**9))
            words.append(f"BYPASSED until {end} by {said.bypass.by} ({said.bypass.reason}): it protects nothing")
        text = ", ".join(filter(None, (*words, cause)))
        if said.over:
            text += "; this is over: reset it"
        return text + (f"; guidance: {said.guidance}" if said.guidance and state != "ok" else "")
