"""`trackerdcs loader`: from the bus into the database."""

from pathlib import Path
from typing import Annotated

import typer


def loader(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Stand files (YAML).", show_default=False)],
    name: Annotated[str, typer.Option(help="Name of this loader: loader or loader-..., one for each.")] = "loader",
) -> None:
    """Write what the devices of these stands say to the database, and tell them what is stored.

    All stands of one loader share a broker and a database. Runs until Ctrl-C; what it has not stored yet stays with the
    broker and in the devices' journals. Messages that cannot be stored are parked in NAME.deadletters.sqlite.
    """
    from trackerdcs.services.loader import disagreements, serve
    from trackerdcs.services.runtime import run
    from trackerdcs.settings import read_stand

    stands = [read_stand(path) for path in files]
    for other in stands[1:]:
        faults = disagreements(stands[0].stand, other.stand)
        other.refuse((field, f"{why} ({stands[0].path})") for field, why in faults)
    raise typer.Exit(run(lambda: serve([file.stand for file in stands], name)))
