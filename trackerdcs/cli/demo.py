"""`trackerdcs demo`: the whole system on this machine, with simulated instruments."""

import asyncio
import json
import logging
import secrets
import sys
import time
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trackerdcs.domain.stand import Stand

STAND = str(files("trackerdcs").joinpath("stands/demo.yaml"))
BROKER_PORT, SIM_PORT, WEB_PORT, DATA = 1883, 15000, 8000, Path("var/demo")
LAST_PORT = 65535
INSTRUMENT_PORTS = 3
"""The simulated instruments with a network address take as many ports after the control port."""

HINTS = """\
Open http://127.0.0.1:{web}/?token={token}
  (logs in as an expert, once; reading needs no login here)
Try, in another terminal:{first}
  trackerdcs send demo lv1 set_current_limit ch1 --arg i=1 --reason first
  trackerdcs send demo lv1 set_voltage ch1 --arg v=10 --reason first
  trackerdcs send demo lv1 on ch1 --reason first
  trackerdcs send demo hv1 set_voltage ch0 --arg v=-50 --reason first
  trackerdcs send demo hv1 on ch0 --reason first
  trackerdcs send demo ph2acf1 start_calibration --arg calibration=PSquickTest --arg config=PS_Module.xml --reason first
  trackerdcs history --stand demo --device hv1 --channel ch0 --quantity v_mon --last 60s --format table
  trackerdcs sim fault demo env1 offset --arg quantity=rh --arg by=40{port}; sleep 10; trackerdcs sim clear env1{port}
  trackerdcs send demo guard reset --arg interlock=dry_air --reason "dry again"
  trackerdcs send demo hv1 clear_trip ch0 --reason "dry again"
  trackerdcs sim fault hv1 hang{port}; sleep 10; trackerdcs sim clear hv1{port}
Log: {log}.  Ctrl-C ends; data stay in {data}.
"""


def demo(
    broker_port: Annotated[
        int, typer.Option(min=1, max=LAST_PORT, help="Port of the broker on 127.0.0.1.")
    ] = BROKER_PORT,
    sim_port: Annotated[
        int,
        typer.Option(
            min=1,
            max=LAST_PORT - INSTRUMENT_PORTS,
            help="Control port of the simulated instruments; they take the ports after it.",
        ),
    ] = SIM_PORT,
    web_port: Annotated[
        int, typer.Option(min=1, max=LAST_PORT, help="Port of the web service on 127.0.0.1.")
    ] = WEB_PORT,
    data: Annotated[Path, typer.Option(help="Folder of journals and database.")] = DATA,
) -> None:
    """Run the demonstrator: broker, four simulated instruments with the lab's own drivers, loader, database, web.

    One process, nothing to configure, no Docker. Shows a live table. Ctrl-C ends it; started again it goes on.
    """
    from trackerdcs.domain.errors import ConfigError
    from trackerdcs.services import demo, runtime
    from trackerdcs.settings import load_stand

    stand = demo.moved(load_stand(STAND), broker_port, sim_port, data.absolute())
    file = data / "stand.json"
    try:
        data.mkdir(parents=True, exist_ok=True)
        _log_to(data / "demo.log")
        file.write_text(json.dumps(asdict(stand), indent=1), encoding="utf-8")  # JSON is YAML: any command takes it
    except OSError as e:
        raise ConfigError(f"--data {data}: {e.strerror}") from e
    moved = (broker_port, data) != (BROKER_PORT, DATA)
    token = secrets.token_urlsafe(24)
    hints = HINTS.format(
        token=token,
        first=f"\n  export TRACKERDCS_STAND_FILE={file}" if moved else "",
        port=f" --port {sim_port}" if sim_port != SIM_PORT else "",
        log=data / "demo.log",
        data=data,
        web=web_port,
    )

    async def serve() -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(demo.serve(stand, lambda: typer.echo(hints), web_port, token))
                if sys.stdout.isatty():
                    tasks.create_task(_table(stand))
        except* ConfigError as group:
            raise ConfigError(_advice(_first(group))) from None

    status = runtime.run(serve)
    if status == runtime.EXIT_FAILED:
        typer.echo(f"ended by a fault, see {data / 'demo.log'}", err=True)
    raise typer.Exit(status)


def _first(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


def _advice(fault: str) -> str:
    """The fault, with the option that helps."""
    if fault.startswith("bus.port"):
        return f"{fault}\nAnother broker is running there: choose a port with --broker-port"
    if "TCPIP" in fault or fault.startswith("sim.control"):
        return f"{fault}\nIs another demonstrator running? Choose other ports with --sim-port"
    if fault.startswith("--host"):
        return f"{fault}\nAnother web service is there: choose a port with --web-port"
    return f"{fault}\nAnother folder: --data"


def _log_to(file: Path) -> None:
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(filename=file, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


async def _table(stand: "Stand") -> None:
    from trackerdcs.app.overview import Overview
    from trackerdcs.cli.watch import draw, listen
    from trackerdcs.services.client import connect

    overview = Overview()
    async with connect(stand.bus) as bus, asyncio.TaskGroup() as tasks:
        tasks.create_task(listen(bus, stand.stand, overview))
        tasks.create_task(draw(overview, 1.0))
