"""The state of one alarm: raised, acknowledged, cleared, shelved, suppressed, not evaluated. Clocks are arguments.

What is waited for runs on the monotonic clock (s); UTC (ns) is only written down, so a clock that is set does no harm.
"""

from collections import deque
from dataclasses import dataclass, field

from trackerdcs.domain.alarm_config import AlarmRule
from trackerdcs.domain.messages import AlarmState, Value

LONGEST = 24 * 3600.0
"""Seconds that an alarm may be shelved."""


@dataclass(frozen=True)
class Verdict:
    """What is found of the thing that a rule watches: it is so, it is not, or (None) nobody knows; and why."""

    active: bool | None
    why: str | None = None
    value: Value | None = None


@dataclass(frozen=True)
class Shelf:
    """Who has put an alarm aside, and until when on the monotonic clock in s."""

    until: float
    by: str
    comment: str


@dataclass(frozen=True)
class Kept:
    """What of an alarm outlives a restart. `until`: the end of its shelf in ns UTC, the only clock that goes on."""

    active: bool
    acked: bool
    unseen: bool
    since: int
    state: AlarmState
    count: int = 0
    counted: bool = False
    raised: int | None = None
    by: str | None = None
    comment: str | None = None
    until: int | None = None
    shelved_by: str | None = None
    shelved_why: str | None = None
    why: str | None = None
    value: Value | None = None


@dataclass
class Alarmed:
    """One alarm. `active` is what the rule has found after delay or count; `unseen`: nobody has acknowledged it.

    Unknown never ends an alarm: what was raised stays raised until its input says otherwise.
    """

    rule: AlarmRule
    since: int
    active: bool = False
    acked: bool = False
    unseen: bool = False
    count: int = 0
    """How often it was raised since it was acknowledged last."""
    raised: int | None = None
    by: str | None = None
    comment: str | None = None
    shelf: Shelf | None = None
    suppressed: str | None = None
    verdict: Verdict = Verdict(None, "not examined yet")
    why: str | None = None
    value: Value | None = None
    state: AlarmState = "not_evaluated"
    _counted: bool = False
    """It was acknowledged since it was raised last: the next time is the first."""
    _pending: float | None = None
    _frames: deque[bool] = field(default_factory=deque)
    broken: bool = False
    """The last that is known of the thing itself, for hysteresis."""

    def examine(
        self, verdict: Verdict, suppressed: str | None, monotonic: float, now: int, frame: bool = False
    ) -> bool:
        """Take what is found now; `frame`: by a new frame, which counts for `count`. True if its state has changed."""
        self.verdict, self.suppressed = verdict, suppressed
        if self.shelf is not None and monotonic >= self.shelf.until:
            self.shelf = None
        if verdict.active is not None:
            self.broken = verdict.active
        if suppressed is not None:
            self._pending = None
            self._frames.clear()
            self._lower()
        elif verdict.active is not None:
            self._judge(verdict, monotonic, now, frame)
        return self._settle(now)

    def _judge(self, verdict: Verdict, monotonic: float, now: int, frame: bool) -> None:
        there = bool(verdict.active)
        if self.rule.count is not None:
            if frame:
                self._frames.append(there)
                while len(self._frames) > self.rule.count.of:
                    self._frames.popleft()
            there = sum(self._frames) >= self.rule.count.n or (self.active and there)
        elif there and not self.active:
            self._pending = monotonic if self._pending is None else self._pending
            there = monotonic - self._pending >= self.rule.delay
        elif not there:
            self._pending = None
        if there and not self.active:
            self._raise(now)
        elif not there:
            self._lower()
        if verdict.active:
            self.why, self.value = verdict.why, verdict.value

    def _raise(self, now: int) -> None:
        self.active, self.acked, self.unseen, self._pending = True, False, True, None
        self.count, self._counted = (1 if self._counted else self.count + 1), False
        self.raised, self.by, self.comment = now, None, None

    def _lower(self) -> None:
        self.active = self.acked = False
        if not self.rule.latch:
            self.unseen = False

    def objection_to_ack(self) -> str | None:
        """Why there is nothing to acknowledge, or None."""
        if self.state in ("raised", "cleared", "not_evaluated"):
            return None
        return f"it is {self.state}" + (f" by {self.by}" if self.state == "acknowledged" and self.by else "")

    def acknowledge(self, by: str, comment: str | None, now: int) -> None:
        """Somebody has seen it; ask `objection_to_ack` first. What is not evaluated stays so, and what comes is new."""
        self.by, self.comment = by, comment
        if self.state != "not_evaluated":
            self.acked, self.unseen, self._counted = self.active, False, True
        self._settle(now)

    def shelve(self, shelf: Shelf, now: int) -> None:
        """Put it aside for a while: it is watched, and shown as shelved."""
        self.shelf = shelf
        self._settle(now)

    def unshelve(self, now: int) -> None:
        """Show it as it is."""
        self.shelf = None
        self._settle(now)

    def _settle(self, now: int) -> bool:
        """The state that is shown; True if it is another one."""
        state = self._shown()
        if state == self.state:
            return False
        if state in ("normal", "not_evaluated"):
            self.by = self.comment = None
        self.state, self.since = state, now
        return True

    def _shown(self) -> AlarmState:
        if self.shelf is not None:
            return "shelved"
        if self.active:
            return "acknowledged" if self.acked else "raised"
        if self.unseen and self.suppressed is None:
            return "cleared"
        if self.suppressed is not None:
            return "suppressed"
        return "not_evaluated" if self.verdict.active is None else "normal"

    def kept(self, monotonic: float, now: int) -> Kept:
        """What is written down of it."""
        shelf = self.shelf
        until = None if shelf is None else now + int((shelf.until - monotonic) * 1e9)
        by, why = (shelf.by, shelf.comment) if shelf is not None else (None, None)
        return Kept(
            self.active,
            self.acked,
            self.unseen,
            self.since,
            self.state,
            self.count,
            self._counted,
            self.raised,
            self.by,
            self.comment,
            until,
            by,
            why,
            self.why,
            self.value,
        )

    def restore(self, kept: Kept, monotonic: float, now: int) -> None:
        """Go on from what was written down: nothing is known yet, so what was raised stays so.

        The rest of a shelf is by UTC, and never longer than a shelf may be: the clock may have been set meanwhile.
        """
        self.active, self.acked, self.unseen, self.since = kept.active, kept.acked, kept.unseen, kept.since
        if not self.rule.latch and not self.active:  # a latch that was taken out of the rule
            self.unseen = False
        self.count, self._counted, self.raised = kept.count, kept.counted, kept.raised
        self.by, self.comment, self.why, self.value = kept.by, kept.comment, kept.why, kept.value
        self.broken = kept.active
        left = 0.0 if kept.until is None else min((kept.until - now) / 1e9, LONGEST)
        if left > 0:
            self.shelf = Shelf(monotonic + left, kept.shelved_by or "", kept.shelved_why or "")
        self.state = self._shown()
        if self.state != kept.state:
            self.since = now
