"""Alarm service: one process a stand. It may run anywhere: what has to act is in owners and guard."""

import uuid
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path

from trackerdcs.adapters.alarms_sqlite import SqliteAlarms
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.app.alarms import Alarms
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.domain.alarm_config import rule_faults
from trackerdcs.domain.alarm_tree import alarm_misfits, fitting, tree_of
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import ALARMS, login
from trackerdcs.drivers.registry import wired
from trackerdcs.services.buses import open_bus
from trackerdcs.services.runtime import VERSION
from trackerdcs.settings import load_rules


def with_rules(stand: Stand, file: Path) -> Stand:
    """The stand with the rules of a file for all stands, as far as they cover something of it; its own ones win."""
    tree = tree_of(wired(stand), stand.interlocks, stand.calibrations)
    rules = fitting(load_rules(file), tree) | stand.alarms
    for field, why in (*rule_faults(rules), *alarm_misfits(rules, tree)):
        raise ConfigError(f"{file}: with the rules of stand {stand.stand}: {field}: {why}")
    return replace(stand, alarms=rules)


async def serve(stand: Stand) -> None:
    """Watch a stand until told to stop; what is raised, acknowledged or shelved stays so over a restart."""
    clock, who = SystemClock(), Who(stand.stand, ALARMS, uuid.uuid4().hex[:12], VERSION)
    data, client = Path(stand.data), f"{stand.stand}-{ALARMS}-{who.boot}"
    users = None if stand.bus.kind == "embedded" else stand.users
    tree = tree_of(wired(stand), stand.interlocks, stand.calibrations)
    async with AsyncExitStack() as stack:
        commands, ledger, store = (
            stack.enter_context(closing(SqliteCommandLog(data / f"{ALARMS}.commands.sqlite"))),
            stack.enter_context(closing(SqliteLedger(data / f"{ALARMS}.ledger.sqlite"))),
            stack.enter_context(closing(SqliteAlarms(data / f"{ALARMS}.sqlite"))),
        )
        bus = await stack.enter_async_context(
            open_bus(stand.bus, client, login(stand.stand, ALARMS), will_of(who, clock))
        )
        await Alarms(who, stand.alarms, tree, users, bus, commands, ledger, store, clock).run()
