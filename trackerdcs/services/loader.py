"""Loader service: one process, the frames of some stands."""

import asyncio
import contextlib
import dataclasses
import fcntl
import gc
import logging
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.deadletters_sqlite import SqliteDeadLetters
from trackerdcs.adapters.frames_msgspec import frame_reader
from trackerdcs.adapters.gaps_sqlite import SqliteGaps
from trackerdcs.adapters.spool_sqlite import SqliteSpool
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.load_loop import LoadLoop, filters_of
from trackerdcs.domain.errors import ConfigError, StoreDown, StoreFault
from trackerdcs.domain.reception import Foreign, Reception
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import LOADER, ROOT, SITE, Topic, checked, is_loader, login
from trackerdcs.services.buses import open_bus, open_inlet
from trackerdcs.services.runtime import VERSION
from trackerdcs.services.stores import open_series

log = logging.getLogger(__name__)

COLLECT = (100_000, 20, 20)
"""A batch is thousands of small objects that live for a moment: looked through each 700 of them, as Python does by
itself, reading messages took twice the time."""


async def serve(
    stands: Sequence[Stand], name: str = LOADER, foreign: Foreign | None = None, leave: bool = False
) -> None:
    """Load the frames of `stands`, and what `foreign` knows, until told to stop; with `leave` until nothing is left.

    Loaders that share a broker have different names.
    """
    if not is_loader(Topic(SITE, "status", checked(name, "loader"))):
        raise ConfigError(f"loader {name!r}: expected {LOADER} or {LOADER}-...")
    first, *others = stands
    for other in others:
        for field, why in disagreements(first, other):
            raise ConfigError(f"stand {other.stand}: {field}: {why}")
    gc.set_threshold(*COLLECT)
    clock, who, data = SystemClock(), Who(SITE, name, uuid.uuid4().hex[:12], VERSION), Path(first.data)
    filters = [*filters_of(stand.stand for stand in stands), *(foreign.filters if foreign else ())]
    reception = Reception(frame_reader, foreign.reader if foreign else None)
    if leave:
        _known(data, name)
    with _alone(data, name):
        series = open_series(first.store, data)
        spool = SqliteSpool(data / f"{name}.spool.sqlite")
        deadletters = SqliteDeadLetters(data / f"{name}.deadletters.sqlite")
        gaps = SqliteGaps(data / f"{name}.gaps.sqlite")
        former: list[str] = []
        try:
            for part in (gaps, deadletters, spool):  # a damaged file is set aside and said now
                with contextlib.suppress(StoreFault):
                    await asyncio.to_thread(part.open)
            with contextlib.suppress(StoreFault):  # a session keeps its filters: what is not ours any more is ended
                former = await asyncio.to_thread(spool.swap_filters, filters)
            with contextlib.suppress(StoreDown):  # the loop waits for a store that is down; a wrong file is said here
                await series.write([])
            log.info("%s loads %s into %s", name, ", ".join(filters), first.store.url or data / first.store.path)
            if gone := [f for f in former if not f.startswith(f"{ROOT}/")]:
                log.warning("%s: topics that it loaded before are not in its mapping: %s", name, ", ".join(gone))
            bus = open_bus(first.bus, f"trackerdcs-{name}-says", login(SITE, name), will_of(who, clock))
            place = (first.bus, f"trackerdcs-{name}", login(SITE, name))
            # A loader that says that it is online has subscribed.
            async with open_inlet(*place, bus, filters, former) as inlet, bus:
                stores = (spool, series, deadletters, gaps)
                loop = LoadLoop(inlet, bus, *stores, clock, reception, who)
                await loop.run(leave)
                tally = loop.tally
                log.info("left: %d messages stored, %d parked, nothing waits any more", tally.stored, tally.parked)
        finally:
            for part in (gaps, deadletters, spool):
                part.close()
            await series.close()


def _known(data: Path, name: str) -> None:
    """A wrong name would leave in silence, and the session that was meant would go on filling."""
    if not any(data.glob(f"{name}.*.sqlite")):
        there = ", ".join(sorted(path.name.removesuffix(".lock") for path in data.glob(f"{LOADER}*.lock"))) or "none"
        raise ConfigError(f"loader {name}: none of this name was ever here to leave. Loaders in {data}: {there}")


@contextlib.contextmanager
def _alone(data: Path, name: str) -> Iterator[None]:
    """Two loaders of one name would take each other's session for ever, and each other's spool."""
    path = data / f"{name}.lock"
    with contextlib.ExitStack() as held:
        try:
            data.mkdir(parents=True, exist_ok=True)
            lock = held.enter_context(path.open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            text = f"loader {name}: another one of this name is running in {data}"
            raise ConfigError(f"{text}; stop it first, or give this one another --name") from e
        except OSError as e:  # a folder that is not ours, a disk that is full, a file system without locks
            raise StoreFault(f"loader {name}: {path} cannot be locked: {e}") from e
        yield


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
