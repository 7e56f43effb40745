"""Values in foreign JSON by their path, and each fault with the path where it was met."""

from collections.abc import Sequence
from typing import Any

from trackerdcs.domain.errors import ContractError

MISSING = object()
"""Not there at all, which is another thing than null."""


def keys_of(path: str) -> tuple[str, ...]:
    """The keys of a path, which dots separate; a dot with a backslash before it belongs to its key."""
    return tuple(part.replace("\0", ".") for part in path.replace("\\.", "\0").split("."))


def found(data: Any, keys: Sequence[str]) -> Any:
    """The value at a path, MISSING, or None where something on the way is null; a number chooses from a list."""
    for i, key in enumerate(keys):
        if data is None:
            return None
        if isinstance(data, list) and key.isascii() and key.isdigit():
            data = data[int(key)] if len(key) < 10 and int(key) < len(data) else MISSING
        elif isinstance(data, dict):
            data = data.get(key, MISSING)
        else:
            raise ContractError(f"{'.'.join(keys[:i]) or 'payload'}: expected an object, got {said(data)}")
        if data is MISSING:
            return MISSING
    return data


def said(value: Any) -> str:
    """A value as an error shows it: what may be long by its kind alone."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None or value is MISSING:
        return "nothing" if value is MISSING else "null"
    return f"{value!r:.60}"
