"""The time that a foreign payload gives, in any of the usual forms, as integer ns UTC."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from trackerdcs.domain.errors import ConfigError, ContractError
from trackerdcs.domain.storing import LAST

Format = Literal["s", "ms", "us", "ns", "iso"]
Count = Literal["s", "ms", "us", "ns"]
TimeReader = Callable[[Any, str], int]
"""Takes the value and its path, for the error."""

PER: dict[str, int] = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_MICROS = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
_NUMBER = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))?")
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]+))?([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_ZONE = re.compile(r"([+-])([01][0-9]|2[0-3]):?([0-5][0-9])")
_EPOCH = datetime(1970, 1, 1).toordinal()
_LATEST = LAST - 10**9
"""For floats, whose rounding must not lead behind the end."""


def time_reader(form: Format, zone: str | None) -> TimeReader:
    """What reads a time of this form."""
    if form == "iso":
        return _iso_reader(None if zone is None else zone_offset(zone))
    return _count_reader(form)


def zone_offset(zone: str) -> int:
    """Seconds that a zone is ahead of UTC; raises ConfigError for what is neither UTC nor fixed."""
    if zone in ("UTC", "Z", "z"):
        return 0
    m = _ZONE.fullmatch(zone)
    if m is None:
        raise ConfigError(f"zone {zone!r}: expected UTC or a fixed offset such as +01:00")
    seconds = int(m[2]) * 3600 + int(m[3]) * 60
    return -seconds if m[1] == "-" else seconds


def _count_reader(form: Count) -> TimeReader:
    per, micros, digits = PER[form], _MICROS[form], len(str(PER[form])) - 1
    latest = _LATEST / per

    def read(value: Any, path: str) -> int:
        kind = type(value)
        if kind is float:
            # A float of today holds no more than microseconds: that many are meant, the rest is its rounding.
            if 0.0 <= value < latest:
                ts: int = round(value * micros) * 1000
                return ts
        elif kind is int:
            if 0 <= value * per < LAST:
                return int(value * per)
        elif kind is str:
            if m := _NUMBER.fullmatch(value):
                exact = int(m[1]) * per + int((m[2] or "")[:digits].ljust(digits, "0") or 0)
                if exact < LAST:
                    return exact
        else:
            raise ContractError(f"{path}: expected a time as a number of {form}, got {value!r:.60}")
        raise ContractError(f"{path}: expected {form} since 1970, until 2116, got {value!r:.60}")

    return read


def _iso_reader(zone: int | None) -> TimeReader:
    def read(value: Any, path: str) -> int:
        m = _ISO.fullmatch(value) if type(value) is str else None
        if m is None:
            raise ContractError(f"{path}: expected a time such as 2026-11-28T11:00:00Z, got {value!r:.60}")
        try:
            when = datetime.fromisoformat(f"{m[1]}T{m[2]}")
            ahead = zone_offset(m[4]) if m[4] else zone
        except (ValueError, ConfigError) as e:
            raise ContractError(f"{path}: {value!r:.60} is no time: {e}") from e
        if ahead is None:
            raise ContractError(f"{path}: {value!r:.60} does not say its zone, and time.zone of the mapping neither")
        seconds = (when.toordinal() - _EPOCH) * 86_400 + when.hour * 3600 + when.minute * 60 + when.second - ahead
        ts = seconds * 10**9 + int((m[3] or "")[:9].ljust(9, "0"))
        if not 0 <= ts < LAST:
            raise ContractError(f"{path}: expected a time from 1970 to 2116, got {value!r:.60}")
        return ts

    return read
