"""The service of derived quantities: one process a stand."""

import uuid
from contextlib import AsyncExitStack, closing
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.counts_sqlite import SqliteCounts
from trackerdcs.adapters.journal_sqlite import SqliteJournal
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.derived import Derived
from trackerdcs.app.replay import UNCONFIRMED
from trackerdcs.domain.derived import sources
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import DERIVED, login
from trackerdcs.drivers.registry import wired
from trackerdcs.services.buses import open_bus
from trackerdcs.services.runtime import VERSION


async def serve(stand: Stand, unconfirmed: float = UNCONFIRMED) -> None:
    """Compute the derived quantities of a stand until told to stop; what was counted goes on after a restart."""
    if not stand.derived:
        raise ConfigError(f"derived: {stand.stand} has nothing to derive")
    clock, who, data = SystemClock(), Who(stand.stand, DERIVED, uuid.uuid4().hex[:12], VERSION), Path(stand.data)
    sim = any(stand.devices[name].sim for config in stand.derived.values() for name in sources(config))
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(closing(SqliteJournal(data / f"{DERIVED}.journal.sqlite")))
        counts = stack.enter_context(closing(SqliteCounts(data / f"{DERIVED}.counts.sqlite")))
        client = f"{stand.stand}-{DERIVED}-{who.boot}"
        bus = await stack.enter_async_context(
            open_bus(stand.bus, client, login(stand.stand, DERIVED), will_of(who, clock))
        )
        await Derived(who, stand.derived, wired(stand), sim, bus, journal, counts, clock, unconfirmed).run()
