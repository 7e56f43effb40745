"""`trackerdcs guard`: the interlocks of one stand."""

from pathlib import Path
from typing import Annotated

import typer

from trackerdcs.cli.check import checked


def guard(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Stand file (YAML).", show_default=False)],
) -> None:
    """Judge the interlocks of a stand: hear its devices, say each second how every interlock is, keep what is open.

    One process a stand, until Ctrl-C, at the edge beside the devices. Without it all interlocks are unknown to the
    owners of the outputs: nothing goes up, and after t_unknown what is on comes down.

    Example: trackerdcs guard stands/bench.yaml
    """
    from trackerdcs.services.guard import serve
    from trackerdcs.services.runtime import run

    stand = checked(file)
    raise typer.Exit(run(lambda: serve(stand)))
