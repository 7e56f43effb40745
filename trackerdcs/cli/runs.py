"""`trackerdcs runs`: runs of calibrations, and what the slow control saw meanwhile."""

from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from trackerdcs.cli.clients import FileOption

if TYPE_CHECKING:
    from trackerdcs.app.joiner import Joiner
    from trackerdcs.domain.answers import Answer, Table

T = TypeVar("T")
WIDEST = 40
"""Characters of a cell of a table; csv and json have the whole."""


class Format(StrEnum):
    """How it is written."""

    table = "table"
    json = "json"
    csv = "csv"


FormatOption = Annotated[Format, typer.Option(help="table for people; json and csv say everything.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The id, as `runs list` says it.", show_default=False)]
ModuleOption = Annotated[str | None, typer.Option(metavar="NAME", help="A module.", show_default=False)]
SinceOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="ns UTC, or ISO 8601 with Z or an offset.", show_default=False)
]
AgainstOption = Annotated[
    list[str] | None,
    typer.Option(
        "--quantity", "-q", metavar="QUANTITY", help="v_mon, hv1/ch0/v_mon or demo/hv1/ch0/v_mon. Repeatable."
    ),
]

runs = typer.Typer(no_args_is_help=True, help="Runs of calibrations, and under which conditions they were taken.")


@runs.command("list")
def list_(
    module: ModuleOption = None,
    calibration: Annotated[str | None, typer.Option(metavar="NAME", show_default=False)] = None,
    state: Annotated[list[str] | None, typer.Option(metavar="STATE", help="Such as done. Repeatable.")] = None,
    since: SinceOption = None,
    until: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    format: FormatOption = Format.table,
    file: FileOption = None,
) -> None:
    """Runs, the newest first.

    \b
    Examples:
      trackerdcs runs list --module PS_26_10-IPG_00012 --state done
      trackerdcs runs list --since 2026-05-29T00:00:00Z --format csv
    """
    from trackerdcs.domain import answers as said
    from trackerdcs.domain.run import STATES, RunQuery

    if wrong := set(state or ()) - set(STATES):
        raise typer.BadParameter(f"{min(wrong)!r}: expected one of {', '.join(STATES)}", param_hint="--state")
    states: Any = state or None
    query = RunQuery(module, calibration, states, since=_time(since), until=_time(until), limit=limit)
    page, more = _do(file, lambda join: join.runs(query))
    _write(format, lambda: {"runs": [said.brief_answer(run) for run in page]}, said.runs_table(page), _LIST)
    if not page:
        typer.echo("no such run", err=True)
    if more:
        typer.echo(f"there are more: --limit, or --until {page[-1].start}", err=True)


@runs.command()
def show(run: RunArgument, format: FormatOption = Format.table, file: FileOption = None) -> None:
    """The whole record of a run: who, why, with what, how it went, what it left behind."""
    from trackerdcs.domain import answers as said

    one = _do(file, lambda join: join.run(run))
    if format is Format.table:
        for name, value in said.run_answer(one).items():
            if value not in (None, "", [], {}):
                _echo(f"{name:16} {_short(value)}")
    else:
        _write(format, lambda: said.run_answer(one), said.runs_table([one]))


@runs.command()
def results(
    run: RunArgument,
    kind: Annotated[str | None, typer.Option(help="Such as pedenoise.", show_default=False)] = None,
    chip: Annotated[int | None, typer.Option(show_default=False)] = None,
    channels: Annotated[bool, typer.Option("--channels", help="The numbers of each channel.")] = False,
    format: FormatOption = Format.table,
    file: FileOption = None,
) -> None:
    """What a run measured, by chip and kind."""
    from trackerdcs.domain import answers as said
    from trackerdcs.domain.plain import plain
    from trackerdcs.domain.run_results import ResultQuery

    wanted: Any = kind
    measured = _do(file, lambda join: join.results(ResultQuery(run, wanted, chip=chip, blobs=False)))
    whole = {"results": [said.said(plain(result)) for result in measured]}
    _write(format, lambda: whole, said.results_table(measured, channels))


