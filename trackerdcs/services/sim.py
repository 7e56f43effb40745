"""Simulator service: the simulated instruments of a stand on real ports."""

import asyncio
import logging

from trackerdcs.domain.stand import Stand
from trackerdcs.sim.stand import SimStand

log = logging.getLogger(__name__)


async def serve(stand: Stand) -> None:
    """Simulate until told to stop."""
    async with SimStand(stand) as simulated:
        for name, server in simulated.servers.items():
            log.info("%s: simulated at %s", name, server.resource)
        await asyncio.Event().wait()
