"""`trackerdcs compose`: the containers of a stand."""

from pathlib import Path
from typing import Annotated

import typer

from trackerdcs.cli.check import checked


def compose(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Stand file (YAML).", show_default=False)],
) -> None:
    """Print the compose file of a stand: a container for each device, one for its guard and one for its alarms.

    \b
    Example, in the project's folder:
      trackerdcs compose stands/bench1.yaml > stands/bench1.compose.yaml
      docker compose -f docker-compose.yml -f stands/bench1.compose.yaml up -d --wait
    """
    from trackerdcs.domain.containers import compose_file

    if file.is_absolute():
        raise typer.BadParameter(f"{file}: expected a path from the project's folder, where docker-compose.yml is")
    typer.echo(compose_file(checked(file), f"./{file.as_posix()}"), nl=False)
