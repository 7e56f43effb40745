"""What the slow control saw while a run was on: statistics, gaps and completeness of each quantity of its channels."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.instrument import Channel
from trackerdcs.domain.messages import TEXT
from trackerdcs.domain.run import Condition
from trackerdcs.domain.series import Bucket, Selection
from trackerdcs.domain.wiring import Devices
from trackerdcs.ports import Clock, TimeSeries

S = 1_000_000_000
PERIODS = 3
"""So many periods without a value are a gap."""
MOST = 2000
"""Parts of a window in which is looked for gaps: of a long run they are longer."""
PATIENCE = 20.0
"""Seconds until the last frames of a run have to be in the database."""
LOOK = 0.5


def condition_of(buckets: Sequence[Bucket], parts: int, seconds: float, period: float) -> Condition:
    """Of `parts` parts of a window that lasts so many s, those that have numbers."""
    n = sum(bucket.count for bucket in buckets)
    if not n:
        return Condition(0, complete=0.0, gaps=1)
    mean = sum(bucket.mean * bucket.count for bucket in buckets) / n
    starts = [bucket.start for bucket in buckets]
    gaps, length = 0, buckets[0].stop - buckets[0].start
    for before, after in pairwise(starts):
        gaps += after - before > 1.5 * length
    missing = parts - len(buckets)
    within = sum(round((after - before) / length) - 1 for before, after in pairwise(starts))
    gaps += missing - within > 1  # at either end: one part may be cut off by the window
    complete = min(n * period / seconds, 1.0) if seconds > 0 else 1.0
    low, high = min(b.low for b in buckets), max(b.high for b in buckets)
    return Condition(n, mean, low, high, round(complete, 4), gaps)


async def conditions_of(
    series: TimeSeries,
    stand: str,
    devices: Devices,
    channels: Sequence[tuple[str, ...]],
    window: tuple[int, int],
    clock: Clock,
    patience: float = PATIENCE,
) -> dict[str, Condition]:
    """By `stand/device/channel/quantity`. Waits for frames that are still on their way; StoreDown where the database
    does not answer."""
    start, end = window
    deadline, found = clock.monotonic() + patience, dict[str, Condition]()
    for device, ch in channels:
        wired = devices.get(device)
        spec: Channel | None = wired.channels.get(ch) if wired else None
        if wired is None or spec is None:
            continue
        quantities = [q for q in spec.quantities if q != TEXT]
        if quantities:
            await _arrived(series, Selection(stand, device, ch, quantities[0], end, end + 60 * S), clock, deadline)
        seconds = (end - start) / S
        parts = max(1, min(MOST, int(seconds / (PERIODS * wired.period))))
        for quantity in quantities:
            buckets = await series.buckets(Selection(stand, device, ch, quantity, start, end), parts)
            found[f"{stand}/{device}/{ch}/{quantity}"] = condition_of(buckets, parts, seconds, wired.period)
    return found


async def _arrived(series: TimeSeries, after: Selection, clock: Clock, deadline: float) -> None:
    """Wait until something later than the window is stored: then all of the window is, unless it comes as a replay."""
    while clock.monotonic() < deadline:
        try:
            if await series.buckets(after, 1):
                return
        except StoreDown:
            pass
        await asyncio.sleep(LOOK)
