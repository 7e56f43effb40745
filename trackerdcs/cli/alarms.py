"""`trackerdcs alarms`: the alarms of one stand."""

from pathlib import Path
from typing import Annotated

import typer

from trackerdcs.cli.check import checked


def alarms(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Stand file (YAML).", show_default=False)],
) -> None:
    """Watch a stand by its rules: raise alarms, keep them over restarts, take acknowledgements.

    One process a stand, until Ctrl-C. Without it nothing is less safe, but nobody is told.

    Example: trackerdcs alarms stands/bench.yaml
    """
    from trackerdcs.services.alarms import serve
    from trackerdcs.services.runtime import run

    stand = checked(file)
    raise typer.Exit(run(lambda: serve(stand)))
