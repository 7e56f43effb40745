"""Messages to JSON bytes and back, strictly: each error names the field, nothing is guessed or clipped."""

import dataclasses
import json
import math
import re
import types
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from trackerdcs.domain.errors import ContractError, UnknownVersion
from trackerdcs.domain.messages import VERSION, Message, Stored
from trackerdcs.domain.topics import NAME

M = TypeVar("M", bound=Message)
Reader = Callable[[Any, str], Any]

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_DEPTH = 32


def encode(message: Message) -> bytes:
    """JSON of a message; raises ContractError for NaN and infinity."""
    return _dump(message)


def decode(kind: type[M], payload: bytes) -> M:
    """Read a message; raises ContractError naming the field, UnknownVersion for a newer contract."""
    data = load(payload)
    version = data.get("v")
    if type(version) is int and version > VERSION:
        raise UnknownVersion(f"v: {version} is newer than {VERSION}")
    if version != VERSION or type(version) is not int:
        raise ContractError(f"v: expected {VERSION}, got {version!r}")
    message: M = _read(kind, data, "")
    return message


def encode_stored(stored: Stored) -> bytes:
    """JSON of an increment of stored ranges."""
    return _dump(stored)


def decode_stored(payload: bytes) -> Stored:
    """Read an increment of stored ranges."""
    stored: Stored = {}
    for device, boots in load(payload).items():
        if not NAME.fullmatch(device) or not isinstance(boots, dict):
            raise ContractError(f"{device!r}: expected a device with its boots")
        for boot, ranges in boots.items():
            read: list[tuple[int, int]] = _read(list[tuple[int, int]], ranges, f"{device}.{boot}")
            if any(first < 0 or first > last for first, last in read):
                raise ContractError(f"{device}.{boot}: ranges are [from, to], ascending")
            stored.setdefault(device, {})[boot] = read
    return stored


def load(payload: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8 without NaN, infinity and repeated keys, or a ContractError."""
    data = load_strict_json(payload)
    if not isinstance(data, dict):
        raise ContractError(f"expected a JSON object, got {type(data).__name__}")
    return data


def load_strict_json(payload: bytes) -> Any:
    """Any JSON in UTF-8 without NaN, infinity and repeated keys, or a ContractError."""
    try:
        text = payload.decode()  # json.loads would take UTF-16 and halves of characters as well
        data = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
        if _SURROGATE.search(text):
            json.dumps(data, ensure_ascii=False).encode()  # pairs are characters; a lone half cannot be written down
    except (ValueError, RecursionError) as e:
        raise ContractError(f"not JSON: {e}") from e
    return data


def plain(text: str) -> str:
    """A text that every message and file takes: errors may quote what caused them, half a surrogate pair say."""
    return text.encode(errors="backslashreplace").decode()


def _dump(data: Any) -> bytes:
    try:
        return json.dumps(_plain(data), allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as e:
        raise ContractError(f"not JSON: {e}") from e


def _no_constant(text: str) -> None:
    raise ContractError(f"{text} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ContractError("a key stands twice in one object")
    return data


def _plain(value: Any) -> Any:
    if not dataclasses.is_dataclass(value):
        if isinstance(value, dict):
            return {k: _plain(v) for k, v in value.items()}
        return value
    plain = {}
    for f in dataclasses.fields(value):
        item = getattr(value, f.name)
        optional = f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING
        if f.name != "extra" and not (optional and (item is None or item == {})):
            plain[f.name] = _plain(item)
    return getattr(value, "extra", {}) | plain


def _read(kind: Any, value: Any, path: str) -> Any:
    try:
        return _reader(kind)(value, path)
    except RecursionError as e:
        raise ContractError(f"{path or 'message'}: nested too deeply") from e


@cache
def _reader(kind: Any) -> Reader:
    """A function that checks and converts a JSON value to `kind`."""
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    origin, args = get_origin(kind), get_args(kind)
    if origin is dict:
        return _dict_reader(_reader(args[1]))
    if origin is list:
        return _list_reader(_reader(args[0]))
    if origin is tuple:
        return _tuple_reader([_reader(a) for a in args])
    if origin in (Union, types.UnionType):
        return _union_reader([_reader(a) for a in args], " or ".join(getattr(a, "__name__", str(a)) for a in args))
    if origin is Literal:
        return _literal_reader(args)
    return {bool: _bool, int: _int, float: _float, str: _str, type(None): _none, Any: _any}[kind]


def _fail(path: str, expected: str, value: Any) -> ContractError:
    return ContractError(f"{path or 'message'}: expected {expected}, got {repr(value)[:60]}")


def _bool(value: Any, path: str) -> bool:
    if type(value) is not bool:
        raise _fail(path, "true or false", value)
    return value


def _int(value: Any, path: str) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise _fail(path, "an integer of 64 bits", value)
    return value


def _float(value: Any, path: str) -> float:
    if type(value) not in (int, float):
        raise _fail(path, "a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _fail(path, "a finite number", value)
    return number


def _str(value: Any, path: str) -> str:
    if type(value) is not str:
        raise _fail(path, "a text", value)
    return value


def _none(value: Any, path: str) -> None:
    if value is not None:
        raise _fail(path, "null", value)


def _any(value: Any, path: str, depth: int = 0) -> Any:
    if depth > _DEPTH:  # what is kept must be written out again, from any depth of the stack
        raise ContractError(f"{path}: nested too deeply")
    if isinstance(value, float):
        return _float(value, path)
    if isinstance(value, dict):
        return {k: _any(v, f"{path}.{k}", depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_any(v, f"{path}[{i}]", depth + 1) for i, v in enumerate(value)]
    return value


def _dict_reader(item: Reader) -> Reader:
    def read(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _fail(path, "an object", value)
        return {k: item(v, f"{path}.{k}") for k, v in value.items()}

    return read


def _list_reader(item: Reader) -> Reader:
    def read(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise _fail(path, "a list", value)
        return [item(v, f"{path}[{i}]") for i, v in enumerate(value)]

    return read


def _tuple_reader(items: list[Reader]) -> Reader:
    def read(value: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(items):
            raise _fail(path, f"a list of {len(items)}", value)
        return tuple(item(v, f"{path}[{i}]") for i, (item, v) in enumerate(zip(items, value, strict=True)))

    return read


def _union_reader(readers: list[Reader], names: str) -> Reader:
    def read(value: Any, path: str) -> Any:
        for reader in readers:
            try:
                return reader(value, path)
            except ContractError:
                continue
        raise _fail(path, names, value)

    return read


def _literal_reader(allowed: tuple[Any, ...]) -> Reader:
    def read(value: Any, path: str) -> Any:
        if value not in allowed or isinstance(value, bool):
            raise _fail(path, f"one of {', '.join(map(str, allowed))}", value)
        return value

    return read


def _dataclass_reader(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    fields = {f.name: (f, _reader(hints[f.name])) for f in dataclasses.fields(kind) if f.name != "extra"}
    has_extra = "extra" in hints

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise _fail(path, "an object", value)
        dot = f"{path}." if path else ""
        found = {}
        for name, (f, reader) in fields.items():
            if name in value:
                found[name] = reader(value[name], dot + name)
            elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
                raise ContractError(f"{dot}{name}: missing")
        if has_extra:
            found["extra"] = {k: _any(v, dot + k) for k, v in value.items() if k not in fields}
        return kind(**found)

    return read
