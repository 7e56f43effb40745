"""What a mapping file says: which foreign topics are read, and what becomes of their payloads."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.instrument import UNITS
from trackerdcs.domain.interlock import Fault, Strict
from trackerdcs.domain.json_paths import keys_of
from trackerdcs.domain.messages import NOT_A_KIND
from trackerdcs.domain.patterns import Pattern, covers, filled, pattern_of, unknown_captures
from trackerdcs.domain.series import Point
from trackerdcs.domain.source_time import Format, zone_offset
from trackerdcs.domain.storing import complaint
from trackerdcs.domain.units import unit_of

SCHEMA = 1
NEEDED_TAGS = ("stand", "device")
"""Without them `trackerdcs history` and every dashboard would look for the values in vain."""
_NO_PATH = "expected keys separated by dots, as AM2301.Temperature; a dot inside a key is written \\."


@dataclass(frozen=True)
class FieldMapping(Strict):
    """A field of the point: where its value stands in the payload (`path`, the field's own name if absent) and in which
    unit; `text`: a text, not a number; `optional`: it may be missing."""

    path: str | None = None
    unit: str | None = None
    text: bool = False
    optional: bool = False


@dataclass(frozen=True)
class TimeMapping(Strict):
    """Where the payload gives its time, and how; `zone`: that of a time which does not say its own."""

    format: Format
    path: str | None = None
    zone: str | None = None


@dataclass(frozen=True)
class EachMapping(Strict):
    """A payload with a list (at `path`; the payload itself if absent) whose items have a name and a value. The `path`
    of a field is the name that its items have. `others`: what becomes of items with other names."""

    path: str | None = None
    name: str = "name"
    value: str = "value"
    others: Literal["refuse", "ignore"] = "refuse"


@dataclass(frozen=True)
class TopicMapping(Strict):
    """What becomes of the payloads of one topic pattern. Texts may hold captures of the pattern: `{sensor}`."""

    payload: Literal["number", "json", "line"]
    measurement: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    fields: dict[str, FieldMapping] = field(default_factory=dict)
    time: TimeMapping | None = None
    each: EachMapping | None = None


@dataclass(frozen=True)
class Mapping(Strict):
    """Foreign topics by pattern. The first pattern that takes a topic reads it."""

    topics: dict[str, TopicMapping]
    schema: int = SCHEMA


def contradictions(mapping: Mapping) -> list[Fault]:
    """All contradictions inside a mapping as (field, what is wrong), field as `topics.lab/{sensor}.fields.t_air`."""
    wrong: list[Fault] = []
    if mapping.schema != SCHEMA:
        wrong.append(("schema", f"expected {SCHEMA}, got {mapping.schema}"))
    if not mapping.topics:
        wrong.append(("topics", "a mapping has at least one topic pattern"))
    earlier: dict[str, Pattern] = {}
    for text, topic in mapping.topics.items():
        where = f"topics.{text}"
        try:
            pattern = pattern_of(text)
        except ConfigError as e:
            wrong.append((where, str(e)))
            continue
        if first := next((other for other, taken in earlier.items() if covers(taken, pattern)), None):
            wrong.append((where, f"never read: {first} above takes all its topics"))
        earlier[text] = pattern
        wrong += [(f"{where}.{f}" if f else where, why) for f, why in _topic(topic, pattern)]
    return wrong


def _topic(topic: TopicMapping, pattern: Pattern) -> Iterator[Fault]:
    yield from _kind(topic)
    texts = {f"tags.{tag}": text for tag, text in topic.tags.items()} | {
        f"fields.{name}": name for name in topic.fields
    }
    if topic.measurement is not None:
        texts["measurement"] = topic.measurement
    unknown = [(f, name) for f, text in texts.items() for name in unknown_captures(text, pattern)]
    for where, name in unknown:
        known = ", ".join(pattern.names.values()) or "none"
        yield where, f"no level of the topic is called {{{name}}}, expected one of: {known}"
    if not unknown:
        yield from _names(topic, dict.fromkeys(pattern.names.values(), "x"))
    for name, f in topic.fields.items():
        yield from ((f"fields.{name}.{where}", why) for where, why in _field(name, f, topic))
    if topic.time is not None:
        yield from ((f"time.{where}", why) for where, why in _time(topic.time, topic.payload))
    if topic.each is not None:
        keys = {"path": topic.each.path, "name": topic.each.name, "value": topic.each.value}
        yield from (
            (f"each.{key}", _NO_PATH) for key, path in keys.items() if path is not None and not all(keys_of(path))
        )
        yield from _same_items(topic.fields)


def _kind(topic: TopicMapping) -> Iterator[Fault]:
    """What this kind of payload needs, and what it cannot have."""
    if topic.payload == "line":
        for name in ("measurement", "fields", "each"):
            if getattr(topic, name):
                yield name, "line protocol brings its own"
        return
    if not topic.measurement:
        yield "measurement", "missing"
    for tag in NEEDED_TAGS:
        if tag not in topic.tags:
            yield f"tags.{tag}", "missing: by stand and device the values are found again"
    if topic.payload == "number":
        if len(topic.fields) != 1:
            yield "fields", f"a plain number is one field, got {len(topic.fields)}"
        for name in ("time", "each"):
            if getattr(topic, name):
                yield name, "a plain number has none"
    elif not topic.fields:
        yield "fields", "expected at least one field"


def _names(topic: TopicMapping, captures: dict[str, str]) -> Iterator[Fault]:
    """Names that no time series takes, or that are ours."""
    if topic.measurement in NOT_A_KIND:
        yield "measurement", f"{topic.measurement} is a measurement of our own messages"
    name = filled(topic.measurement or "x", captures)
    if why := complaint(Point(name, (), 0, {"x": 0.0})):
        yield "measurement", why
    for tag, text in topic.tags.items():
        if why := complaint(Point("x", ((tag, filled(text, captures)),), 0, {"x": 0.0})):
            yield f"tags.{tag}", why
    for f in topic.fields:
        if why := complaint(Point("x", (), 0, {filled(f, captures): 0.0})):
            yield f"fields.{f}", why


def _field(name: str, f: FieldMapping, topic: TopicMapping) -> Iterator[Fault]:
    if topic.payload == "number":
        for key in ("path", "text", "optional"):
            if getattr(f, key):
                yield key, "a plain number has none"
    elif f.path is not None and topic.each is None and not all(keys_of(f.path)):
        yield "path", _NO_PATH
    fixed = UNITS.get(name)
    if fixed is not None and f.text is not (fixed == ""):
        yield "text", f"{name} is a {'text' if fixed == '' else 'number'} everywhere"
    if f.unit is None:
        return
    if f.text:
        yield "unit", "a text has none"
        return
    try:
        unit = unit_of(f.unit)
    except ConfigError as e:
        yield "unit", str(e)
    else:
        if fixed and unit.stored != fixed:
            yield "unit", f"{name} is in {fixed} everywhere, which {f.unit} cannot become"


def _time(time: TimeMapping, payload: str) -> Iterator[Fault]:
    if payload == "line":
        if time.path is not None:
            yield "path", "line protocol has its own place for the time"
        if time.format == "iso":
            yield "format", "expected s, ms, us or ns: in line protocol a time is an integer"
    elif payload == "json":
        if time.path is None:
            yield "path", "missing"
        elif not all(keys_of(time.path)):
            yield "path", _NO_PATH
    if time.zone is not None:
        try:
            zone_offset(time.zone)
        except ConfigError as e:
            yield "zone", str(e)
        if time.format != "iso":
            yield "zone", f"only known to iso: {time.format} are counted in UTC"


def _same_items(fields: dict[str, FieldMapping]) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for name, f in fields.items():
        item = f.path or name
        if item in seen:
            yield f"fields.{name}.path", f"the items {item} are the field {seen[item]} already"
        seen.setdefault(item, name)
