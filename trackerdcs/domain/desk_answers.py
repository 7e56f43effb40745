"""What is said of alarms, commands, the logbook and health, for JSON and as tables: times as text."""

import json
from collections.abc import Mapping, Sequence

from trackerdcs.domain.alarm_story import Chapter, Nuisance, nuisances
from trackerdcs.domain.answers import Answer, Table
from trackerdcs.domain.health import Level, LoaderHealth, PartHealth, PlaceHealth, worst
from trackerdcs.domain.logbook import Entry
from trackerdcs.domain.moments import iso
from trackerdcs.domain.plain import plain
from trackerdcs.domain.run_links import StoredCommand

NS = 10**9


def story_answer(story: Sequence[Chapter], window: tuple[int, int], limit: int) -> Answer:
    """The newest chapters, and of all of them the worst nuisances."""
    return {
        "since": iso(window[0]),
        "until": iso(window[1]),
        "story": [plain(each) | {"ts": iso(each.ts)} for each in story[:limit]],
        "left_out": max(0, len(story) - limit),
        "nuisances": [_nuisance(each) for each in nuisances(story)],
    }


def _nuisance(each: Nuisance) -> Answer:
    return {"stand": each.stand, "alarm": each.alarm, "raised": each.raised, "last": iso(each.last)}


def story_table(story: Sequence[Chapter]) -> Table:
    """A row a chapter."""
    names = ("ts", "stand", "alarm", "state", "severity", "of", "value", "why", "by", "comment")
    columns = tuple((name, "time" if name == "ts" else "text") for name in names)
    rows = [
        tuple(str(v) if n == "value" and v is not None else v for n in names for v in [getattr(c, n)]) for c in story
    ]
    return Table(columns, rows)  # type: ignore[arg-type]


def command_answer(command: StoredCommand) -> Answer:
    """A command, who gave it (`who`: the person, else the client), and how long its answer took in s."""
    whole: Answer = plain(command)
    return whole | {
        "ts": iso(command.ts),
        "answered": iso(command.answered),
        "who": command.by or command.user,
        "took": took(command),
    }


def took(command: StoredCommand) -> float | None:
    """Seconds from the command to its last answer, by the clocks of who gave and of who answered."""
    return None if command.answered is None else round((command.answered - command.ts) / NS, 3)


def commands_table(commands: Sequence[StoredCommand]) -> Table:
    """A row a command."""
    texts = ("stand", "device", "channel", "cmd", "args", "who", "user", "reason", "state", "why", "readback", "id")
    rows = [
        (c.ts, *(_text(getattr(c, n)) if n != "who" else c.by or c.user for n in texts), c.answered, took(c))
        for c in commands
    ]
    head = (("ts", "time"), *((n, "text") for n in texts), ("answered", "time"), ("took", "number"))
    return Table(head, rows)  # type: ignore[arg-type]


def entry_answer(entry: Entry) -> Answer:
    """An entry; its attachments with the address of each."""
    files = [
        plain(each) | {"address": f"/api/logbook/{entry.id}/attachments/{n}"}
        for n, each in enumerate(entry.attachments)
    ]
    whole: Answer = plain(entry)
    return whole | {"ts": iso(entry.ts), "attachments": files}


def entries_table(entries: Sequence[Entry]) -> Table:
    """A row an entry."""
    rows = [
        (e.ts, e.author, e.text, " ".join(e.tags), e.stand, e.run, e.refers, len(e.attachments), e.id) for e in entries
    ]
    names = (("ts", "time"), ("author", "text"), ("text", "text"), ("tags", "text"), ("stand", "text"), ("run", "text"))
    return Table((*names, ("refers", "text"), ("attachments", "whole"), ("id", "text")), rows)  # type: ignore[arg-type]


def health_answer(
    now: int,
    brokers: Mapping[str, bool],
    parts: Sequence[PartHealth],
    loaders: Sequence[LoaderHealth],
    places: Sequence[PlaceHealth],
) -> Answer:
    """Everything, each part with its level and what was found; `faults` and `watch` are all findings as sentences."""
    found: dict[Level, list[str]] = {"fault": [], "watch": [], "well": []}
    for stand, reached in brokers.items():
        if not reached:
            found["fault"].append(f"the broker of {stand} does not answer")
    made: dict[str, list[Answer]] = {}
    groups = (("parts", parts), ("loaders", loaders), ("places", places))
    for group, members in groups:
        for each in members:
            match each:
                case PartHealth():
                    name, more = f"{each.stand}/{each.name}", {"since": iso(each.since)}
                case LoaderHealth():
                    name, more = f"loader {each.name}", {}
                case PlaceHealth():
                    name, more = f"data folder of {each.stand}", {}
            said = plain(each) | more | {"level": worst(each.findings), "findings": [text for _, text in each.findings]}
            made.setdefault(group, []).append(said)
            for level, text in each.findings:
                found[level].append(f"{name}: {text}")
    head = {"time": iso(now), "well": not found["fault"], "faults": found["fault"], "watch": found["watch"]}
    return head | {"brokers": dict(brokers)} | {group: made.get(group, []) for group, _ in groups}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False)
