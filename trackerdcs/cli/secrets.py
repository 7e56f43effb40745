"""`trackerdcs secrets`: passwords, tokens and certificates of a lab."""

from pathlib import Path
from typing import Annotated

import typer

from trackerdcs.cli.clients import MappingOption


def secrets(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Made if it is not there.", show_default=False)],
    stands: Annotated[
        list[Path],
        typer.Argument(metavar="STANDS...", help="Stand files, and folders of them (*.yaml).", show_default=False),
    ],
    host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name or address of this machine, for its certificates. Repeatable."),
    ] = None,
    loader: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A loader beside `loader`. Repeatable.")
    ] = None,
    mapping: MappingOption = None,
) -> None:
    """Make what is missing of a lab's secrets: a password for each service, tokens, a CA, certificates.

    What is there stays as it is, but two files: mosquitto/passwd and mosquitto/acl are written anew from the passwords
    and the stands each time, and Mosquitto reads them anew on SIGHUP. A certificate of ours is renewed 30 days before
    it ends; one of your own is never touched.

    The first password of `admin` is printed, once, and kept nowhere. As root, each container's folder is given to the
    container's user; else it is yours.

    \b
    Examples:
      trackerdcs secrets secrets stands
      trackerdcs secrets secrets stands --host dcs.example.org --loader loader-b

    Exit status 78 if a file is no good: it is named, and nothing is written.
    """
    from trackerdcs.services.mappings import open_mapping
    from trackerdcs.services.secret_folder import fill
    from trackerdcs.services.stand_files import read_stands

    found = [file.stand for file in read_stands(stands)]
    foreign = open_mapping(mapping).filters if mapping else ()
    filled = fill(folder, found, host or (), loader or (), foreign)
    for path in filled.made:
        typer.echo(f"made {folder / path}", err=True)
    for warning in filled.warnings:
        typer.secho(warning, fg="red", bold=True, err=True)
    typer.echo(f"{folder}: complete, for {', '.join(stand.stand for stand in found)}", err=True)
    if filled.admin_password is not None:
        typer.echo(f"first password of admin (shown once, change it after the first login): {filled.admin_password}")
