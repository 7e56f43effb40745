"""`trackerdcs proof`: do the interlocks of a stand do what they must?"""

from typing import TYPE_CHECKING, Annotated

import typer

from trackerdcs.cli.clients import stand_of

if TYPE_CHECKING:
    from trackerdcs.domain.proving import Shown


def proof(
    stand: Annotated[
        str,
        typer.Argument(
            metavar="STAND",
            help="A stand file, or the name of the stand of TRACKERDCS_STAND_FILE, else of the demonstrator's.",
            show_default=False,
        ),
    ],
    by: Annotated[str, typer.Option(metavar="PERSON", help="Who proves, for the report.")] = "",
) -> None:
    """Prove each interlock: violate each of its conditions, silence its sensor, and watch what follows.

    On a simulated stand at the simulators: outputs that are on come down, those that are off must refuse `on`. On a
    real stand the guard pretends, and only while all that the interlock protects is off. Afterwards all is reset.

    Runs on the host of the device services: the dated report goes into the stand's folder `data`, as proof-*.json,
    where they read when each channel was last proven, for its `meta`. Takes up to half a minute for each condition.

    \b
    Example: trackerdcs proof demo --by ann

    Exit status 1 if anything was not as it must be.
    """
    import asyncio

    from trackerdcs.services.proof import prove

    report, path = asyncio.run(prove(stand_of(stand), by, _tell))
    typer.echo(f"report: {path}")
    if not all(shown.ok for shown in report.shown):
        raise typer.Exit(1)


def _tell(shown: "Shown") -> None:
    from trackerdcs.cli.rows import clean

    took = f" in {shown.seconds:.1f} s" if shown.seconds is not None else ""
    colour = "green" if shown.ok else "red"
    grade = typer.style("OK  " if shown.ok else "FAIL", fg=colour)
    typer.echo(f"{grade} {shown.interlock}.{shown.condition} {shown.part}{took}: {clean(shown.why)}")
    for output, what in shown.outputs.items():
        typer.echo(f"     {output}: {clean(what)}")
