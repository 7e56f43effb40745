"""`trackerdcs import-run`: runs that were taken by hand, one or years of them, into the store of runs."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackerdcs.cli.clients import FileOption, place

if TYPE_CHECKING:
    from trackerdcs.app.importer import Imported

SHOWN = 40
"""Folders that are named one by one below the summary."""


def import_run(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DIR...", help="Folders of runs, or folders of such folders.", show_default=False),
    ] = None,
    module: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The module, where a run has one and nobody has bound it.", show_default=False
        ),
    ] = "",
    zone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Time zone of the logs, such as Europe/Zurich.", show_default=False),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Processes; as many as cores, unless given.", show_default=False)
    ] = None,
    settle: Annotated[float, typer.Option(metavar="S", help="Folders that have changed within this time wait.")] = 10.0,
    again: Annotated[bool, typer.Option("--again", help="Analyse anew what an older version has read.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="With --again: all stored runs.")] = False,
    quarantine: Annotated[bool, typer.Option("--quarantine", help="List the folders in quarantine.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try the folders in quarantine again.")] = False,
    file: FileOption = None,
) -> None:
    """Import runs of Ph2_ACF: results, logs, monitored values, and every raw file with its checksum.

    A folder is one run however often and from wherever it is imported. What is no whole run (a ROOT file that is cut
    off or was never closed, half of a folder, a folder of something else) is put in quarantine with the reason; what
    there is of it is kept, and --retry takes the rest when it has been mended. Nothing in the folders is changed.

    \b
    Examples:
      trackerdcs import-run Results/Run_500749 --module PS_26_10-IPG_00012
      trackerdcs import-run /data/ph2acf --zone Europe/Zurich
      trackerdcs import-run --quarantine
      trackerdcs import-run --again

    Exit status 0: all is imported. 1: something is in quarantine or could not be stored.
    """
    from trackerdcs.domain.errors import ConfigError
    from trackerdcs.services.importing import Importing

    if sum((bool(folders), again, quarantine, retry)) != 1:
        raise typer.BadParameter("give folders, or one of --again, --quarantine and --retry")
    for folder in folders or []:
        if not folder.is_dir():
            raise typer.BadParameter(f"{folder} is no folder")
    if zone is not None:
        _check(zone)
    where = place(file, None)
    if jobs is not None and jobs < 1:
        raise ConfigError("--jobs: at least 1")
    name = where.stand.stand if file is not None else ""
    with Importing(where.stand, name, zone, jobs) as importing:
        if quarantine:
            for q in importing.quarantined():
                typer.echo(f"{q.folder}: {q.code}: {q.text}")
            return
        if again:
            runs = importing.old(everything)
            done = _followed(importing.again(runs), len(runs))
        else:
            paths = folders or sorted({Path(q.folder) for q in importing.quarantined()})
            found = importing.folders(path for path in paths if path.is_dir())
            done = _followed(importing.take(found, module, settle), len(found))
    if not _said(done):
        raise typer.Exit(1)


def _check(zone: str) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as e:
        raise typer.BadParameter(f"{zone!r} is no time zone, such as Europe/Zurich", param_hint="--zone") from e


def _followed(results: Iterable["Imported"], number: int) -> list["Imported"]:
    """All of them, with a bar that moves while they come."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("importing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        return list(progress.track(results, total=number))


def _said(done: list["Imported"]) -> bool:
    """The summary; True when all is imported."""
    from trackerdcs.cli.rows import clean

    count = Counter(each.outcome for each in done)
    states = Counter(each.run.state for each in done if each.outcome == "imported" and each.run)
    inside = f" ({', '.join(f'{n} {state}' for state, n in sorted(states.items()))})" if states else ""
    typer.echo(
        f"{count['imported']} imported{inside}, {count['known']} known already, "
        f"{count['quarantined']} in quarantine, {count['failed']} not stored"
    )
    odd = [each for each in done if each.why is not None]
    for each in odd[:SHOWN]:
        why = f"{each.why.code}: {each.why.text}" if each.why else ""
        typer.secho(clean(f"{each.folder}: {each.outcome}: {why}"), fg="yellow", err=True)
    if len(odd) > SHOWN:
        typer.secho(
            f"and {len(odd) - SHOWN} more: trackerdcs import-run --quarantine lists them", fg="yellow", err=True
        )
    for each in done:
        for warning in each.run.warnings if each.run and len(done) <= SHOWN else ():
            typer.secho(clean(f"{each.folder}: {warning.code}: {warning.text}"), fg="yellow", err=True)
    return not odd
