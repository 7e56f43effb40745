"""`trackerdcs watch`: what a stand says, live."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from trackerdcs.cli.clients import BrokerOption, FileOption, Place, place
from trackerdcs.domain import topics
from trackerdcs.domain.errors import ContractError

if TYPE_CHECKING:
    from trackerdcs.app.overview import DeviceView, Moment, Overview
    from trackerdcs.cli.rows import Row
    from trackerdcs.ports import Bus

REFRESH_S = 0.25


def watch(
    stand: Annotated[
        str | None, typer.Argument(metavar="STAND", help="The stand file's, unless given.", show_default=False)
    ] = None,
    file: FileOption = None,
    broker: BrokerOption = None,
) -> None:
    """Show what a stand says, live, until Ctrl-C.

    A table in a terminal, else a line for each change. Values are shown as true only while they are fresh: heard just
    now, from a device that is there. Others stand in parentheses with their age; what could not be read shows as `bad`
    with the reason. HV says ON where a high voltage is present or the output is on, and ? where that is not known.

    \b
    Examples:
      trackerdcs watch
      trackerdcs watch bench --broker 10.0.0.5:1883
      trackerdcs watch > log.txt
    """
    where = place(file, broker, without=True)
    name = stand or where.stand.stand
    try:
        topics.checked(name, "stand")
    except ContractError as e:
        raise typer.BadParameter(str(e)) from e
    try:
        asyncio.run(_watch(where, name))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except ExceptionGroup as group:
        if pipe := group.subgroup(BrokenPipeError):  # `| head`: alone, the command line knows what it means
            raise BrokenPipeError(*pipe.exceptions[0].args) from None
        raise


async def _watch(where: Place, stand: str) -> None:
    from trackerdcs.app.overview import Overview
    from trackerdcs.services.client import connect

    overview = Overview()
    async with connect(where.stand.bus) as bus, asyncio.TaskGroup() as tasks:
        if not bus.connected:
            typer.secho(where.no_broker, fg="yellow", err=True)
        tasks.create_task(listen(bus, stand, overview))
        tasks.create_task(draw(overview, REFRESH_S) if sys.stdout.isatty() else _print_changes(overview))


async def listen(bus: "Bus", stand: str, overview: "Overview") -> None:
    """Feed an overview with all that a stand and the loaders say, for ever."""
    from trackerdcs.adapters.clock_system import SystemClock
    from trackerdcs.app.overview import Moment

    async def follow() -> None:
        async for up in bus.connection():
            overview.connected = up

    clock = SystemClock()
    heard = bus.subscribe(topics.all_of(stand), topics.all_of(topics.SITE))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow())
        async for delivery in heard:
            moment = Moment(clock.now(), clock.monotonic())
            overview.feed(delivery.topic, delivery.payload, delivery.retained, moment)
            delivery.acknowledge()


async def draw(overview: "Overview", every: float) -> None:
    """Draw the table anew every so many seconds, for ever; what it leaves on the screen is said to be old."""
    from rich.live import Live

    from trackerdcs.adapters.clock_system import SystemClock
    from trackerdcs.cli.table import Fitted, table

    try:
        with Live(get_renderable=lambda: Fitted(table(overview)), refresh_per_second=1 / every):
            await asyncio.Event().wait()
    finally:
        # The last table stays on the screen, with ages that do not grow any more.
        typer.echo(f"ended at {_utc(SystemClock().now())}: the table above is not live any more")


async def _print_changes(overview: "Overview") -> None:
    import time

    from trackerdcs.app.overview import Moment

    said: dict[str, str] = {}
    while True:
        at = Moment(time.time_ns(), time.monotonic())
        stamp = _utc(at.now)
        now = lines(overview, at)
        for key, line in now.items():
            if said.get(key) != line:
                typer.echo(f"{stamp} {line}")
        said = now
        await asyncio.sleep(REFRESH_S)


def _utc(ts: int) -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ts // 10**9))


def lines(overview: "Overview", at: "Moment") -> dict[str, str]:
    """All that is known, a line for each thing, without ages: a line that differs is a change."""
    from trackerdcs.cli.rows import clean, loader_row, rows_of, sources

    found: dict[str, str] = {}
    if overview.connected is not None:
        found["broker"] = "broker connected" if overview.connected else "NO CONNECTION TO THE BROKER"
    for device in overview.instruments():
        where = f"{device.stand}/{device.name}"
        found[f"status {where}"] = f"{where} is {_status(device, at)}"
        if device.frame is not None:
            found |= _values(rows_of(device, at), where)
    for loader in overview.loaders():
        where = f"{loader.stand}/{loader.name}"
        found[f"status {where}"] = f"{where} is {_status(loader, at)}"
        if loader.frame is not None:
            row = loader_row(loader, at)
            found |= _values([row], where)
            if text := sources(loader):
                found[f"sources {where}"] = f"{where} {row.news or 'fresh'}: {text}"
    for (name, interlock), view in sorted(overview.interlocks.items()):
        text = f"interlock {name}/{interlock}: {clean(view.text(at.monotonic))}"
        found[f"interlock {name}/{interlock}"] = text
    for cause, outside in overview.outside.items():
        last = clean(f"last {outside.topic}: {outside.why}")
        found[f"outside {cause}"] = f"outside the contract, {cause}: {outside.count}, {last}"
    for note in overview.recent:
        found[f"note {note}"] = f"{note.stand}/{note.device} {clean(note.text)}"
    return found


def _status(device: "DeviceView", at: "Moment") -> str:
    from trackerdcs.cli.rows import clean

    error = device.status.error if device.status else None
    return device.state(at) + (f": {clean(error)}" if error else "")


def _values(rows: "list[Row]", where: str) -> dict[str, str]:
    found = {}
    for row in rows:
        parts = [f"HV {row.hv}"] if row.hv else []
        parts += [row.state] if row.state else []
        volts = {"v_set": " V", "v_mon": " V"}
        parts += [f"{q} {text}{volts.get(q, '')}" for q, text in row.cells.items() if text]
        parts += [*row.flags, *row.others, *row.faults, *row.doubts]
        flags = " SIM" if row.sim else ""
        found[f"{where} {row.ch}"] = f"{where} {row.ch}{flags} {row.news or 'fresh'}: {', '.join(parts)}"
    return found
