"""One interlock as a client has heard of it: how it is, and whether that is still said."""

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
        bypass = f"BYPASSED by {said.bypass.by} ({said.bypass.reason})" if said.bypass else ""
        return ", ".join(filter(None, ("ok" if state == "ok" else state.upper(), bypass, cause)))
