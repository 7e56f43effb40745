"""What has become of alarms, by the events of the alarm service: their story, and which of them are a nuisance."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from trackerdcs.domain.messages import Value

PREFIX = "alarm_"
"""How the names of such events begin; the state of the alarm follows."""
WORST = 5


@dataclass(frozen=True)
class Chapter:
    """An alarm got another state at `ts` (ns UTC of the alarm service)."""

    ts: int
    stand: str
    alarm: str
    state: str
    severity: str = ""
    of: str = ""
    value: Value | None = None
    why: str = ""
    by: str | None = None
    comment: str | None = None


@dataclass(frozen=True)
class Nuisance:
    """How often an alarm was raised, and when last."""

    stand: str
    alarm: str
    raised: int
    last: int


def chapter(stand: str, ts: int, event: str, why: str, data: str) -> Chapter | None:
    """An event as it is stored; None for one that is about no alarm, or that nobody can read any more."""
    try:
        said: Any = json.loads(data) if data else {}
    except ValueError:
        said = {}
    if not event.startswith(PREFIX) or not isinstance(said, dict):
        return None
    name = said.get("alarm") or why.partition(":")[0]
    if not isinstance(name, str) or not name:
        return None
    value = said.get("value")
    texts = {key: said[key] for key in ("severity", "of", "by", "comment") if isinstance(said.get(key), str)}
    whole = value if isinstance(value, bool | float | int | str) else None
    return Chapter(ts, stand, name, event.removeprefix(PREFIX), value=whole, why=why.removeprefix(f"{name}: "), **texts)


def nuisances(story: Iterable[Chapter], most: int = WORST) -> Sequence[Nuisance]:
    """Those that were raised most often, the worst first."""
    found: dict[tuple[str, str], list[int]] = {}
    for each in story:
        if each.state == "raised":
            found.setdefault((each.stand, each.alarm), []).append(each.ts)
    counted = [Nuisance(stand, alarm, len(times), max(times)) for (stand, alarm), times in found.items()]
    return sorted(counted, key=lambda n: (-n.raised, -n.last, n.stand, n.alarm))[:most]
