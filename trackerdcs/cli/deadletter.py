"""`trackerdcs deadletter`: messages that could not be stored, looked at, tried again or removed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackerdcs.cli.clients import FileOption, MappingOption, Place, place

if TYPE_CHECKING:
    from trackerdcs.adapters.deadletters_sqlite import Letter

deadletter = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Messages that could not be stored: list, retry, drop."
)
LINES = 20
HEAD = 60
"""Bytes of a message that a list shows."""

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="As listed.", show_default=False)]
TopicOption = Annotated[
    str | None,
    typer.Option(metavar="FILTER", help="Only of these topics, such as dcs/v1/demo/+/frame.", show_default=False),
]
CauseOption = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Only where the cause has this text.", show_default=False)
]
LoaderOption = Annotated[str, typer.Option(metavar="NAME", help="Whose dead letters.")]


@deadletter.command("list")
def show(
    ids: Ids = None,
    topic: TopicOption = None,
    cause: CauseOption = None,
    last: Annotated[int, typer.Option(metavar="N", min=1, help="The newest of them; --json has all.")] = LINES,
    as_json: Annotated[bool, typer.Option("--json", help="All, with their whole payload.")] = False,
    loader: LoaderOption = "loader",
    file: FileOption = None,
) -> None:
    """Print messages that could not be stored: when they came, their topic, size, cause and first bytes.

    Read on the host of the loader, which may run meanwhile, from DATA/LOADER.deadletters.sqlite.

    \b
    Examples:
      trackerdcs deadletter list
      trackerdcs deadletter list --topic 'dcs/v1/demo/hv1/#' --cause 'newer' --last 100
      trackerdcs deadletter list --json > letters.json
    """
    where = place(file, None)
    found = _selected(where, loader, ids, topic, cause)
    if as_json:
        _print_json(found)
    else:
        _print(found[-last:])
        older = f", the newest {last} of them" if len(found) > last else ""
        typer.echo(f"{len(found)} dead letters{older}")
    data = Path(where.stand.data)
    if aside := sorted(p.name for p in data.glob(f"{loader}.deadletters.sqlite.damaged-*[0-9]")):
        typer.secho(f"put aside as damaged, not looked at: {', '.join(aside)}", fg="yellow", err=True)


@deadletter.command()
def retry(
    ids: Ids = None,
    topic: TopicOption = None,
    cause: CauseOption = None,
    loader: LoaderOption = "loader",
    mapping: MappingOption = None,
    file: FileOption = None,
) -> None:
    """Try to store messages again, all unless said otherwise: after an update, or when the database has been mended.

    They are written into the database of the stand file, as the loader would; nothing is published. What is stored
    leaves the dead letters, what is not stays with the cause of today. Foreign topics are tried with --mapping only.
    The loader may run.

    \b
    Examples:
      trackerdcs deadletter retry
      trackerdcs deadletter retry --cause 'retention'
      trackerdcs deadletter retry 17 18
      trackerdcs deadletter retry --mapping stands/mapping.yaml

    \b
    Exit status:
      0  all are stored
      1  some stay, or the database does not answer
    """
    import asyncio

    from trackerdcs.services import dead_letters
    from trackerdcs.services.mappings import open_mapping

    where = place(file, None)
    found = _selected(where, loader, ids, topic, cause)
    foreign = open_mapping(mapping) if mapping else None
    stay = asyncio.run(dead_letters.retry(where.stand, loader, found, foreign))
    for letter, why in stay[:LINES]:
        typer.echo(_clean(f"{letter.id:6} stays: {why}"))
    if len(stay) > LINES:
        typer.echo(f"       and {len(stay) - LINES} more")
    typer.echo(f"{len(found) - len(stay)} stored, {len(stay)} stay")
    raise typer.Exit(1 if stay else 0)


@deadletter.command()
def drop(
    ids: Ids = None,
    topic: TopicOption = None,
    cause: CauseOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Really remove them.")] = False,
    loader: LoaderOption = "loader",
    file: FileOption = None,
) -> None:
    """Remove messages for ever: those with these numbers, or of these topics and causes.

    Without --yes it only prints what it would remove. `trackerdcs deadletter list --json` keeps them elsewhere. Frames
    that are removed count as lost in the gap record, with their cause. The loader may run.

    \b
    Examples:
      trackerdcs deadletter drop 17 18 --yes
      trackerdcs deadletter drop --topic 'dcs/v1/demo/test1/#' --cause 'not JSON'

    \b
    Exit status:
      0  removed
      1  nothing was removed
    """
    from trackerdcs.services import dead_letters

    if not (ids or topic or cause):
        raise typer.BadParameter("say which: numbers, --topic or --cause (all: --topic '#')")
    where = place(file, None)
    found = _selected(where, loader, ids, topic, cause)
    _print(found)
    if not yes or not found:
        typer.echo(f"nothing was removed{f': these {len(found)} will be with --yes' if found else ''}")
        raise typer.Exit(1)
    dead_letters.drop(where.stand, loader, found)
    typer.echo(f"{len(found)} dead letters removed for ever")


def _selected(where: Place, loader: str, ids: list[int] | None, topic: str | None, cause: str | None) -> "list[Letter]":
    from trackerdcs.adapters.deadletters_sqlite import read_letters
    from trackerdcs.domain.errors import TrackerError
    from trackerdcs.domain.topics import matches
    from trackerdcs.services.dead_letters import SUFFIX

    data = Path(where.stand.data)
    path = data / f"{loader}{SUFFIX}"
    if not path.exists():
        there = ", ".join(sorted(p.name.removesuffix(SUFFIX) for p in data.glob(f"*{SUFFIX}"))) or "none"
        raise TrackerError(f"no dead letters at {path}: a loader keeps them on its own host. Loaders there: {there}")
    found = [
        letter
        for letter in read_letters(path)
        if (not ids or letter.id in ids)
        and (topic is None or matches(topic, letter.topic))
        and (cause is None or cause.casefold() in letter.why.casefold())
    ]
    if gone := sorted({*(ids or ())} - {letter.id for letter in found}):
        typer.echo(f"not there, or otherwise than asked for: {', '.join(map(str, gone))}", err=True)
    return found


def _print(letters: "list[Letter]") -> None:
    from trackerdcs.cli.gaps import local

    if letters:
        typer.echo(f"{'id':>6}  {'came (local time)':19}  {'bytes':>8}  topic, cause, first bytes")
    for letter in letters:
        typer.echo(_clean(f"{letter.id:6}  {local(letter.ts):19}  {len(letter.payload):8}  {letter.topic}"))
        typer.echo(_clean(f"{'':39}{letter.why[:300]}"))
        typer.echo(_clean(f"{'':39}{_head(letter.payload)}"))


def _head(payload: bytes) -> str:
    """How it begins, as text if it is one."""
    head = payload[:HEAD]
    text = head.decode(errors="replace").removesuffix("\ufffd")
    return (head.hex(" ") if "\ufffd" in text else text) + ("..." if len(payload) > HEAD else "")


def _clean(text: str) -> str:
    from trackerdcs.cli.rows import clean

    return clean(text)


def _print_json(letters: "list[Letter]") -> None:
    import base64
    import json

    from trackerdcs.cli.history import utc

    typer.echo(
        json.dumps(
            [
                {"id": x.id, "time": utc(x.ts), "ts": x.ts, "topic": x.topic, "why": x.why, "bytes": len(x.payload)}
                | {"payload_base64": base64.b64encode(x.payload).decode()}
                for x in letters
            ],
            indent=1,
        )
    )
