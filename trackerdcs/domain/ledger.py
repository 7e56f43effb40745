"""The ledger of a device: what was asked, what was sent, what came back. Each entry's digest covers the one before."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from trackerdcs.domain.errors import ContractError

Step = Literal[
    "begun",
    "started",
    "accepted",
    "refused",
    "expired",
    "repeated",
    "order",
    "done",
    "failed",
    "event",
    "lost",
    "stopped",
]
Verdict = Literal["agrees", "differs", "rejected", "unknown", "not_sent", "fault"]

STEPS: dict[Step, str] = {
    "begun": "a new file begins; `why` names the one that was put aside as damaged, if there was one",
    "started": "the service has started; what follows has its `boot`",
    "accepted": "a command was accepted; nothing has been sent yet",
    "refused": "a command was refused; nothing was sent",
    "expired": "a command came too late; nothing was sent",
    "repeated": "a command came again under an id that is known: its last answer was repeated, nothing was sent",
    "order": "something that changes a setting or an output was sent to the instrument, for a command or for `why`",
    "done": "a command has ended, and the instrument reads back what was asked for",
    "failed": "a command has ended otherwise; `why` says how",
    "event": "something that nobody has commanded: a trip, a compensation, what was found at the start",
    "lost": "entries that found no room in memory while the file could not be written: how many, from when to when",
    "stopped": "the service has ended as told; without it, it was killed",
}
VERDICTS: dict[Verdict, str] = {
    "agrees": "the read-back is within tolerance of what was asked for",
    "differs": "the read-back is another, after a second try",
    "rejected": "the instrument refused it",
    "unknown": "the link failed on the way: it may have arrived",
    "not_sent": "there was no link: it did not arrive",
    "fault": "an error in the driver",
}
LONGEST = 1000
"""Characters of the longest text of an entry, and of all its arguments together."""
GENESIS = ""
"""What stands for the digest before the first entry."""


@dataclass(frozen=True)
class LedgerEntry:
    """One step of a command, or one thing that the owner did of its own accord. What is None or empty is left out."""

    ts: int
    boot: str
    step: Step
    ch: str | None = None
    id: str | None = None
    user: str | None = None
    by: str | None = None
    reason: str | None = None
    cmd: str | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    event: str | None = None
    order: str | None = None
    value: float | list[float] | None = None
    readback: Mapping[str, Any] = field(default_factory=dict)
    verdict: Verdict | None = None
    why: str | None = None
    ms: float | None = None


@dataclass(frozen=True)
class Chained:
    """An entry in its place: `body` is what was written, `digest` that of the entry before and of the body."""

    n: int
    body: bytes
    digest: str


@dataclass(frozen=True)
class Checked:
    """What a chain shows: so many entries, the digest of the last, and the first one that is wrong."""

    entries: int
    head: str
    broken: int | None = None
    why: str | None = None


def chained(entries: Iterable[LedgerEntry], n: int, head: str) -> list[Chained]:
    """Entries as they follow the entry `n` with the digest `head` (0 and GENESIS: as the first of a chain)."""
    links = []
    for entry in entries:
        n += 1
        body = canonical(n, entry)
        head = digest(head, body)
        links.append(Chained(n, body, head))
    return links


def canonical(n: int, entry: LedgerEntry) -> bytes:
    """The one way to write an entry: JSON, keys sorted, ASCII, no spaces. Takes any value: nothing may keep it out."""
    said = {f.name: _bounded(getattr(entry, f.name)) for f in dataclasses.fields(entry)}
    kept = {name: value for name, value in said.items() if value is not None and value != {}}
    return _dump({"n": n} | kept).encode()


def digest(before: str, body: bytes) -> str:
    """SHA-256 of the digest before and the body, in hexadecimal."""
    return hashlib.sha256(before.encode() + body).hexdigest()


def verify(chain: Iterable[Chained], n: int = 0, head: str = GENESIS) -> Checked:
    """Follow a chain from its first entry, or from the one after `n` with its digest `head`; it is broken at the first
    that is changed, missing or out of place."""
    for link in chain:
        n += 1
        if link.n != n:
            return Checked(n - 1, head, n, f"entry {n} is missing" if link.n > n else f"entry {link.n} stands twice")
        if digest(head, link.body) != link.digest:
            return Checked(n - 1, head, n, f"entry {n} is not what was written, or one before it was taken away")
        try:
            if json.loads(link.body).get("n") != n:
                return Checked(n - 1, head, n, f"entry {n} says that it is another")
        except (ValueError, AttributeError):
            return Checked(n - 1, head, n, f"entry {n} is not readable")
        head = link.digest
    return Checked(n, head)


def entry_of(link: Chained) -> LedgerEntry:
    """Read an entry; raises ContractError naming it. Keys of a newer version are left out."""
    try:
        said = json.loads(link.body)
        known = {f.name: said[f.name] for f in dataclasses.fields(LedgerEntry) if f.name in said}
        if type(known["ts"]) is not int or known["step"] not in get_args(Step):
            raise ContractError(f"ledger entry {link.n}: ts {known['ts']!r}, step {known['step']!r}")
        return LedgerEntry(**known)
    except (ValueError, TypeError, KeyError) as e:
        raise ContractError(f"ledger entry {link.n}: not readable: {e}") from e


def _bounded(value: Any) -> Any:
    """A value as JSON takes it, and not longer than anybody reads."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else value[:LONGEST] + "..."
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        plain = {str(k)[:LONGEST]: _bounded(v) for k, v in value.items()}
        text = _dump(plain)
        return plain if len(text) <= LONGEST else {"cut": text[:LONGEST]}
    if isinstance(value, list | tuple):
        return [_bounded(v) for v in value]
    return value if value is None or isinstance(value, str | int | float) else repr(value)[:LONGEST]


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
