"""Foreign payloads to points, as a mapping says: all that a topic decides is done once, before its first payload."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trackerdcs.domain.codec import load_strict_json
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.json_points import Flat, Points, Tags, json_points, list_points
from trackerdcs.domain.line_protocol import lines_of, series_of
from trackerdcs.domain.mapping import Mapping, TimeMapping, TopicMapping
from trackerdcs.domain.messages import NO_CHANNEL, NOT_A_KIND
from trackerdcs.domain.patterns import covers, filled, is_foreign, pattern_of
from trackerdcs.domain.series import Point
from trackerdcs.domain.source_time import PER
from trackerdcs.domain.storing import LARGEST, LAST, complaint
from trackerdcs.domain.units import unit_of

SERIES = 4096
"""Series of line protocol whose tags a topic's reader remembers; the others are only taken apart again."""
_TRUTH = {b"true": 1.0, b"false": 0.0}


@dataclass(frozen=True)
class TopicReader:
    """What reads one topic. `timed`: the payload itself gives the time; line protocol may leave it out all the same.

    `points(payload, arrived)`: the points of a payload that arrived at this time (ns UTC), or a ContractError that says
    what was wrong. None at all: the mapping says that nothing in it is to be stored.
    """

    timed: bool
    points: Points


class Translator:
    """Finds the reader of each topic. `filters` are the MQTT filters of all patterns.

    One whose topics another one takes, too, is left out: for two of them a broker may send a message twice (MQTT 5).
    """

    def __init__(
        self, mapping: Mapping, loads: Callable[[bytes], Any] = load_strict_json, flat: Flat | None = None
    ) -> None:
        self._loads, self._flat = loads, flat
        self._topics = [(pattern_of(text), topic) for text, topic in mapping.topics.items()]
        patterns = {pattern.filter: pattern for pattern, _ in self._topics}
        self.filters = tuple(
            each
            for each, pattern in patterns.items()
            if not any(covers(other, pattern) for other in patterns.values() if other.filter != each)
        )

    def reader(self, topic: str) -> TopicReader | None:
        """The reader of a topic by the first pattern that takes it; None: no pattern does."""
        if not is_foreign(topic):
            return None
        for pattern, mapping in self._topics:
            captures = pattern.captures(topic)
            if captures is not None:
                timed = mapping.time is not None or mapping.payload == "line"
                try:
                    return TopicReader(timed, _points(mapping, captures, self._loads, self._flat))
                except ContractError as e:
                    return TopicReader(timed, _never(f"topic {topic!r}: {e}"))
        return None


def _points(
    mapping: TopicMapping, captures: dict[str, str], loads: Callable[[bytes], Any], flat: Flat | None
) -> Points:
    """Raises ContractError where this topic's own levels make names that cannot be stored."""
    tags = tuple((tag, filled(text, captures)) for tag, text in mapping.tags.items())
    if mapping.payload == "line":
        return _line_points(tags, mapping.time)
    if "channel" not in mapping.tags:
        tags = (*tags, ("channel", NO_CHANNEL))
    measurement = filled(mapping.measurement or "", captures)
    fields = {filled(name, captures): f for name, f in mapping.fields.items()}
    if len(fields) < len(mapping.fields):
        raise ContractError(f"two fields have one name in it: {', '.join(fields)}")
    if why := _unstorable(measurement, tags, *fields):
        raise ContractError(why)
    if mapping.payload == "number":
        ((name, f),) = fields.items()
        return _number_points(measurement, tags, name, f.unit)
    if mapping.each is not None:
        return list_points(measurement, tags, fields, mapping.time, mapping.each, loads)
    return json_points(measurement, tags, fields, mapping.time, loads, flat)


def _number_points(measurement: str, tags: Tags, name: str, unit: str | None) -> Points:
    convert = None if unit is None else unit_of(unit).convert

    def points(payload: bytes, arrived: int) -> list[Point]:
        try:
            value = float(payload)
        except ValueError:
            value = _TRUTH.get(bytes(payload).strip(), math.nan)
        if convert is not None:
            value = convert(value)
        if not -LARGEST <= value <= LARGEST or b"_" in payload:
            got = bytes(payload[:60]).decode(errors="backslashreplace")
            raise ContractError(f"expected a finite number, true or false, got {got!r}")
        return [Point(measurement, tags, arrived, {name: value})]

    return points


def _line_points(given: Tags, time: TimeMapping | None) -> Points:
    per = PER["ns" if time is None else time.format]
    if why := _unstorable("x", given):
        raise ContractError(why)

    @lru_cache(maxsize=SERIES)
    def series(head: str) -> tuple[str, Tags]:
        measurement, own = series_of(head)
        tags = {"channel": NO_CHANNEL} | dict(sorted(own.items())) | dict(given)
        series = tuple(tags.items())
        if why := _unstorable(measurement, series):
            raise ContractError(why)
        return measurement, series

    def points(payload: bytes, arrived: int) -> list[Point]:
        found = []
        for line in lines_of(payload):
            try:
                measurement, tags = series(line.head)
            except ContractError as e:
                raise ContractError(f"line {line.number}: {e}") from e
            ts = arrived if line.time is None else line.time * per
            if not 0 <= ts < LAST:
                raise ContractError(f"line {line.number}: time {line.time}: expected a time from 1970 to 2116")
            found.append(Point(measurement, tags, ts, line.fields))
        if not found:
            raise ContractError("no line of line protocol in it")
        return found

    return points


def _never(why: str) -> Points:
    def points(payload: bytes, arrived: int) -> list[Point]:
        raise ContractError(why)

    return points


def _unstorable(measurement: str, tags: Tags, *fields: str) -> str | None:
    """Why no time series takes these names, or None."""
    if measurement in NOT_A_KIND:
        return f"measurement {measurement!r}: is a measurement of our own messages"
    return complaint(Point(measurement, tags, 0, dict.fromkeys(fields or ("x",), 0.0)))
