"""`trackerdcs doctor`: is everything there, and does it do its work?"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackerdcs.cli.clients import BrokerOption, FileOption, Place, place
from trackerdcs.cli.doctor_findings import (
    Finding,
    from_alarms,
    from_clock,
    from_device,
    from_files,
    from_gaps,
    from_interlocks,
    from_loaders,
    from_outside,
)
from trackerdcs.cli.doctor_probes import EMBEDDED, from_bucket, from_file, from_limits
from trackerdcs.domain.errors import BusDown, ConfigError, StoreDown
from trackerdcs.domain.series import Selection

if TYPE_CHECKING:
    from trackerdcs.app.overview import DeviceView, Moment, Overview
    from trackerdcs.ports import TimeSeries

LISTEN_S = 3.0
LATE_S = 30.0
"""A stored frame older than this is late: a batch takes well below a second, a restart some seconds."""


def doctor(
    listen: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="How long to listen.")] = LISTEN_S,
    file: FileOption = None,
    broker: BrokerOption = None,
) -> None:
    """Look whether everything is there and does its work.

    Prints a line for each thing, OK, WARN or FAIL: the broker; devices and loaders, by what they say while it listens;
    clocks; messages outside the contract and parked ones; journals and dead letters, where they are on this computer;
    the database. WARN also says what would be lost, and what helps.

    It commands nothing. It sends a broker 1200 messages on a topic of its own (dcs/probe/...), to see how many it keeps
    for a client that is away, and an InfluxDB one value of its own (measurement doctor). A SQLite file it only reads.

    \b
    Examples:
      trackerdcs doctor
      trackerdcs doctor --file stands/bench.yaml --listen 15

    Exit status 1 if there is a FAIL, else 0.
    """
    import asyncio

    where = place(file, broker)
    failed = asyncio.run(_doctor(where, listen))
    raise typer.Exit(1 if failed else 0)


async def _doctor(where: Place, listen: float) -> bool:
    from trackerdcs.cli.rows import clean

    failed = False
    colours = {"OK": "green", "WARN": "yellow", "FAIL": "red"}
    async for finding in _findings(where, listen):
        failed |= finding.grade == "FAIL"
        typer.echo(f"{typer.style(f'{finding.grade:4}', fg=colours[finding.grade])} {clean(finding.text)}")
    return failed


async def _findings(where: Place, listen: float) -> AsyncIterator[Finding]:
    from trackerdcs.app.overview import Overview

    overview = Overview()
    at = await _listen(where, listen, overview)
    if overview.connected:
        yield Finding("OK", f"broker {where.broker} answers (from {where.file})")
        async for finding in _from_broker(where):
            yield finding
        for device in _expected(where, overview):
            yield from_device(device, at)
            if (clock := from_clock(device)) is not None:
                yield clock
        named = [(where.stand.stand, name) for name in where.stand.interlocks]
        for finding in [
            *from_interlocks(overview, named, at),
            *from_alarms(overview, at),
            *from_loaders(overview, at),
            *from_outside(overview),
        ]:
            yield finding
    else:
        yield Finding("FAIL", where.no_broker)
    if where.guessed:
        yield Finding(
            "WARN", "journals and database were not looked at: where they are stands in the stand file (--file)"
        )
        return
    for finding in from_files(Path(where.stand.data), list(where.stand.devices)):
        yield finding
    for finding in from_gaps(Path(where.stand.data), where.stand.stand, at.now):
        yield finding
    async for finding in _from_store(where, overview, at):
        yield finding


async def _listen(where: Place, seconds: float, overview: "Overview") -> "Moment":
    """Fill the overview; the moment it was looked at."""
    import asyncio

    from trackerdcs.adapters.clock_system import SystemClock
    from trackerdcs.app.overview import Moment
    from trackerdcs.cli.watch import listen
    from trackerdcs.services.client import connect

    async with connect(where.stand.bus) as bus:
        if bus.connected:
            hearing = asyncio.create_task(listen(bus, where.stand.stand, overview))
            await asyncio.wait({hearing}, timeout=seconds)
            hearing.cancel()
            await asyncio.wait({hearing})
        overview.connected = bus.connected
    clock = SystemClock()
    return Moment(clock.now(), clock.monotonic())


def _expected(where: Place, overview: "Overview") -> "list[DeviceView]":
    """What is heard, and what the stand file promises."""
    from trackerdcs.app.overview import DeviceView

    stand = where.stand.stand
    missing = [DeviceView(stand, d) for d in where.stand.devices if (stand, d) not in overview.devices]
    return sorted([*overview.instruments(), *missing], key=lambda d: (d.stand, d.name))


async def _from_broker(where: Place) -> AsyncIterator[Finding]:
    """What would it lose?"""
    from trackerdcs.services.probes import broker_limits

    if where.stand.bus.kind == "embedded":
        yield EMBEDDED
        return
    try:
        limits = await broker_limits(where.stand.bus)
    except BusDown as e:
        older = "; loaders need MQTT 5 of any broker but the demonstrator's" if "protocol version" in str(e) else ""
        yield Finding("WARN", f"what the broker keeps for a loader that is away was not tried: {e}{older}")
        return
    for finding in from_limits(limits):
        yield finding


async def _from_store(where: Place, overview: "Overview", at: "Moment") -> AsyncIterator[Finding]:
    """Does the database answer, and how old is the newest frame of each device?"""
    from trackerdcs.cli.history import newest, utc
    from trackerdcs.cli.rows import duration
    from trackerdcs.services.stores import open_series

    stand = where.stand
    name = f"store {stand.store.kind} {stand.store.url or Path(stand.data) / stand.store.path}"
    try:
        series = open_series(stand.store, Path(stand.data), read_only=True)
    except ConfigError as e:
        yield Finding("FAIL", f"{name}: {e}")
        return
    try:
        for i, device in enumerate(stand.devices):
            latest = await newest(series, Selection(stand.stand, device, None, "seq", 0, at.now + 10**18))
            if i == 0:
                yield Finding("OK", f"{name} answers")
            if latest is None:
                yield Finding("WARN", f"stored of {device}: nothing yet")
                continue
            age = max(0.0, (at.now - latest) / 1e9)  # what came while we looked is newer than our look
            view = overview.devices.get((stand.stand, device))
            late = age > LATE_S and view is not None and view.live
            text = f"stored of {device}: newest frame {duration(age)} old, of {utc(latest)}"
            yield Finding("WARN" if late else "OK", text)
        async for finding in _from_probed_store(where, series, name):
            yield finding
    except (StoreDown, ConfigError) as e:
        yield Finding("FAIL", f"{name}: {e}")
    finally:
        await series.close()


async def _from_probed_store(where: Place, series: "TimeSeries", name: str) -> AsyncIterator[Finding]:
    """Does it take a value, and for how long? One process alone writes SQLite: there the file is looked at instead."""
    from trackerdcs.adapters.clock_system import SystemClock
    from trackerdcs.services.probes import facts_of_bucket, facts_of_file, write_and_read

    store, clock = where.stand.store, SystemClock()
    if store.kind == "sqlite":
        for finding in from_file(store.path, facts_of_file(Path(where.stand.data) / store.path)):
            yield finding
        return
    took = await write_and_read(series, clock)
    yield Finding("OK", f"{name} took a value and gave it back in {took * 1000:.0f} ms")
    asked = clock.now()
    facts = await facts_of_bucket(store)
    for finding in from_bucket(str(store.bucket), facts, asked, clock.now()):
        yield finding
