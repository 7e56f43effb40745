"""What is said of an alarm: its message, and which changes are worth an event."""

from trackerdcs.domain.alarm import Alarmed
from trackerdcs.domain.alarm_tree import Watched
from trackerdcs.domain.codec import plain
from trackerdcs.domain.messages import Alarm, AlarmState

WHY = 500
"""Characters of the longest reason: it may quote what an instrument has sent."""


def quiet(state: AlarmState) -> bool:
    """True for states in which there is nothing to see to: to go from one of them to another is no event."""
    return state in ("normal", "not_evaluated", "suppressed")


def said_of(watched: Watched, alarmed: Alarmed, monotonic: float, now: int, seq: int, boot: str) -> Alarm:
    """The message about an alarm; `monotonic` in s, `now` in ns UTC."""
    shelf, known = alarmed.shelf, alarmed.verdict.active is not None
    why = _why(alarmed)
    return Alarm(
        state=alarmed.state,
        severity=watched.rule.severity,
        ts=now,
        since=alarmed.since,
        seq=seq,
        boot=boot,
        rule=watched.rule_name,
        of=watched.of,
        value=alarmed.verdict.value if known else (alarmed.value if alarmed.active else None),
        why=plain(why)[:WHY] if why else None,
        guidance=watched.rule.guidance,
        by=shelf.by if shelf else alarmed.by,
        comment=(shelf.comment if shelf else alarmed.comment) or None,
        until=now + int((shelf.until - monotonic) * 1e9) if shelf else None,
        raised=alarmed.raised,
        count=alarmed.count,
    )


def _why(alarmed: Alarmed) -> str | None:
    """Of what is there and cannot be seen any more, both: why it was raised, and why nobody knows now."""
    verdict = alarmed.verdict
    match alarmed.state:
        case "normal":
            return None
        case "suppressed":
            return alarmed.suppressed
        case "not_evaluated":
            return verdict.why
        case "cleared":
            return f"gone: {alarmed.why}"
    if not alarmed.active:
        return None
    now = verdict.why if verdict.active else f"{alarmed.why}; not known now: {verdict.why}"
    return now if verdict.active is not False else alarmed.why
