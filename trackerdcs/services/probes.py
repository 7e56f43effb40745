"""What the doctor tries out: the broker, the database, and the file that may be one."""

import asyncio
import shutil
import sqlite3
import uuid
from pathlib import Path

from trackerdcs.domain import topics
from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.probing import BrokerLimits, BucketFacts, FileFacts
from trackerdcs.domain.series import Point, Selection
from trackerdcs.domain.stand import BusConfig, StoreConfig
from trackerdcs.ports import Clock, TimeSeries
from trackerdcs.services.client import USER
from trackerdcs.services.stores import credentials

NAME = "doctor"
QUANTITY = "probe"


async def broker_limits(config: BusConfig) -> BrokerLimits:
    """Try what the broker does for a client that is away; BusDown where that is not possible."""
    from trackerdcs.adapters.broker_probe import BrokerProbe

    name = uuid.uuid4().hex[:12]
    return await asyncio.to_thread(BrokerProbe(config, f"{NAME}-{name}", topics.probe(name), login=USER).run)


async def write_and_read(series: TimeSeries, clock: Clock) -> float:
    """Store a value in a series of our own and find it there: how long that took in s. StoreDown says why not."""
    ts, began = clock.now(), clock.monotonic()
    point = Point(NAME, (("stand", topics.SITE), ("device", NAME)), ts, {QUANTITY: 1.0})
    if rejected := await series.write([point]):
        raise StoreDown(f"a value was refused: {rejected[0].why}")
    if not await series.samples(Selection(topics.SITE, NAME, None, QUANTITY, ts, ts + 1)):
        raise StoreDown("a value was taken, and is not there")
    return clock.monotonic() - began


async def facts_of_bucket(config: StoreConfig) -> BucketFacts:
    """What InfluxDB says of its bucket and its clock; StoreDown if it says nothing."""
    from trackerdcs.adapters.influx_probe import bucket_facts

    return await asyncio.to_thread(bucket_facts, *credentials(config))


def facts_of_file(path: Path) -> FileFacts:
    """Of the SQLite file of a time series, which the loader alone writes; StoreDown if it cannot be read."""
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)
        try:
            mode = str(db.execute("PRAGMA journal_mode").fetchone()[0])
        finally:
            db.close()
        return FileFacts(mode, shutil.disk_usage(path.parent).free)
    except (sqlite3.Error, OSError) as e:
        raise StoreDown(f"{path}: {e}") from e
