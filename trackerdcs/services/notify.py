"""Notification service: one process a stand tells people of its alarms."""

import uuid
from pathlib import Path

from trackerdcs.adapters.alive_http import HttpWatcher
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.adapters.notify_apprise import AppriseNotifier
from trackerdcs.adapters.told_sqlite import SqliteTold
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.notifier import Notifications
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import NOTIFY, login
from trackerdcs.services.buses import open_bus
from trackerdcs.services.runtime import VERSION


async def serve(stand: Stand) -> None:
    """Tell people until told to stop; ConfigError names the secret that cannot be read or is no address."""
    if stand.notify is None:
        raise ConfigError(f"notify: {stand.stand} has nobody to notify")
    config, data = stand.notify, Path(stand.data)
    notifiers = {
        name: AppriseNotifier(Path(address.url_file), f"notify.addresses.{name}.url_file")
        for name, address in config.addresses.items()
    }
    watcher = HttpWatcher(Path(config.alive.url_file), "notify.alive.url_file") if config.alive else None
    clock, who = SystemClock(), Who(stand.stand, NOTIFY, uuid.uuid4().hex[:12], VERSION)
    told = SqliteTold(data / f"{NOTIFY}.told.sqlite")
    commands = SqliteCommandLog(data / f"{NOTIFY}.commands.sqlite")
    ledger = SqliteLedger(data / f"{NOTIFY}.ledger.sqlite")
    users = None if stand.bus.kind == "embedded" else stand.users
    try:
        async with open_bus(
            stand.bus, f"{stand.stand}-{NOTIFY}-{who.boot}", login(stand.stand, NOTIFY), will_of(who, clock)
        ) as bus:
            await Notifications(who, config, notifiers, watcher, users, bus, told, commands, ledger, clock).run()
    finally:
        told.close()
        commands.close()
        ledger.close()
