"""`trackerdcs sim`: simulated instruments, their physics and their faults."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from trackerdcs.domain.errors import TrackerError

PORT = 15000

sim = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Simulated instruments: run them, change their world, break them."
)
Port = Annotated[int, typer.Option(help="Control port of the simulators (sim.control in the stand file).")]
MaybePort = Annotated[
    int | None,
    typer.Option(help=f"Control port of the simulators; the stand's, else {PORT}.", show_default=False),
]


@sim.command()
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Stand file (YAML).", show_default=False)],
) -> None:
    """Simulate the devices that the stand file marks `sim: true`, each at its own resource address, until Ctrl-C.

    Example: trackerdcs sim run stands/bench.yaml
    """
    from trackerdcs.services import runtime
    from trackerdcs.services.sim import serve
    from trackerdcs.settings import load_stand

    stand = load_stand(file)
    raise typer.Exit(runtime.run(lambda: serve(stand)))


@sim.command()
def fault(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[STAND] DEVICE FAULT",
            help="STAND: a stand file, or the name of the stand of TRACKERDCS_STAND_FILE, else of the demonstrator's. "
            "DEVICE: a simulated one, such as hv1. FAULT: see `trackerdcs sim faults`.",
            show_default=False,
        ),
    ],
    arg: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Argument of the fault.")] = None,
    times: Annotated[
        int, typer.Option(min=0, help="How many replies it strikes; 0: until cleared. Most faults last until cleared.")
    ] = 1,
    port: MaybePort = None,
) -> None:
    """Break a simulated instrument or its wire.

    \b
    Examples:
      trackerdcs sim fault hv1 hang
      trackerdcs sim clear hv1
      trackerdcs sim fault hv1 late --arg delay=0.5 --times 3
      trackerdcs sim fault demo env1 offset --arg quantity=rh --arg by=40
    """
    *stand, device, name = _words(words, 2)
    port = _port(stand, port)
    _ask(port, {"op": "fault", "device": device, "fault": name, "times": times or None, "args": _values(arg or [])})
    spec = _ask(port, {"op": "faults"})["faults"][name]
    lasts = f"until `trackerdcs sim clear {device}`"
    if spec["at_once"]:
        lasts = "done"
    elif spec["counted"] and times:
        lasts = "for the next reply" if times == 1 else f"for the next {times} replies"
    typer.echo(f"{device}: {name}, {lasts}")


@sim.command()
def clear(
    words: Annotated[
        list[str],
        typer.Argument(metavar="[STAND] DEVICE", help="As of `trackerdcs sim fault`.", show_default=False),
    ],
    port: MaybePort = None,
) -> None:
    """Mend a simulated device: clear all its faults."""
    *stand, device = _words(words, 1)
    port = _port(stand, port)
    _ask(port, {"op": "clear", "device": device})
    typer.echo(f"{device}: no faults")


@sim.command()
def faults(port: Port = PORT) -> None:
    """List the faults that there are, with their arguments."""
    for name, spec in _ask(port, {"op": "faults"})["faults"].items():
        args = " ".join(f"--arg {arg}={value}" for arg, value in spec["args"].items())
        lasts = "" if spec["counted"] else "; once" if spec["at_once"] else "; until cleared"
        typer.echo(f"{name:12} {spec['text']}{lasts}{f'   [{args}]' if args else ''}")


@sim.command()
def world(
    values: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="New values.", show_default=False)
    ] = None,
    port: Port = PORT,
) -> None:
    """Show the world of the simulators, after setting some of its values.

    Example: trackerdcs sim world rh=70 t_air=25
    """
    for name, value in _ask(port, {"op": "world", "set": _values(values or [])})["world"].items():
        typer.echo(f"{name:25} {value:g}")


@sim.command()
def state(port: Port = PORT) -> None:
    """Print the truth at every simulated output, and the faults in force, as JSON."""
    typer.echo(json.dumps(_ask(port, {"op": "state"})["devices"], indent=1))


def _words(words: list[str], needed: int) -> list[str]:
    if len(words) not in (needed, needed + 1):
        raise typer.BadParameter(f"expected {'DEVICE FAULT' if needed == 2 else 'DEVICE'}, or a STAND before")
    return words


def _port(stand: list[str], port: int | None) -> int:
    if not stand or port is not None:
        return PORT if port is None else port
    from trackerdcs.cli.clients import stand_of

    return stand_of(stand[0]).sim.control


def _ask(port: int, request: dict[str, Any]) -> dict[str, Any]:
    from trackerdcs.sim.control import ask

    try:
        answer = ask("127.0.0.1", port, request)
    except (OSError, ValueError) as e:
        raise TrackerError(
            f"no simulators answer at 127.0.0.1 port {port}: {e}; is `trackerdcs demo` running? (--port)"
        ) from e
    if not answer["ok"]:
        raise TrackerError(answer["error"])
    return answer


def _values(pairs: list[str]) -> dict[str, float | str]:
    values: dict[str, float | str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{pair!r}: expected NAME=VALUE")
        try:
            values[name] = float(value)
        except ValueError:
            values[name] = value
    return values
