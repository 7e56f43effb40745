"""Device service: one process (or one task of the demonstrator), one instrument."""

import uuid
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.adapters.journal_sqlite import SqliteJournal
from trackerdcs.adapters.kill_socket import SUFFIX, KillSocket
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.device_loop import DeviceLoop
from trackerdcs.app.replay import UNCONFIRMED
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.limits import narrow
from trackerdcs.domain.stand import Stand
from trackerdcs.services.buses import open_bus
from trackerdcs.services.links import link_of
from trackerdcs.services.runtime import VERSION


async def serve(stand: Stand, name: str, unconfirmed: float = UNCONFIRMED) -> None:
    """Poll an instrument and obey its commands until told to stop; its outputs are left as they are.

    What no loader has confirmed for `unconfirmed` s is published again.
    """
    if name not in stand.devices:
        raise ConfigError(f"devices.{name}: {stand.stand} has no such device, expected {', '.join(stand.devices)}")
    config = stand.devices[name]
    link, driver = link_of(config)
    channels = narrow(driver.channels(), config)
    clock = SystemClock()
    who = Who(stand.stand, name, uuid.uuid4().hex[:12], VERSION)
    data = Path(stand.data)
    journal, commands, ledger = (
        SqliteJournal(data / f"{name}.journal.sqlite"),
        SqliteCommandLog(data / f"{name}.commands.sqlite"),
        SqliteLedger(data / f"{name}.ledger.sqlite"),
    )
    users = None if stand.bus.kind == "embedded" else stand.users
    try:
        client = f"{stand.stand}-{name}-{who.boot}"
        async with open_bus(stand.bus, client, will_of(who, clock)) as bus:
            kill_bus = open_bus(stand.bus, f"{client}-kill")
            loop = DeviceLoop(
                who, config, channels, users, driver, link, bus, journal, commands, ledger, clock, unconfirmed, kill_bus
            )
            if loop.kills is None:
                await loop.run()
            else:
                with KillSocket(data / f"{name}{SUFFIX}", loop.kills.by_socket, loop.kills.look):
                    await loop.run()
    finally:
        journal.close()
        commands.close()
        ledger.close()