@runs.command()
def conditions(
    run: RunArgument,
    quantity: AgainstOption = None,
    bucket: Annotated[
        str | None, typer.Option(metavar="SPAN", help="500ms, 10s, 1m; a thousandth of the run if not said.")
    ] = None,
    format: FormatOption = Format.table,
    file: FileOption = None,
) -> None:
    """What the slow control saw while a run was on.

    The table has the statistics of each quantity over the run, and its gaps; csv and json have every bucket with mean,
    lowest and highest value. Nothing is interpolated. Without --quantity: all of the channels that feed the run's
    modules, and what is shared, such as the temperature.

    \b
    Examples:
      trackerdcs runs conditions 5f0c2a7e9b6d4c1f8e3a7b2d4c6e8f01
      trackerdcs runs conditions 5f0c2a7e9b6d4c1f8e3a7b2d4c6e8f01 -q i_mon -q t_air --bucket 10s --format csv
    """
    from trackerdcs.domain import answers as said
    from trackerdcs.domain.moments import iso, span

    width = None if bucket is None else span(bucket, "--bucket")
    found = _do(file, lambda join: join.conditions(run, quantity or (), width))
    if format is Format.table:
        _table(said.statistics_table(found.seen))
        for seen in found.seen:
            for gap in seen.gaps:
                frames = f", {gap.frames} frames" if gap.frames else ""
                cause = f": {gap.cause}" if gap.cause else ""
                _echo(f"gap in {seen.of.name}: {iso(gap.start)} to {iso(gap.stop)}, {gap.kind}{frames}{cause}")
    else:
        _write(format, lambda: said.conditions_answer(found), said.conditions_table(found))
    for doubt in (found.window.doubt, found.clock.doubt):
        if doubt:
            typer.secho(doubt, fg="yellow", err=True)


@runs.command()
def noise(
    module: Annotated[str, typer.Argument(metavar="MODULE", show_default=False)],
    quantity: AgainstOption = None,
    calibration: Annotated[str | None, typer.Option(metavar="NAME", show_default=False)] = None,
    chips: Annotated[bool, typer.Option("--chips", help="A row for each chip.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Runs that are looked at, the newest.")] = 100,
    format: FormatOption = Format.table,
    file: FileOption = None,
) -> None:
    """Noise of a module in each of its runs, beside the mean of any quantity over the same time.

    \b
    Example:
      trackerdcs runs noise PS_26_10-IPG_00012 -q t_air -q i_mon --format csv
    """
    from trackerdcs.domain import answers as said
    from trackerdcs.domain.run import RunQuery

    query = RunQuery(calibration=calibration, limit=limit)
    rows = _do(file, lambda join: join.noise(module, quantity or (), query, chips))
    _write(format, lambda: said.noise_answer(module, rows), said.noise_table(module, rows))
    if not rows:
        typer.echo(f"no run with a noise of {module}", err=True)


@runs.command()
def at(
    time: Annotated[str, typer.Argument(metavar="TIME", help="ns UTC, or ISO 8601.", show_default=False)],
    stand: Annotated[str | None, typer.Option(metavar="STAND", show_default=False)] = None,
    module: ModuleOption = None,
    format: FormatOption = Format.table,
    file: FileOption = None,
) -> None:
    """Which runs were on at a time, and which module was on which channel.

    \b
    Example:
      trackerdcs runs at 2026-05-29T13:59:57Z
    """
    from trackerdcs.domain import answers as said
    from trackerdcs.domain.moments import moment

    then = _do(file, lambda join: join.at(moment(time, "TIME"), stand, module))
    _write(format, lambda: said.then_answer(then), said.then_table(then))


_LIST = ("id", "number", "state", "calibration", "modules", "start", "sim")


def _do(file: Any, work: Callable[["Joiner"], Coroutine[Any, Any, T]]) -> T:
    import asyncio

    from trackerdcs.cli.clients import place
    from trackerdcs.services.join import StandStores, joiner_of

    found: list[T] = []  # asyncio's runner writes out the whole result of a task, to throw the text away

    async def run() -> None:
        stores = StandStores([place(file, None).stand])
        try:
            found.append(await work(joiner_of(stores)))
        finally:
            await stores.close()

    asyncio.run(run())
    return found[0]


def _time(text: str | None) -> int | None:
    from trackerdcs.domain.moments import moment

    return None if text is None else moment(text, "TIME")


def _write(
    format: Format, whole: Callable[[], "Answer"], table: "Table", columns: tuple[str, ...] | None = None
) -> None:
    import json

    from trackerdcs.app.tables import csv_text

    if format is Format.json:
        typer.echo(json.dumps(whole(), indent=1, ensure_ascii=False))
    elif format is Format.csv:
        typer.echo(csv_text(table), nl=False)
    else:
        _table(table, columns)


def _table(table: "Table", columns: tuple[str, ...] | None = None) -> None:
    from trackerdcs.app.tables import cell

    places = [i for i, (name, _) in enumerate(table.columns) if columns is None or name in columns]
    kinds = [table.columns[i] for i in places]
    lines = [[name for name, _ in kinds]]
    lines += [[_short(cell(row[i], kind)) for i, (_, kind) in zip(places, kinds, strict=True)] for row in table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        _echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."


def _echo(text: str) -> None:
    from trackerdcs.cli.rows import clean

    typer.echo(clean(text))
