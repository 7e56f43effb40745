"""`trackerdcs gaps`: which frames are in the database, which are not, and why."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackerdcs.cli.clients import FileOption, place

if TYPE_CHECKING:
    from trackerdcs.domain.gaps import Account, Span

COLUMNS = ("stored", "lost", "parked", "missing", "on its way")
"""Dropped dead letters are lost, too: the cause says it."""
SHOWN = 100
"""Ranges of one boot that a table shows, the longest of them."""


def gaps(
    stand: Annotated[
        str | None, typer.Option(metavar="STAND", help="The stand file's, unless given.", show_default=False)
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="DEVICE", help="One alone, such as hv1.", show_default=False)
    ] = None,
    since: Annotated[str, typer.Option(metavar="SPAN", help="How far back: 60s, 10m, 2h, 7d.")] = "7d",
    as_json: Annotated[bool, typer.Option("--json", help="All ranges, with times in ns UTC.")] = False,
    file: FileOption = None,
) -> None:
    """Print which frames of each device are in the database, and which are not.

    Read on the host of the loader, which may run meanwhile, from DATA/LOADER.gaps.sqlite. A line for each boot (one
    run of a device's service) that was heard in this time, with the number of its frames, then its gaps: lost, as the
    device has declared; parked in the dead letters; missing, nobody knows why (they may still be in the journal of a
    device that is away); on its way, because the gap is younger than 15 minutes or shrinks.

    \b
    Examples:
      trackerdcs gaps --stand demo
      trackerdcs gaps --stand demo --device hv1 --since 30d
      trackerdcs gaps --json

    Exit status 0, with gaps or without.
    """
    from trackerdcs.adapters.clock_system import SystemClock
    from trackerdcs.cli.history import span
    from trackerdcs.services.gap_records import accounts_of, records

    now, seconds = SystemClock().now(), span(since, "--since")
    where = place(file, None)
    data, name = Path(where.stand.data), stand or where.stand.stand
    found = accounts_of(data, name, device, now - seconds * 10**9, now)
    if as_json:
        _print_json(found)
    else:
        for line in lines(found):
            typer.echo(line)
        if not found:
            typer.echo(f"nothing of {name}{f'/{device}' if device else ''} was heard in the last {since}", err=True)
    if aside := [p.name for record in records(data) for p in sorted(data.glob(f"{record.name}.damaged-*[0-9]"))]:
        typer.secho(f"put aside as damaged, not looked at: {', '.join(aside)}", fg="yellow", err=True)


def lines(found: list["Account"]) -> list[str]:
    """A table: a line a boot, then its gaps."""
    from trackerdcs.cli.rows import clean

    if not found:
        return []
    head = f"{'device':12} {'boot':12} {'first frame':19} {'last frame':19}"
    text = [f"{head} {' '.join(f'{column:>10}' for column in COLUMNS)}  ({_zone(found)})"]
    for account in found:
        counts = (account.stored, *(account.frames(*_fates(column)) for column in COLUMNS[1:]))
        row = f"{account.device:12} {account.boot[:12]:12} {local(account.begin):19} {local(account.end):19}"
        text.append(clean(f"{row} {' '.join(f'{count:10}' for count in counts)}"))
        shown = sorted(sorted(account.spans, key=lambda s: -s.frames)[:SHOWN], key=lambda s: s.first)
        text += [clean(f"    {_said(each)}") for each in shown]
        if left := len(account.spans) - len(shown):
            text.append(f"    and {left} shorter ones (--json has all)")
    return [*text, _sum(found)]


def local(ts: int | None) -> str:
    """Local date and time to the second; a ? where nobody knows, or where the clock of the source is beyond dates."""
    import time

    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ts // 10**9)) if ts is not None else "?"
    except (OverflowError, ValueError, OSError):
        return "?"


def _sum(found: list["Account"]) -> str:
    missing, lost = (sum(a.frames(*_fates(column)) for a in found) for column in ("missing", "lost"))
    if not missing and not lost:
        return "nothing is missing"
    return f"{missing} frames are missing, {lost} are declared lost"


def _fates(column: str) -> Any:
    return ("lost", "dropped") if column == "lost" else (column,)


def _said(span: "Span") -> str:
    seqs = f"seq {span.first}" if span.first == span.last else f"seq {span.first} to {span.last}"
    frames = f"{span.frames} frame{'s' if span.frames > 1 else ''}"
    when = f"between {local(span.after)} and {local(span.before)}"
    if span.after is None or span.before is None:
        when = f"before {local(span.before)}" if span.after is None else f"after {local(span.after)}"
    return f"{span.fate:11} {seqs}, {frames}, {when}" + (f": {span.cause}" if span.cause else "")


def _zone(found: list["Account"]) -> str:
    import time

    end = max((a.heard for a in found), default=0) // 10**9
    return time.strftime("local time, %Z, UTC%z", time.localtime(end))


def _print_json(found: list["Account"]) -> None:
    import dataclasses
    import json

    typer.echo(json.dumps([dataclasses.asdict(account) for account in found], indent=1))
