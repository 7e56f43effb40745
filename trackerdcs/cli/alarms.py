"""`trackerdcs alarms`: the alarms of one stand."""

from pathlib import Path
from typing import Annotated

import typer

from trackerdcs.cli.check import checked


def alarms(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Stand file (YAML).", show_default=False)],
    rules: Annotated[
        Path | None,
        typer.Option(
            "--rules", metavar="FILE", help="Rules for all stands (YAML, `alarms` alone); the stand's own win."
        ),
    ] = None,
) -> None:
    """Watch a stand by its rules: raise alarms, keep them over restarts, take acknowledgements.

    One process a stand, until Ctrl-C. Without it nothing is less safe, but nobody is told.

    \b
    Examples:
      trackerdcs alarms stands/bench.yaml
      trackerdcs alarms stands/bench.yaml --rules site.yaml
    """
    from trackerdcs.services.alarms import serve, with_rules
    from trackerdcs.services.runtime import run

    stand = checked(file)
    if rules is not None:
        stand = with_rules(stand, rules)
    raise typer.Exit(run(lambda: serve(stand)))
