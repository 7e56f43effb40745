"""Loader service: one process, the frames of some stands."""

import asyncio
import contextlib
import dataclasses
import uuid
from collections.abc import Sequence
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.deadletters_sqlite import SqliteDeadLetters
from trackerdcs.adapters.gaps_sqlite import SqliteGaps
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.load_loop import LoadLoop
from trackerdcs.domain.errors import ConfigError, StoreDown, StoreFault
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import LOADER, SITE, Topic, checked, is_loader
from trackerdcs.services.buses import open_bus
from trackerdcs.services.runtime import VERSION
from trackerdcs.services.stores import open_series


async def serve(stands: Sequence[Stand], name: str = LOADER) -> None:
    """Load the frames of `stands` until told to stop. Loaders that share a broker have different names."""
    if not is_loader(Topic(SITE, "status", checked(name, "loader"))):
        raise ConfigError(f"loader {name!r}: expected {LOADER} or {LOADER}-...")
    first, *others = stands
    for other in others:
        for field, why in disagreements(first, other):
            raise ConfigError(f"stand {other.stand}: {field}: {why}")
    clock, who, data = SystemClock(), Who(SITE, name, uuid.uuid4().hex[:12], VERSION), Path(first.data)
    series = open_series(first.store, data)
    deadletters = SqliteDeadLetters(data / f"{name}.deadletters.sqlite")
    gaps = SqliteGaps(data / f"{name}.gaps.sqlite")
    try:
        for keep in (gaps.open, deadletters.open):  # a damaged file is set aside and said now
            with contextlib.suppress(StoreFault):
                await asyncio.to_thread(keep)
        with contextlib.suppress(StoreDown):  # the loop waits for a store that is down; a wrong file is said here
            await series.write([])
        # The session outlives the process under its fixed name: the broker keeps what comes meanwhile.
        async with open_bus(first.bus, f"trackerdcs-{name}", will_of(who, clock), persistent=True) as bus:
            await LoadLoop(bus, series, deadletters, gaps, clock, [stand.stand for stand in stands], who).run()
    finally:
        gaps.close()
        deadletters.close()
        await series.close()


def disagreements(first: Stand, other: Stand) -> list[tuple[str, str]]:
    """What keeps two stands from one loader, which has one broker and one database, as (field of `other`, why)."""
    if first.stand == other.stand:
        return [("stand", f"{other.stand} is given twice")]
    found = []
    for part in ("bus", "store"):
        mine, its = getattr(first, part), getattr(other, part)
        for field in dataclasses.fields(mine):
            here, there = getattr(its, field.name), getattr(mine, field.name)
            if here != there:
                found.append((f"{part}.{field.name}", f"{here}, but stand {first.stand} has {there}: a loader has one"))
    if not found and first.store.kind == "sqlite" and first.data != other.data:
        found.append(("data", f"{other.data}, but stand {first.stand} has {first.data}: a loader has one database"))
    return found
