"""What people are told of alarms: one message of what waits for an address, however much that is."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from trackerdcs.domain.messages import Severity

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
LINES = 20
"""Alarms that one message names: what is longer is not read on a phone."""
LONGEST = 3500
"""Bytes of the longest message: some services refuse what has more than 4096 with its title, and would for ever."""
TEXT = 500
"""Characters of a cause or of a guidance in a message."""

News = Literal["raised", "over"]
Key = tuple[str, str, int, str]


@dataclass(frozen=True)
class Notice:
    """One alarm, told to one address. `episode` is when it was raised, `step` how often it was told before."""

    address: str
    alarm: str
    episode: int
    news: News
    step: int
    severity: Severity
    at: int
    of: str = ""
    value: str = ""
    why: str = ""
    guidance: str = ""

    @property
    def key(self) -> Key:
        """One for each thing that an address is told once."""
        return self.address, self.alarm, self.episode, f"{self.news}.{self.step}.{self.severity}"


@dataclass(frozen=True)
class Letter:
    """What is sent: a title, a plain text, and the severity of the gravest alarm in it that is not over."""

    title: str
    text: str
    severity: Severity


def letter(stand: str, notices: Sequence[Notice]) -> Letter:
    """One message of all `notices`: a single one in full, of many the gravest ones by name and the number of all."""
    raised = [notice for notice in notices if notice.news == "raised"]
    over = {(notice.alarm, notice.episode) for notice in notices if notice.news == "over"}
    there = (n.severity for n in raised if (n.alarm, n.episode) not in over)
    severity = max(there, key=SEVERITIES.index, default=SEVERITIES[0])
    if len(notices) == 1:
        return Letter(_title(stand, notices[0]), _full(notices[0]), severity)
    counts = [(sum(n.severity == each for n in raised), each.upper()) for each in reversed(SEVERITIES)]
    counts.append((len(notices) - len(raised), "over"))
    numbers = ", ".join(f"{number} {what}" for number, what in counts if number)
    order = sorted(notices, key=lambda n: (n.news == "raised", SEVERITIES.index(n.severity), n.at), reverse=True)
    times = Counter((n.alarm, n.news) for n in notices)
    newest = {(n.alarm, n.news): n for n in reversed(order)}  # one that flaps hides no other
    lines, named = list[str](), 0
    for notice in [n for n in order if n is newest[n.alarm, n.news]][:LINES]:
        line = _line(notice, times[notice.alarm, notice.news])
        if lines and len("\n".join([*lines, line]).encode()) > LONGEST:
            break
        lines.append(line)
        named += times[notice.alarm, notice.news]
    if len(order) > named:
        lines.append(f"... and {len(order) - named} more: see the page of alarms")
    return Letter(f"{stand}: {len(notices)} notices: {numbers}", "\n".join(lines), severity)


def superfluous(waiting: Collection[Notice], most: int) -> list[Key]:
    """Which of more than `most` to do without: those of alarms that are over already or were raised again since, then
    the least grave, the oldest first."""
    newest: dict[str, int] = {}
    for n in waiting:
        newest[n.alarm] = max(n.episode, newest.get(n.alarm, n.episode))
    over = {(n.alarm, n.episode) for n in waiting if n.news == "over"}

    def worth(n: Notice) -> tuple[bool, int]:
        past = (n.alarm, n.episode) in over or n.episode < newest[n.alarm]
        return not past, SEVERITIES.index(n.severity)

    return [n.key for n in sorted(waiting, key=worth)[: max(0, len(waiting) - most)]]


def _title(stand: str, notice: Notice) -> str:
    if notice.news == "over":
        return f"{stand}: over: {notice.alarm}"
    still = " still not acknowledged" if notice.step else ""
    return f"{stand}: {notice.severity.upper()}: {notice.alarm}{still}"


def _full(notice: Notice) -> str:
    facts = [
        ("why", notice.why),
        ("of", notice.of),
        ("value", notice.value),
        ("raised", _time(notice.episode)),
        ("over", _time(notice.at) if notice.news == "over" else ""),
        ("what to do", notice.guidance if notice.news == "raised" else ""),
    ]
    return "\n".join(f"{what}: {said[:TEXT]}" for what, said in facts if said)


def _line(notice: Notice, times: int) -> str:
    what = "over" if notice.news == "over" else notice.severity.upper()
    said = notice.guidance if notice.news == "raised" and notice.severity == "critical" else ""
    often = f" ({times} times)" if times > 1 else ""
    parts = [
        f"{_time(notice.at)} {what}: {notice.alarm}{often}",
        notice.why[:TEXT],
        f"do: {said[:TEXT]}" if said else "",
    ]
    return "; ".join(filter(None, parts))


def _time(ts: int) -> str:
    try:
        return f"{datetime.fromtimestamp(ts // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{ts} ns"


class Pace:
    """How often an address may be written to: `burst` messages, then one each `every` s; the last one of the burst is
    kept for what is critical."""

    def __init__(self, burst: int = 5, every: float = 60.0) -> None:
        self._burst, self._every = burst, every
        self._left = float(burst)
        self._at: float | None = None

    def wait(self, severity: Severity, now: float) -> float:
        """Seconds until a message of this severity may go, at `now` s of a monotonic clock."""
        self._refill(now)
        needed = 1.0 if severity == "critical" else 2.0
        return max(0.0, (needed - self._left) * self._every)

    def sent(self, now: float) -> None:
        self._refill(now)
        self._left = max(0.0, self._left - 1)

    def _refill(self, now: float) -> None:
        if self._at is not None:
            self._left = min(float(self._burst), self._left + max(0.0, now - self._at) / self._every)
        self._at = now
