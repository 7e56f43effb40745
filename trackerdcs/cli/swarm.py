"""`trackerdcs swarm`: the stack for a Docker Swarm."""

import json
import sys

import typer


def swarm() -> None:
    """Turn the compose files, as docker compose prints them, into the file of a stack for a Docker Swarm.

    \b
    Example, in the project's folder:
      docker compose config --format json | trackerdcs swarm > stack.json
      docker stack deploy -c stack.json trackerdcs
    """
    from trackerdcs.domain.errors import ConfigError
    from trackerdcs.domain.swarm import stack_of

    try:
        config = json.load(sys.stdin)
    except ValueError as e:
        raise ConfigError(f"standard input: expected what `docker compose config --format json` prints: {e}") from e
    typer.echo(json.dumps(stack_of(config), indent=1))
