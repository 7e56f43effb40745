"""`trackerdcs send`: one command to one device, and what became of it."""

import math
import re
from typing import TYPE_CHECKING, Annotated

import typer

from trackerdcs.cli.clients import UNKNOWN, BrokerOption, FileOption, Place, place
from trackerdcs.domain.errors import BusDown, ContractError
from trackerdcs.domain.instrument import SAFE_COMMANDS
from trackerdcs.domain.messages import FINAL, NO_CHANNEL, Ack

if TYPE_CHECKING:
    from trackerdcs.app.requester import Unknown
    from trackerdcs.domain.messages import Meta

Args = dict[str, float | str]

_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?(nan|inf|infinity)", re.IGNORECASE)
COLOURS = {"done": "green", "accepted": None}


def send(
    stand: Annotated[str, typer.Argument(metavar="STAND", help="Such as demo.", show_default=False)],
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Such as hv1.", show_default=False)],
    command: Annotated[str, typer.Argument(metavar="COMMAND", help="Such as set_voltage.", show_default=False)],
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="- for a device without.")] = NO_CHANNEL,
    arg: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            show_default=False,
            help="Argument of the command, in V, A and V/s; may be given several times. "
            "A number is sent as a number, anything else as text; a text that looks like a number: 'module=\"42\"'.",
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; kept with the command.", show_default=False)
    ] = None,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for the end: ramps take time.")
    ] = 120.0,
    file: FileOption = None,
    broker: BrokerOption = None,
) -> None:
    """Send a command to a device and print what becomes of it.

    It is accepted or refused within 1 s, then done or failed. It is sent once and never repeated, and not at all to a
    device that is offline or has been silent for 30 s. Which commands a device knows, in which limits, stands in its
    meta message: mistype one and it tells you.

    \b
    Examples:
      trackerdcs send demo lv1 on ch1
      trackerdcs send demo hv1 set_voltage ch0 --arg v=-50 --reason "first light"
      trackerdcs send demo hv1 on ch0 --reason "first light"
      trackerdcs send demo lv1 set_current_limit ch1 --arg i=0.5
      trackerdcs send demo hv1 off ch0

    \b
    Exit status:
      0  done: the device has read back what was asked for
      1  refused, failed or expired; or not sent, and why
      2  wrong usage, nothing was sent
      3  unknown: the device may have carried it out; look before you send anything again
    """
    import asyncio

    from trackerdcs.domain import topics

    args = arguments(arg or [])
    try:
        topics.of_device(stand, device, "ack")
    except ContractError as e:
        raise typer.BadParameter(str(e)) from e
    where = place(file, broker, without=True)
    try:
        code = asyncio.run(_send(where, stand, device, command, channel, args, reason, wait))
    except KeyboardInterrupt:
        typer.secho(
            "interrupted: what became of the command is unknown, the device does not stop for this; "
            "look what it does: trackerdcs watch",
            fg="yellow",
            err=True,
        )
        code = UNKNOWN
    raise typer.Exit(code)


async def _send(
    where: Place, stand: str, device: str, command: str, channel: str, args: Args, reason: str | None, wait: float
) -> int:
    from trackerdcs.adapters.clock_system import SystemClock
    from trackerdcs.app.requester import Requester
    from trackerdcs.services.client import USER, connect

    code = UNKNOWN
    async with connect(where.stand.bus) as bus:
        if not bus.connected:
            raise BusDown(f"{where.no_broker}; nothing was sent")
        requester = Requester(bus, SystemClock(), USER)
        async for answer in requester.request(stand, device, command, channel, args, reason, wait):
            code = _show(answer, requester.meta, channel)
            if isinstance(answer, Ack) and answer.state == "failed":
                typer.secho(_after_failure(device, command, channel), fg="red", err=True)
    return code


def _after_failure(device: str, command: str, channel: str) -> str:
    """What to think of a command that was begun: failed is neither off nor as before."""
    if command in SAFE_COMMANDS:
        return f"{device} {channel} MAY STILL BE ON: look at it (trackerdcs watch), then send {command} again"
    return f"it may have been carried out in part: look what {device} {channel} does now (trackerdcs watch)"


def _show(answer: "Ack | Unknown", meta: "Meta | None", channel: str) -> int:
    """Print an ack; the exit status if it is the last."""
    from trackerdcs.cli.rows import amount, clean
    from trackerdcs.domain.instrument import UNITS

    if not isinstance(answer, Ack):
        typer.secho(f"unknown: {clean(answer.why)}", fg="yellow", err=True)
        return UNKNOWN
    known = meta.channels.get(channel) if meta else None
    units = UNITS | ({q: quantity.unit for q, quantity in known.quantities.items()} if known else {})
    readback = [f"{q} {amount(value, units.get(q, ''))}" for q, value in answer.readback.items()]
    text = answer.state + (f": {clean(answer.why)}" if answer.why else "")
    bad = answer.state in FINAL and answer.state != "done"
    typer.secho(", ".join([text, *map(clean, readback)]), fg=COLOURS.get(answer.state, "red"), err=bad)
    return 0 if answer.state == "done" else 1 if bad else UNKNOWN


def arguments(pairs: list[str]) -> Args:
    """NAME=VALUE pairs as a command's arguments; anything that cannot be one is an error of usage."""
    args: Args = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise _usage(pair, "expected NAME=VALUE")
        if name in args:
            raise _usage(pair, f"{name} is given twice")
        args[name] = _value(pair, text)
    return args


def _value(pair: str, text: str) -> float | str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    if _NO_NUMBER.fullmatch(text):
        raise _usage(pair, f"{text} is no value that a device could be given; nothing was sent")
    if not _NUMBER.fullmatch(text):
        return text
    if not math.isfinite(value := float(text)):
        raise _usage(pair, f"{text} is larger than any number here; nothing was sent")
    return value


def _usage(pair: str, why: str) -> typer.BadParameter:
    return typer.BadParameter(f"{pair!r}: {why}", param_hint="--arg")
