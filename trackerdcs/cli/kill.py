"""`trackerdcs kill`: all high voltage of a stand down, now."""

import json
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackerdcs.cli.clients import BrokerOption, FileOption, Place, demo_file, place
from trackerdcs.domain.errors import BusDown, ConfigError, NotConnected

if TYPE_CHECKING:
    from trackerdcs.services.kill import Target

_GLANCE = re.compile(r'^ ?"?(stand|data)"? *: *"?([^"\n,#]+)', re.MULTILINE)
"""The two keys that the way to the sockets needs, in YAML and in JSON: reading a whole stand file takes longer."""


@dataclass
class Order:
    """One kill: sent on several ways, its id makes it one."""

    id: str
    reason: str

    @property
    def payload(self) -> bytes:
        return json.dumps({"id": self.id, "reason": self.reason}).encode()


def kill(
    stand: Annotated[str, typer.Argument(metavar="STAND", help="Its name, or its stand file.", show_default=False)],
    direct: Annotated[
        bool, typer.Option("--direct", help="Take the instrument of a dead owner and bring it down from here.")
    ] = False,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the kill.", show_default=False)] = "",
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to look until all is off.")] = 60.0,
    file: FileOption = None,
    broker: BrokerOption = None,
) -> None:
    """Bring all high voltage of a stand down, now, and look until it is off.

    Each owner on this computer is told over its local socket, which needs no broker; the others by the topic. All
    channels ramp down at their kill_rate, whatever else runs ends as failed, and all stay tripped until clear_trip.
    A SECOND kill while the first is under way switches off at once, at any voltage.

    \b
    Examples:
      trackerdcs kill demo --reason "smoke"
      trackerdcs kill bench1 --file stands/bench1.yaml
      trackerdcs kill stands/bench1.yaml --direct

    \b
    Exit status:
      0  every high-voltage channel of the stand was seen off
      1  not so: the text names what is not proven down. Use the hardware interlock
      2  wrong usage, nothing was sent
    """
    order = Order(str(uuid.uuid4()), reason)
    path = Path(stand) if Path(stand).suffix in (".yaml", ".yml", ".json") else None
    data = _glance(path or file or demo_file(), None if path else stand)
    reached = _by_sockets(data, order) if data else {}
    where: Place | None = None
    try:
        where = place(path or file, broker)
    except ConfigError as e:
        typer.secho(f"{e}\nwhat other devices the stand has is not known", fg="red", err=True)
    if where is not None and path is None and where.stand.stand != stand:
        raise typer.BadParameter(f"{where.file} is the file of {where.stand.stand}, not of {stand}: give --file")
    if where is not None and not reached:
        reached = _by_sockets(Path(where.stand.data), order)
    raise typer.Exit(_bring_down(where, reached, order, direct, wait))


def _glance(path: Path, stand: str | None) -> Path | None:
    """The data folder of a stand file, as far as can be seen without reading it properly."""
    try:
        said = dict(_GLANCE.findall(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return None
    if "stand" not in said or (stand is not None and said["stand"].strip() != stand):
        return None
    return Path(said.get("data", "var").strip())


def _by_sockets(data: Path, order: Order) -> dict[str, Any]:
    """Kill whatever listens in the stand's data folder; what answered, by device."""
    from trackerdcs.adapters.kill_socket import SUFFIX, KillClient

    def one(socket: Path) -> tuple[str, KillClient, Any]:
        client, began = KillClient(socket), time.monotonic()
        try:
            answer = client.kill(order.id, order.reason)
        except NotConnected as e:
            return socket.stem, client, e
        _say(socket.stem, f"{answer.get('state')}, over its socket in {1000 * (time.monotonic() - began):.0f} ms")
        return socket.stem, client, answer

    sockets = sorted(data.glob(f"*{SUFFIX}"))
    with ThreadPoolExecutor(max(1, len(sockets))) as threads:
        return {name: (client, answer) for name, client, answer in threads.map(one, sockets)}


def _bring_down(where: Place | None, reached: dict[str, Any], order: Order, direct: bool, wait: float) -> int:
    import asyncio

    from trackerdcs.domain.stand import DeviceConfig, LinkConfig
    from trackerdcs.services.kill import Target, high_voltage

    devices = high_voltage(where.stand) if where else {}
    unlisted = DeviceConfig("", LinkConfig(""))
    targets = {name: Target(name, devices.get(name, unlisted)) for name in devices | reached}
    for name, (client, answer) in reached.items():
        if not isinstance(answer, Exception):
            targets[name].client, targets[name].reached = client, True
            targets[name].take_answer(answer)
        elif name not in devices:
            del targets[name]  # a socket that a crashed owner of another file has left
    try:
        asyncio.run(_all_down(where, targets, order, direct, wait))
    except KeyboardInterrupt:
        typer.secho("interrupted: the owners go on with the kill", fg="yellow", err=True)
    for target in targets.values():
        _say(target.name, ("down: " if target.down else "NOT PROVEN DOWN: ") + target.known, not target.down)
        if not target.reached and not direct:
            _say(target.name, f"if its service is dead, on its computer: {_directly(where)}", True)
    left = [name for name, target in targets.items() if not target.down]
    if left or where is None:
        names = ", ".join(left) or "the rest of the stand"
        typer.secho(f"NOT PROVEN DOWN: {names}: use the hardware interlock or the mains switch", fg="red", err=True)
    return 1 if left or where is None else 0


async def _all_down(where: Place | None, targets: "dict[str, Target]", order: Order, direct: bool, wait: float) -> None:
    import asyncio

    from trackerdcs.services import kill as service
    from trackerdcs.services.client import connect

    asked = asyncio.Event()

    async def others(rest: "dict[str, Target]", place: Place) -> None:
        try:
            async with connect(place.stand.bus) as bus:
                await service.by_topic(bus, place.stand.stand, order.payload, rest, asked, _say)
        except (BusDown, TimeoutError) as e:
            _say("topic", f"{place.broker}: {e or 'does not take the kill'}", True)
            asked.set()

    async def dead(target: "Target", data: Path) -> None:
        await asked.wait()  # whoever lives on another computer has answered by then
        if not target.reached:
            await service.directly(target, data, f"trackerdcs kill --direct: {order.reason}", _say)

    rest = {name: target for name, target in targets.items() if target.client is None}
    jobs = [service.look(target) for target in targets.values() if target.client is not None]
    if where is not None and rest:
        jobs.append(others(rest, where))
    if direct and where is not None:
        jobs += [dead(target, Path(where.stand.data)) for target in rest.values()]
    running = [asyncio.create_task(job) for job in jobs]
    end = time.monotonic() + wait
    hopeless = time.monotonic() + 3 * service.HEARD
    while time.monotonic() < end and not all(target.down for target in targets.values()):
        if time.monotonic() > hopeless and not any(t.reached and not t.down for t in targets.values()):
            break  # whoever was reached is down, and nobody else will answer
        await asyncio.sleep(0.05)
    for task in running:
        task.cancel()
    for end_of in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(end_of, Exception):
            raise end_of


def _directly(where: Place | None) -> str:
    """The whole command: nobody shall have to make it up in the dark."""
    if where is None or where.guessed:
        return "trackerdcs kill STANDFILE --direct"
    file = f" --file {where.file}" if Path(where.file).is_file() else ""
    return f"trackerdcs kill {where.stand.stand}{file} --direct"


def _say(device: str, text: str, bad: bool = False) -> None:
    from trackerdcs.cli.rows import clean

    typer.secho(clean(f"{device}: {text}"), fg="red" if bad else None, err=bad)
