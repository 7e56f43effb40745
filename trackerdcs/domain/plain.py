"""Dataclasses as plain values (what JSON and BSON know) and back; keys that a newer version wrote are passed over."""

import dataclasses
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Make = Callable[[Any], Any]


def plain(value: Any) -> Any:
    """Dicts, lists and scalars; bytes stay bytes."""
    if isinstance(value, (str, bool, int, float, bytes)) or value is None:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if value and isinstance(value[0], (float, int)):
        return list(value)  # a list of numbers: nothing in it needs a look
    return [plain(each) for each in value]


def rebuilt(kind: type[T], data: Mapping[str, Any]) -> T:
    """The dataclass that `plain` made `data` of. Fields that are absent have their default."""
    whole: Any = kind
    made: T = _maker(whole)(data)
    return made


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind))


@cache
def _maker(kind: Any) -> Make:
    """What turns a plain value into a `kind`."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        fields = {name: _maker(hints[name]) for name in _names(kind)}
        return lambda data: kind(**{name: fields[name](value) for name, value in data.items() if name in fields})
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (one, *more) = [each for each in inside if each is not type(None)]
        make = _same if more else _maker(one)
        return _same if make is _same else lambda value: None if value is None else make(value)
    if origin is tuple:
        make = _maker(inside[0])
        return tuple if make is _same else lambda values: tuple(map(make, values))
    if origin is dict:
        make = _maker(inside[1])
        return dict if make is _same else lambda values: {key: make(value) for key, value in values.items()}
    if kind is bytes:
        return bytes
    if origin is Literal:
        return _same
    return _same


def _same(value: Any) -> Any:
    return value
