"""`trackerdcs device`: the owner of one instrument."""

from pathlib import Path
from typing import Annotated

import typer

from trackerdcs.cli.check import checked


def device(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Stand file (YAML).", show_default=False)],
    name: Annotated[str, typer.Argument(metavar="DEVICE", help="One of its devices.", show_default=False)],
) -> None:
    """Own one instrument of a stand: poll it, publish what it reads, obey commands within the stand file's limits.

    One process an instrument, until Ctrl-C. Stopping or killing it never changes an output, and starting it only
    completes what the last run has begun downwards. Frames wait in DATA/DEVICE.journal.sqlite until a loader has
    confirmed that they are stored.

    A bad stand file starts the owner of a high-voltage supply on the last good one, for the safe direction only.

    Example: trackerdcs device stands/bench.yaml hv1
    """
    from trackerdcs.services.device_file import serve_file
    from trackerdcs.services.runtime import run

    raise typer.Exit(run(lambda: serve_file(file, name, checked)))
