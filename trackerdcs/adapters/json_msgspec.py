"""JSON by msgspec, several times as fast as the standard library."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypedDict

import msgspec

loads = msgspec.json.Decoder[Any]().decode
"""JSON to plain objects; msgspec's own error is a ValueError, as that of the standard library."""
dumps = msgspec.json.Encoder().encode
"""Plain objects to JSON; what is no finite number becomes null."""


@lru_cache(maxsize=1000)
def flat(names: tuple[str, ...], time: str | None) -> Callable[[bytes], dict[str, Any]]:
    """A decoder of objects that have a number under each of these names, and one under `time`, which may be an integer.

    Whatever else they have is left out; of other payloads it raises a ValueError.
    """
    keys: dict[str, Any] = dict.fromkeys(names, float)
    if time is not None:
        keys[time] = float | int
    decode: Callable[[bytes], dict[str, Any]] = msgspec.json.Decoder(TypedDict("Flat", keys)).decode  # type: ignore[operator]
    return decode
