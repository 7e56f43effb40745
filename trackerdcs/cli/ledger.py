"""`trackerdcs ledger`: what was asked of a device, what it was sent, what came back, and who wanted it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackerdcs.cli.clients import FileOption, Place, place
from trackerdcs.domain.errors import ConfigError, StoreFault, TrackerError

if TYPE_CHECKING:
    from trackerdcs.domain.ledger import Chained, Checked


SUFFIX = ".ledger.sqlite"


def ledger(
    stand: Annotated[str, typer.Argument(metavar="STAND", help="Such as demo.", show_default=False)],
    device: Annotated[str, typer.Option(metavar="DEVICE", help="Such as hv1.", show_default=False)],
    since: Annotated[str, typer.Option(metavar="SPAN", help="How far back: 60s, 10m, 2h, 7d.")] = "1h",
    id: Annotated[
        str | None, typer.Option(metavar="ID", help="One command: its id, or how it begins.", show_default=False)
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Follow the whole chain, from its first entry.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All entries with all fields.")] = False,
    file: FileOption = None,
) -> None:
    """Print what a device was told and what it did, from the ledger that its service keeps.

    Read on the host of the service, which may run meanwhile, from DATA/DEVICE.ledger.sqlite. Each command, each order
    to the instrument and all that happened without a command, with times, reasons, read-backs and durations; the
    steps of one ramp are one line. Each entry covers the one before by its digest: what was changed or removed shows.

    \b
    Examples:
      trackerdcs ledger demo --device hv1 --since 10m
      trackerdcs ledger demo --device hv1 --since 7d --verify
      trackerdcs ledger demo --device lv1 --since 1h --json

    \b
    Exit status:
      0  printed; with --verify: and the chain is whole
      1  there is no ledger, or its chain is broken
    """
    from trackerdcs.adapters.clock_system import SystemClock
    from trackerdcs.cli.history import span

    start = SystemClock().now() - span(since, "--since") * 10**9
    path = _path(place(file, None), stand, device)
    links, fault = read(path, start)
    shown = [link for link in links if _of(link, id)]
    checked = _checked(links, path, verify)
    if as_json:
        _print_json(shown)
    else:
        from trackerdcs.cli.ledger_rows import lines

        for line in lines(shown):
            typer.echo(line)
        if not shown:
            typer.echo(f"nothing{f' of command {id}' if id else ''} in the last {since}", err=True)
    judge(path, checked, fault, verify)


def _path(where: Place, stand: str, device: str) -> Path:
    if stand != where.stand.stand:
        raise ConfigError(f"{where.file} is of the stand {where.stand.stand}; that of {stand}: --file STANDFILE")
    data = Path(where.stand.data)
    path = data / f"{device}{SUFFIX}"
    if not path.exists():
        there = ", ".join(sorted(p.name.removesuffix(SUFFIX) for p in data.glob(f"*{SUFFIX}"))) or "none"
        raise TrackerError(f"no ledger at {path}: a service keeps it on its own host. Ledgers there: {there}")
    return path


def read(path: Path, start: int) -> tuple[list["Chained"], str | None]:
    """What is there, and what is wrong with the file's end."""
    from trackerdcs.adapters.ledger_sqlite import read_chain

    links = []
    try:
        for link in read_chain(path, start):
            links.append(link)
    except StoreFault as e:
        return links, str(e)
    return links, None


def _of(link: "Chained", id: str | None) -> bool:
    from trackerdcs.domain.errors import ContractError
    from trackerdcs.domain.ledger import entry_of

    try:
        return id is None or (entry_of(link).id or "").startswith(id)
    except ContractError:
        return True


def _checked(links: list["Chained"], path: Path, whole: bool) -> "Checked":
    from trackerdcs.adapters.ledger_sqlite import read_chain
    from trackerdcs.domain.ledger import GENESIS, Checked, verify

    if not whole:
        return verify(links[1:], links[0].n, links[0].digest) if links else Checked(0, GENESIS)
    try:
        return verify(read_chain(path))
    except StoreFault as e:
        return Checked(0, GENESIS, 0, str(e))


def judge(path: Path, checked: "Checked", fault: str | None, whole: bool) -> None:
    """The last line: what the digests show. On stderr, and exit status 1, where they show a break."""
    if checked.broken is not None or fault:
        why = fault or f"{path}: {checked.why}"
        typer.secho(f"THE CHAIN IS BROKEN: {why}; what comes later proves nothing", fg="red", err=True)
        raise typer.Exit(1)
    if aside := sorted(p.name for p in path.parent.glob(f"{path.name}.damaged-*") if p.name[-1].isdigit()):
        typer.secho(f"put aside as damaged, beside it: {', '.join(aside)}", fg="yellow", err=True)
    if whole:
        typer.echo(f"the chain is whole: {checked.entries} entries, head {checked.head}", err=True)
        typer.echo("whoever notes the head can tell later whether the end was cut off", err=True)
    elif checked.entries:
        typer.echo("these entries follow each other; the whole chain: --verify", err=True)


def _print_json(links: list["Chained"]) -> None:
    import dataclasses
    import json

    from trackerdcs.cli.history import utc
    from trackerdcs.domain.ledger import entry_of

    entries = []
    for link in links:
        said = dataclasses.asdict(entry_of(link))
        kept = {name: value for name, value in said.items() if value is not None and value != {}}
        entries.append({"n": link.n, "time": utc(said["ts"])} | kept | {"digest": link.digest})
    typer.echo(json.dumps(entries, indent=1))
