"""`trackerdcs web`: the login of the stack, and KILL in a browser."""

from pathlib import Path
from typing import Annotated

import typer

from trackerdcs.cli.clients import StandsArgument, UsersOption


def web(
    stands: StandsArgument,
    users: UsersOption,
    secrets: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Folder with session-key and first-admin.", show_default=False),
    ],
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8000,
    behind_gateway: Annotated[
        bool,
        typer.Option(
            "--behind-gateway",
            envvar="TRACKERDCS_BEHIND_GATEWAY",
            help="Only a gateway reaches this port: believe its X-Forwarded-For and X-Forwarded-Proto.",
        ),
    ] = False,
    gap_records: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Data folder of the loader, where it is not that of the stand file."),
    ] = None,
) -> None:
    """Serve the login page, say to the gateway and to Node-RED who a browser is, and kill a stand at one click.

    Runs until Ctrl-C. The first admin comes from the secrets when the file of users is made; `trackerdcs users` adds
    others, also while this runs. With the broker down everything works but KILL, and the page says so.

    Example: trackerdcs web stands --users var/users.sqlite --secrets secrets/web
    """
    from trackerdcs.services.runtime import run
    from trackerdcs.services.stand_files import read_stands
    from trackerdcs.services.web import serve

    read = [file.stand for file in read_stands(stands)]
    raise typer.Exit(run(lambda: serve(read, users, secrets, host, port, behind_gateway, gap_records)))
