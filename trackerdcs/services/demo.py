"""The demonstrator: broker, simulated instruments, device services and loader as tasks of one process."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from trackerdcs.adapters.broker_amqtt import EmbeddedBroker
from trackerdcs.domain.resource import TcpAddress, parse_resource
from trackerdcs.domain.stand import Stand
from trackerdcs.services import device, loader
from trackerdcs.sim.stand import SimStand


def moved(stand: Stand, broker_port: int | None, sim_port: int | None, data: Path | None) -> Stand:
    """The stand at other ports (`sim_port` is the control socket's, the instruments follow) or in another folder."""
    if broker_port is not None:
        stand = replace(stand, bus=replace(stand.bus, port=broker_port))
    if data is not None:
        devices = {
            name: replace(
                d, link=replace(d.link, resource=d.link.resource.replace(f"ASRL{stand.data}/", f"ASRL{data}/"))
            )
            for name, d in stand.devices.items()
        }
        stand = replace(stand, data=str(data), devices=devices)
    if sim_port is not None:
        step = sim_port - stand.sim.control
        devices = {
            name: replace(d, link=replace(d.link, resource=_step(d.link.resource, step)))
            for name, d in stand.devices.items()
        }
        stand = replace(stand, sim=replace(stand.sim, control=sim_port), devices=devices)
    return stand


def _step(resource: str, step: int) -> str:
    address = parse_resource(resource)
    return f"TCPIP::{address.host}::{address.port + step}::SOCKET" if isinstance(address, TcpAddress) else resource


async def serve(stand: Stand, ready: Callable[[], None]) -> None:
    """Run everything until told to stop; `ready` is called when broker and instruments can be reached.

    ConfigError names the port or the file that is in the way.
    """
    async with EmbeddedBroker(stand.bus.host, stand.bus.port), SimStand(stand), asyncio.TaskGroup() as tasks:
        ready()
        tasks.create_task(loader.serve([stand]))
        for name in stand.devices:
            tasks.create_task(device.serve(stand, name))
