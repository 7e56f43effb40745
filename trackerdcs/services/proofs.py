"""When each channel was last proven, by the reports that `trackerdcs proof` has left in the folder of the stand."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from trackerdcs.domain.codec import plain

REPORTS = "proof-*.json"
EVERY = 10.0
"""Seconds between two looks for a new report."""


def last_proofs(data: Path, device: str) -> dict[str, str]:
    """When each channel of a device was last proven, by the reports in the folder; a spoilt one proves nothing."""
    found: dict[str, str] = {}
    for path in sorted(data.glob(REPORTS)):
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
            said = plain(f"{report['ts']} ({report['how']})")
            found |= {ch: said for name, _, ch in (out.partition(".") for out in report["proven"]) if name == device}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
    return found


async def follow(data: Path, device: str, tell: Callable[[dict[str, str]], None], every: float = EVERY) -> None:
    """Tell of each change, for ever."""
    known: dict[str, str] = {}
    while True:
        found = await asyncio.to_thread(last_proofs, data, device)
        if found != known:
            known = found
            tell(found)
        await asyncio.sleep(every)
