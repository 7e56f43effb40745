"""`trackerdcs derived`: the derived quantities of one stand."""

from pathlib import Path
from typing import Annotated

import typer

from trackerdcs.cli.check import checked


def derived(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Stand file (YAML).", show_default=False)],
) -> None:
    """Compute dew point, power, leakage current at 20 degC and time at bias of what the devices of a stand say.

    One process a stand, until Ctrl-C. What it computes are frames of the device `derived`, stored like any other; what
    goes in and by which formula is said by the stand file.

    Example: trackerdcs derived stands/bench.yaml
    """
    from trackerdcs.services.derived import serve
    from trackerdcs.services.runtime import run

    stand = checked(file)
    raise typer.Exit(run(lambda: serve(stand)))
