"""Guard service: one process a stand, at the edge beside its devices."""

import uuid
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.guard import Guard
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import GUARD, login
from trackerdcs.drivers.registry import wired
from trackerdcs.services.buses import open_bus
from trackerdcs.services.runtime import VERSION


async def serve(stand: Stand) -> None:
    """Judge the interlocks of a stand until told to stop; what is open stays open over a restart, no bypass does."""
    if not stand.interlocks:
        raise ConfigError(f"interlocks: {stand.stand} has none to guard")
    clock, who = SystemClock(), Who(stand.stand, GUARD, uuid.uuid4().hex[:12], VERSION)
    data = Path(stand.data)
    commands, ledger = (
        SqliteCommandLog(data / f"{GUARD}.commands.sqlite"),
        SqliteLedger(data / f"{GUARD}.ledger.sqlite"),
    )
    users = None if stand.bus.kind == "embedded" else stand.users
    try:
        async with open_bus(
            stand.bus, f"{stand.stand}-{GUARD}-{who.boot}", login(stand.stand, GUARD), will_of(who, clock)
        ) as bus:
            await Guard(who, stand.interlocks, wired(stand), users, bus, commands, ledger, clock).run()
    finally:
        commands.close()
        ledger.close()
