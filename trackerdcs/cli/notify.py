"""`trackerdcs notify`: tells people of the alarms of one stand."""

from pathlib import Path
from typing import Annotated

import typer

from trackerdcs.cli.check import checked


def notify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Stand file (YAML).", show_default=False)],
) -> None:
    """Tell people of the alarms of a stand, by mail and messages, until somebody has acknowledged them.

    One process a stand, until Ctrl-C. What has not been sent when it ends is sent at the next start.

    Example: trackerdcs notify stands/bench.yaml
    """
    from trackerdcs.services.notify import serve
    from trackerdcs.services.runtime import run

    stand = checked(file)
    raise typer.Exit(run(lambda: serve(stand)))
