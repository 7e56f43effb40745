"""`trackerdcs ph2acf`: the bridge to Ph2_ACF of one stand."""

from pathlib import Path
from typing import Annotated

import typer

from trackerdcs.cli.check import checked


def ph2acf(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Stand file (YAML).", show_default=False)],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the bridge under `calibrations`.", show_default=False)
    ],
) -> None:
    """Start and follow calibrations of Ph2_ACF as they are asked for over MQTT, and bring their results into the store.

    One process a bridge, until Ctrl-C, on the computer where Ph2_ACF runs. A calibration that runs then goes on; the
    next start of the bridge adopts it.

    Example: trackerdcs ph2acf stands/bench.yaml ph2acf1
    """
    from trackerdcs.services.bridge import serve
    from trackerdcs.services.runtime import run

    stand = checked(file)
    raise typer.Exit(run(lambda: serve(stand, name)))
