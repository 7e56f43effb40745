"""Points of foreign JSON: fields at their paths, or a list whose items have a name and a value."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.json_paths import MISSING, found, keys_of, said
from trackerdcs.domain.mapping import EachMapping, FieldMapping, TimeMapping
from trackerdcs.domain.series import FieldValue, Point, new
from trackerdcs.domain.source_time import TimeReader, time_reader
from trackerdcs.domain.storing import LARGEST
from trackerdcs.domain.units import Convert, unit_of

Tags = tuple[tuple[str, str], ...]
Points = Callable[[bytes, int], list[Point]]
Loads = Callable[[bytes], Any]
Flat = Callable[[tuple[str, ...], str | None], Callable[[bytes], dict[str, Any]]]
"""Makes a fast decoder of objects that have a number under each of these names, and one under that of the time; it
leaves out what else they have, and raises ValueError for every other payload."""


class Plan(NamedTuple):
    """One field, ready to be read: name in the point, keys of the payload and their text for errors."""

    name: str
    above: tuple[str, ...]
    last: str
    path: str
    convert: Convert | None
    text: bool
    optional: bool

    def value(self, data: Any) -> FieldValue | None:
        """The value, with all care; None: it is absent."""
        value = found(data, (*self.above, self.last))
        return None if value is MISSING and self.optional else self.checked(value)

    def checked(self, value: Any) -> FieldValue | None:
        """A value as it is stored; null says that it is not known, and unknown is not zero."""
        if value is None:
            return None
        if value is MISSING:
            raise ContractError(f"{self.path}: missing")
        if self.text:
            if type(value) is not str:
                raise ContractError(f"{self.path}: expected a text, got {said(value)}")
            return value
        if type(value) not in (float, int, bool):
            raise ContractError(f"{self.path}: expected a number, got {said(value)}")
        try:
            number = float(value) if self.convert is None else self.convert(float(value))
        except OverflowError:
            number = math.inf
        if not -LARGEST <= number <= LARGEST:
            raise ContractError(f"{self.path}: expected a finite number up to {LARGEST:g}, got {said(value)}")
        return number


def plan(name: str, f: FieldMapping, keys: tuple[str, ...]) -> Plan:
    """What is to be done for a field whose value stands at these keys."""
    convert = None if f.unit is None else unit_of(f.unit).convert
    return Plan(name, keys[:-1], keys[-1], ".".join(keys), convert, f.text, f.optional)


def json_points(
    measurement: str,
    tags: Tags,
    fields: dict[str, FieldMapping],
    time: TimeMapping | None,
    loads: Loads,
    flat: Flat | None = None,
) -> Points:
    """A reader of objects with fields at their paths."""
    plans = [plan(name, f, keys_of(f.path) if f.path else (name,)) for name, f in fields.items()]
    steps = [(p.name, p.above, p.last, p.convert, p.text, p.value) for p in plans]
    wanted = ", ".join(p.path for p in plans)
    time_path, *above_time = keys_of(time.path or "")[::-1] if time else ("",)
    read_time = None if time is None or above_time else time_reader(time.format, time.zone)
    clock = None if time is None else _clock(time)

    def points(payload: bytes, arrived: int) -> list[Point]:
        try:
            data = loads(payload)
        except (ValueError, RecursionError) as e:
            raise ContractError(f"not JSON: {e}") from e
        values: dict[str, FieldValue] = {}
        for name, above, last, convert, text, careful in steps:
            try:  # plain numbers, as most are; whatever else it is, is looked at with all care
                at = data
                for key in above:
                    at = at[key]
                value = at[last]
                kind = type(value)
                if (kind is float or kind is int) and not text:
                    if convert is not None:
                        value = convert(value)
                    if -LARGEST <= value <= LARGEST:
                        values[name] = value if kind is float else float(value)
                        continue
            except (LookupError, TypeError, OverflowError):
                pass
            if (other := careful(data)) is not None:
                values[name] = other
        if not values:
            raise ContractError(f"nothing is known of {wanted}: at least one of them makes a point")
        if clock is not None:
            if read_time is not None and type(data) is dict and time_path in data:
                arrived = read_time(data[time_path], time_path)
            else:
                arrived = clock(data)
        return [new(Point, (measurement, tags, arrived, values))]

    plain = all(not p.above and p.name == p.last and p.convert is None and not p.text | p.optional for p in plans)
    if flat is None or not plain or time_path in fields or (time is not None and read_time is None):
        return points
    return _flat_points(measurement, tags, flat(tuple(fields), time_path or None), time_path, read_time, points)


def _flat_points(
    measurement: str,
    tags: Tags,
    decode: Callable[[bytes], dict[str, Any]],
    time_path: str,
    read_time: TimeReader | None,
    careful: Points,
) -> Points:
    """Numbers under their own names, as most senders write them; whatever else it is, `careful` has to say."""

    def points(payload: bytes, arrived: int) -> list[Point]:
        try:
            values = decode(payload)
        except (ValueError, RecursionError):
            return careful(payload, arrived)
        if not payload.isascii():  # a text that is left out may be none
            return careful(payload, arrived)
        if read_time is not None:
            arrived = read_time(values.pop(time_path), time_path)
        for value in values.values():
            if not -LARGEST <= value <= LARGEST:
                return careful(payload, arrived)
        return [new(Point, (measurement, tags, arrived, values))]

    return points


def list_points(
    measurement: str,
    tags: Tags,
    fields: dict[str, FieldMapping],
    time: TimeMapping | None,
    each: EachMapping,
    loads: Loads,
) -> Points:
    """A reader of lists whose items have a name and a value; items of the same time become one point."""
    plans = {p.path: p for p in (plan(name, f, (f.path or name,)) for name, f in fields.items())}
    keys = () if each.path is None else keys_of(each.path)
    name_keys, value_keys = keys_of(each.name), keys_of(each.value)
    clock = None if time is None else _clock(time)
    refuses = each.others == "refuse"

    def read(item: Any, data: Any, arrived: int, found_so_far: dict[int, dict[str, FieldValue]]) -> bool:
        """Put the value of an item where it belongs; False: it is none of ours."""
        name = found(item, name_keys)
        if type(name) is not str:
            raise ContractError(f"{each.name}: expected a text, got {said(name)}")
        p = plans.get(name)
        if p is None:
            if refuses:
                raise ContractError(f"{name!r:.60} is no field of the mapping, expected one of {', '.join(plans)}")
            return False
        value = found(item, value_keys)
        value = None if value is MISSING and p.optional else p.checked(value)
        if value is not None:
            values = found_so_far.setdefault(arrived if clock is None else clock(item, data), {})
            if p.name in values:
                raise ContractError(f"{name}: stands twice with the same time")
            values[p.name] = value
        return True

    def points(payload: bytes, arrived: int) -> list[Point]:
        data = _loaded(loads, payload)
        items = found(data, keys)
        if not isinstance(items, list):
            raise ContractError(f"{each.path or 'payload'}: expected a list, got {said(items)}")
        by_time: dict[int, dict[str, FieldValue]] = {}
        foreign = False
        for i, item in enumerate(items):
            try:
                foreign |= not read(item, data, arrived, by_time)
            except ContractError as e:
                raise ContractError(f"{each.path or 'payload'}[{i}]: {e}") from e
        if not by_time and not foreign:
            raise ContractError(f"nothing is known of {', '.join(plans)}: at least one of them makes a point")
        return [Point(measurement, tags, ts, values) for ts, values in by_time.items()]

    return points


def _clock(time: TimeMapping) -> Callable[..., int]:
    """What reads the time in the first of some places that has one."""
    path, read = time.path or "", time_reader(time.format, time.zone)
    keys = keys_of(path)
    key = keys[0] if len(keys) == 1 else None

    def clock(*places: Any) -> int:
        for place in places:
            if type(place) is dict:
                value = place.get(key, MISSING) if key is not None else found(place, keys)
                if value is not MISSING and value is not None:
                    return read(value, path)
        raise ContractError(f"{path}: missing, the mapping says that it is the time")

    return clock


def _loaded(loads: Loads, payload: bytes) -> Any:
    try:
        return loads(payload)
    except (ValueError, RecursionError) as e:
        raise ContractError(f"not JSON: {e}") from e
