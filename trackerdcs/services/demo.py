"""The demonstrator: broker, simulated instruments, and all services of a stand and a site, as tasks of one process."""

import asyncio
import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from trackerdcs.adapters.broker_amqtt import EmbeddedBroker
from trackerdcs.adapters.http_uvicorn import listen
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.resource import TcpAddress, parse_resource
from trackerdcs.domain.stand import LOCAL, Stand
from trackerdcs.services import alarms, bridge, derived, device, guard, loader, notify, recorder, web
from trackerdcs.sim.stand import SimStand


def moved(stand: Stand, broker_port: int, sim_port: int, data: Path) -> Stand:
    """The stand at other ports (`sim_port` is the control socket's, the instruments follow) and in another folder."""
    step = sim_port - stand.sim.control
    devices = {}
    for name, config in stand.devices.items():
        resource = config.link.resource.replace(f"ASRL{stand.data}/", f"ASRL{data}/")
        address = parse_resource(resource)
        if isinstance(address, TcpAddress):
            resource = f"TCPIP::{address.host}::{address.port + step}::SOCKET"
        devices[name] = replace(config, link=replace(config.link, resource=resource))
    return replace(
        stand,
        bus=replace(stand.bus, port=broker_port),
        sim=replace(stand.sim, control=sim_port),
        data=str(data),
        devices=devices,
    )


async def serve(stand: Stand, ready: Callable[[], None], web_port: int, token: str | None = None) -> None:
    """Run everything until told to stop; `ready` is called when broker and instruments can be reached, `token` logs in.

    ConfigError names the port or the file that is in the way.
    """
    async with EmbeddedBroker(stand.bus.host, stand.bus.port):
        with _alone(Path(stand.data)), listen(LOCAL, web_port) as listener:
            async with SimStand(stand), asyncio.TaskGroup() as tasks:
                ready()
                tasks.create_task(loader.serve([stand]))
                tasks.create_task(recorder.serve([stand]))
                tasks.create_task(web.serve_open(stand, listener, token))
                tasks.create_task(alarms.serve(stand))
                if stand.interlocks:
                    tasks.create_task(guard.serve(stand))
                if stand.derived:
                    tasks.create_task(derived.serve(stand))
                if stand.notify is not None:
                    tasks.create_task(notify.serve(stand))
                for name in stand.devices:
                    tasks.create_task(device.serve(stand, name))
                for name in stand.calibrations:
                    tasks.create_task(bridge.serve(stand, name))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder: two demonstrators in it would take each other's serial port and journals."""
    with (folder / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            raise ConfigError(f"data: another demonstrator is running in {folder}") from e
        yield
