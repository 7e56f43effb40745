"""Entries of a ledger as lines that a person reads: when, who, what, what came back, and how long it took."""

import time
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from trackerdcs.cli.rows import COLUMNS, SETTINGS, amount, clean, duration
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.instrument import UNITS
from trackerdcs.domain.ledger import Chained, LedgerEntry, entry_of

OWNER = "(by itself)"
"""Who it was when nobody has commanded it."""
SET = {"set_voltage": "v_set", "set_current_limit": "i_limit"}
ARGUMENTS = {"v": "V", "i": "A", "up": "V/s", "down": "V/s"}
FIRST = ("state", "on", *COLUMNS)
FOLDED = 3
"""More orders than so many that differ in their value only are one line: the steps of a ramp."""


def lines(links: list[Chained]) -> Iterator[str]:
    """A table; a line of its own where a day begins, with the zone of its local times."""
    if not links:
        return
    yield f"{'local':12} {'UTC':9} {'who':14} {'ch':5} {'took':>8}  what, and what came of it"
    day = ""
    for entries in _folded(links):
        first = entries[0]
        if isinstance(first, str):
            yield first
            continue
        local = time.localtime(first.ts // 10**9)
        if (today := time.strftime("%Y-%m-%d, local time is %Z (UTC%z)", local)) != day:
            day = today
            yield f"-- {day} --"
        yield clean(_line([e for e in entries if isinstance(e, LedgerEntry)], local))


def _line(entries: list[LedgerEntry], local: time.struct_time) -> str:
    first = entries[0]
    when = f"{time.strftime('%H:%M:%S', local)}.{first.ts // 10**6 % 1000:03d}"
    utc = time.strftime("%H:%M:%SZ", time.gmtime(first.ts // 10**9))
    who = f"{first.user} ({first.by})" if first.by else first.user or OWNER
    took = _took(first.ms if len(entries) == 1 else (entries[-1].ts - first.ts) / 1e6)
    return f"{when:12} {utc:9} {who:14} {first.ch or '':5} {took:>8}  {_what(entries)}"


def _folded(links: list[Chained]) -> Iterator[list[LedgerEntry | str]]:
    for key, group in groupby(map(_entry, links), _alike):
        entries = list(group)
        if key is not None and len(entries) > FOLDED:
            yield entries
        else:
            yield from ([entry] for entry in entries)


def _entry(link: Chained) -> LedgerEntry | str:
    try:
        return entry_of(link)
    except ContractError as e:
        return f"-- {e} --"


def _alike(entry: LedgerEntry | str) -> object:
    if isinstance(entry, str) or entry.step != "order":
        return None
    return (entry.boot, entry.id, entry.user, entry.ch, entry.order, entry.verdict, entry.why)


def _what(entries: list[LedgerEntry]) -> str:
    e, last = entries[0], entries[-1]
    why = f": {e.why}" if e.why else ""
    command = f" [{e.id[:8]}]" if e.id else ""
    match e.step:
        case "order":
            if len(entries) > 1:
                sent = f"{e.order} {_sent(e)} to {_sent(last)} in {len(entries)} steps"
            else:
                sent = f"{e.order} {_sent(e)}".rstrip()
            return f"  sent {sent}: {e.verdict}{_read(last.readback)}{why}{command}"
        case "accepted" | "refused" | "expired":
            reason = f', reason "{e.reason}"' if e.reason else ""
            args = " ".join(f"{k}={_value(v, ARGUMENTS.get(k, ''))}" for k, v in e.args.items())
            return f"{e.cmd} {args}".rstrip() + f": {e.step}{why}{reason}{command}"
        case "event":
            return f"{e.event}{why}{_read(e.readback)}"
        case "started" | "lost":
            return f"{e.step}{why} ({', '.join(f'{k} {v}' for k, v in e.args.items())})"
    return f"{e.cmd or 'command'} {e.step}{why}{_read(e.readback)}{command}" if e.id else f"{e.step}{why}"


def _sent(e: LedgerEntry) -> str:
    if e.value is None:
        return ""
    if isinstance(e.value, list):
        return " ".join(_value(v, "V/s") for v in e.value)
    return _value(e.value, UNITS.get(SET.get(e.order or "", ""), ""))


def _read(readback: Any) -> str:
    """What `watch` has columns for comes first; flags that are false, and the ramp, are left to --json."""
    told = [q for q in FIRST if q in readback]
    hidden = {*FIRST, *(SETTINGS if len(readback) > len(SETTINGS) else ())}
    told += [q for q, value in readback.items() if q not in hidden and value is not False]
    said = ", ".join(f"{q} {_value(readback[q], UNITS.get(q, ''))}" for q in told)
    return f" ({said})" if said else ""


def _value(value: Any, unit: str) -> str:
    return amount(value, unit) if isinstance(value, bool | int | float | str) else str(value)


def _took(ms: float | None) -> str:
    if ms is None:
        return ""
    return f"{ms:.0f} ms" if ms < 1000 else duration(ms / 1000)
