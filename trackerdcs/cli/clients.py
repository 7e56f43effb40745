"""What the client commands share: where the broker and the store are, and how they end."""

import logging
import os
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackerdcs.domain.errors import ConfigError

if TYPE_CHECKING:
    from trackerdcs.domain.stand import Stand

UNKNOWN = 3
"""Exit status of `send` when nobody can say what became of the command."""

MappingOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Mapping file (YAML) for topics that are not trackerdcs's own.", show_default=False
    ),
]
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file",
        "-f",
        metavar="STANDFILE",
        envvar="TRACKERDCS_STAND_FILE",
        show_default=False,
        help="Stand file that names broker and store; the demonstrator's, unless given.",
    ),
]
BrokerOption = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", show_default=False, help="Another broker than the stand file's."),
]
StandsArgument = Annotated[
    list[Path],
    typer.Argument(metavar="STANDS...", help="Stand files (YAML), or folders of them.", show_default=False),
]
UsersOption = Annotated[
    Path,
    typer.Option(
        "--users", metavar="FILE", envvar="TRACKERDCS_USERS", help="File of users (SQLite).", show_default=False
    ),
]


@dataclass(frozen=True)
class Place:
    """A stand with the broker and the store to use, and the words for both."""

    stand: "Stand"
    file: str
    guessed: bool = False
    """True with the demonstrator's stand file and another broker: whose store and journals it has, nobody has said."""

    @property
    def broker(self) -> str:
        return f"{self.stand.bus.host}:{self.stand.bus.port}"

    @property
    def no_broker(self) -> str:
        """What to say when it does not answer."""
        inside = "`trackerdcs demo`" if self.stand.bus.kind == "embedded" else "it"
        return (
            f"no broker answers at {self.broker} (from {self.file}). Is {inside} running? "
            "Another one: --file STANDFILE or --broker HOST:PORT"
        )


def demo_file() -> Path:
    """The demonstrator's stand file."""
    return Path(str(files("trackerdcs") / "stands" / "demo.yaml"))


def place(file: Path | None, broker: str | None, without: bool = False) -> Place:
    """Read the stand file; ConfigError names its faults, a wrong HOST:PORT is an error of usage.

    `without`: a broker is enough for this command, so that a bad file stands in nobody's way to `off`.
    """
    from trackerdcs.settings import load_stand

    # A client says itself what goes wrong: without a handler the bus would say it again on stderr.
    logging.getLogger("trackerdcs").addHandler(logging.NullHandler())
    path = file or demo_file()
    try:
        stand = load_stand(path)
    except ConfigError as e:
        if file is None:
            raise
        if without and broker is not None:
            typer.secho(f"{e}\n(going on without the stand file, by --broker)", fg="yellow", err=True)
            return place(None, broker)
        hint = "; --broker HOST:PORT does without it" if without else ""
        raise ConfigError(f"{e}\n(the stand file is given by --file or by TRACKERDCS_STAND_FILE{hint})") from e
    name = str(file) if file else "the demonstrator's stand file"
    if broker is None:
        return Place(stand, name)
    host, port = _host_and_port(broker)
    bus = replace(stand.bus, kind="mqtt", host=host, port=port)  # embedded or not: nobody has said
    return Place(replace(stand, bus=bus), "--broker", guessed=file is None)


def stand_of(text: str) -> "Stand":
    """The stand of a file, or of the name that TRACKERDCS_STAND_FILE has, else of the demonstrator."""
    if Path(text).is_file():
        return place(Path(text), None).stand
    given = os.environ.get("TRACKERDCS_STAND_FILE")
    known = place(Path(given) if given else None, None)
    if known.stand.stand != text:
        raise typer.BadParameter(f"{text!r} is no file, and {known.file} is of the stand {known.stand.stand}")
    return known.stand


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise typer.BadParameter(f"{text!r}: expected HOST:PORT, such as 127.0.0.1:1883", param_hint="--broker")
    return host, int(port)
