"""Recorder service: one process a site keeps who commanded what, and which module was where."""

import uuid
from collections.abc import Sequence

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.command_keeper import filters_of
from trackerdcs.app.recording import Recording
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import RECORDER, SITE, login
from trackerdcs.services.buses import open_bus, open_inlet
from trackerdcs.services.join import StandStores
from trackerdcs.services.runtime import VERSION


async def serve(stands: Sequence[Stand]) -> None:
    """Record until told to stop; ConfigError where the stands have not one broker and one store of runs. What is said
    while it is down waits with the broker, where that keeps sessions."""
    first, *others = stands
    for other in others:
        if other.bus != first.bus:
            raise ConfigError(f"stand {other.stand}: bus: another than that of stand {first.stand}: a recorder has one")
    clock, who = SystemClock(), Who(SITE, RECORDER, uuid.uuid4().hex[:12], VERSION)
    names = [stand.stand for stand in stands]
    filters = [each for name in names for each in filters_of(name)]
    stores = StandStores(stands, RECORDER)
    try:
        store = stores.runs(make=True)
        place = (first.bus, f"trackerdcs-{RECORDER}", login(SITE, RECORDER))
        bus = open_bus(first.bus, f"trackerdcs-{RECORDER}-says", login(SITE, RECORDER), will_of(who, clock))
        # A recorder that says that it is online has subscribed.
        async with open_inlet(*place, bus, filters, ()) as inlet, bus:
            await Recording(who, names, inlet, bus, store, clock).run()
    finally:
        await stores.close()
