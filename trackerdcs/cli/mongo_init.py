"""`trackerdcs mongo-init`: collections, indexes and accounts of the stack's MongoDB."""

from pathlib import Path
from typing import Annotated

import typer


def mongo_init(
    url: Annotated[str, typer.Option(help="Where MongoDB listens.")] = "mongodb://mongodb:27017",
    secrets: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Holds root-password, and mongo/ACCOUNT for each account.")
    ] = Path("/run/secrets"),
    database: Annotated[str, typer.Option(help="Database of the runs.")] = "trackerdcs",
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for MongoDB.")] = 60.0,
) -> None:
    """Set up the stack's store of runs, and mend what is missing; what is there stays.

    The collections with their rules and indexes, and an account for each service that uses it, with the password from
    the secrets: importer (writes all), bridge and recorder (runs, not results), web (the logbook, reads all). Run at
    each start.

    \b
    Exit status:
      0   all is there
      1   MongoDB did not answer in time, or refused
      78  a secret is no good
    """
    from trackerdcs.services.mongo_init import init

    init(url, secrets, database, wait, typer.echo)
