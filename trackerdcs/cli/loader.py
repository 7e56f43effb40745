"""`trackerdcs loader`: from the bus into the database."""

from pathlib import Path
from typing import Annotated

import typer

from trackerdcs.cli.clients import MappingOption


def loader(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Stand files (YAML), or folders of them.", show_default=False),
    ],
    name: Annotated[str, typer.Option(help="Name of this loader: loader or loader-..., one for each.")] = "loader",
    mapping: MappingOption = None,
    leave: Annotated[
        bool, typer.Option("--leave", help="Store what waits for this loader, then end for good.")
    ] = False,
) -> None:
    """Write what the devices of these stands say to the database, and tell them what is stored.

    All stands of one loader share a broker and a database. Runs until Ctrl-C; what it has not stored yet is in
    DATA/NAME.spool.sqlite, with the broker and in the devices' journals. Messages that cannot be stored are parked in
    DATA/NAME.deadletters.sqlite.

    To replace a loader without a gap: start the new one under another name, stop the old one, then run that with
    --leave, and else with the words that it always had, its --name and --mapping: it takes what the broker has kept for
    it, stores it, and ends its session and itself.

    \b
    Examples:
      trackerdcs loader stands/bench.yaml --mapping stands/mapping.yaml
      trackerdcs loader stands/bench.yaml --name loader-b
      trackerdcs loader stands/bench.yaml --mapping stands/mapping.yaml --leave
    """
    from trackerdcs.services.loader import disagreements, serve
    from trackerdcs.services.mappings import open_mapping
    from trackerdcs.services.runtime import run
    from trackerdcs.services.stand_files import read_stands

    stands = read_stands(files)
    for other in stands[1:]:
        faults = disagreements(stands[0].stand, other.stand)
        other.refuse((field, f"{why} ({stands[0].path})") for field, why in faults)
    foreign = open_mapping(mapping) if mapping else None
    raise typer.Exit(run(lambda: serve([file.stand for file in stands], name, foreign, leave)))
