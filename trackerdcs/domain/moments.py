"""Times and spans as people and programs write them at an interface: ISO 8601 in UTC with all nanoseconds."""

import re
from datetime import UTC, datetime
from functools import lru_cache

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.source_time import time_reader
from trackerdcs.domain.storing import LAST

S = 1_000_000_000
_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": S, "m": 60 * S, "h": 3600 * S, "d": 86400 * S}
_SPAN = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(ns|us|ms|s|m|h|d)")
_read = time_reader("iso", None)


def iso(ts: int | None) -> str | None:
    """A time in ns UTC as text, which JavaScript and spreadsheets do not round; None stays None."""
    return None if ts is None else _iso(ts)


@lru_cache(maxsize=4096)  # the edges of buckets come again with each quantity
def _iso(ts: int) -> str:
    return f"{datetime.fromtimestamp(ts // S, UTC):%Y-%m-%dT%H:%M:%S}.{ts % S:09d}Z"


def moment(text: str, name: str) -> int:
    """ns UTC of an integer of ns, or of ISO 8601 with Z or an offset; ContractError names the field."""
    if text.isascii() and text.isdigit():
        if len(text) <= 19 and int(text) < LAST:
            return int(text)
    elif text.isascii():
        try:
            return _read(text.replace(" ", "+"), name)  # a + in an address is read as a space
        except ContractError:
            pass
    raise ContractError(
        f"{name}: {text[:60]!r}: expected ns since 1970 in UTC, or a time such as 2026-05-29T13:59:57.5Z or with +02:00"
    )


def span(text: str, name: str) -> int:
    """ns of `500ms`, `10s`, `1.5h`; ContractError names the field."""
    found = _SPAN.fullmatch(text)
    length = round(float(found[1]) * _UNITS[found[2]]) if found else 0
    if not 0 < length < LAST:
        raise ContractError(f"{name}: {text[:60]!r}: expected a time such as 500ms, 10s, 1m or 2h")
    return length
