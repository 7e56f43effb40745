"""Device service: one process (or one task of the demonstrator), one instrument."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.adapters.host_lock import HostLock
from trackerdcs.adapters.journal_sqlite import SqliteJournal
from trackerdcs.adapters.kill_socket import SUFFIX, KillSocket
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.adapters.proof_reports import last_proofs
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.device_loop import DeviceLoop
from trackerdcs.app.replay import UNCONFIRMED
from trackerdcs.app.sole_owner import SoleOwner
from trackerdcs.domain.dependence import surroundings
from trackerdcs.domain.errors import ConfigError, InUse
from trackerdcs.domain.limits import narrow, slow_link, unbearable
from trackerdcs.domain.modules import Modules
from trackerdcs.domain.resource import parse_resource
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import login
from trackerdcs.drivers.registry import wire_of, wired
from trackerdcs.services.buses import open_bus
from trackerdcs.services.links import link_of
from trackerdcs.services.runtime import VERSION

EVERY = 10.0
"""Seconds between two looks for a new report of a proof."""


async def serve(
    stand: Stand,
    name: str,
    unconfirmed: float = UNCONFIRMED,
    *,
    accepted: Callable[[], None] | None = None,
    down_only: str | None = None,
) -> None:
    """Poll an instrument and obey its commands until told to stop; outputs are then left as they are.

    What no loader has confirmed for `unconfirmed` s is published again. `accepted` is called when the instrument has
    answered; `down_only`: why nothing but the safe direction is obeyed.
    """
    if name not in stand.devices:
        raise ConfigError(f"devices.{name}: {stand.stand} has no such device, expected {', '.join(stand.devices)}")
    config = stand.devices[name]
    link, driver = link_of(config)
    modules = Modules(stand.module_types, stand.modules)
    faults = slow_link(driver.kind, config, wire_of(config)) + unbearable(driver.kind, config, modules)
    if faults:
        raise ConfigError(f"devices.{name}.{faults[0][0]}: {faults[0][1]}")
    channels = narrow(driver.channels(), config)
    clock = SystemClock()
    who = Who(stand.stand, name, uuid.uuid4().hex[:12], VERSION)
    data = Path(stand.data)
    users = None if stand.bus.kind == "embedded" else stand.users
    client = f"{stand.stand}-{name}-{who.boot}"
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(HostLock(parse_resource(config.link.resource), f"{stand.stand}/{name} of {stand.data}"))
        except InUse as e:
            raise InUse(f"devices.{name}.link.resource: {e}") from e
        journal, commands, ledger = (
            stack.enter_context(closing(SqliteJournal(data / f"{name}.journal.sqlite"))),
            stack.enter_context(closing(SqliteCommandLog(data / f"{name}.commands.sqlite"))),
            stack.enter_context(closing(SqliteLedger(data / f"{name}.ledger.sqlite"))),
        )
        bus = await stack.enter_async_context(
            open_bus(stand.bus, client, login(stand.stand, name), will_of(who, clock))
        )
        loop = DeviceLoop(
            who,
            config,
            channels,
            users,
            driver,
            link,
            bus,
            journal,
            commands,
            ledger,
            clock,
            unconfirmed,
            open_bus(stand.bus, f"{client}-kill", login(stand.stand, name)),
            SoleOwner(who, bus, clock),
            down_only,
            modules,
            surroundings(stand, name, wired(stand)),
        )
        if loop.kills is not None:
            socket = KillSocket(data / f"{name}{SUFFIX}", loop.kills.by_socket, loop.kills.look)
            try:
                stack.enter_context(socket)
            except OSError as e:  # a full disk must not leave an output without its owner
                loop.kills.no_socket = f"no local kill: the socket in {data} cannot be made: {e}"
        keeping = asyncio.create_task(_keep(loop, accepted))
        following = asyncio.create_task(follow_proofs(data, name, loop.proven))
        try:
            await loop.run()
        except InUse as e:
            raise InUse(f"devices.{name}: {e}") from e
        finally:
            keeping.cancel()
            following.cancel()


async def _keep(loop: DeviceLoop, accepted: Callable[[], None] | None) -> None:
    await loop.identified.wait()
    if accepted is not None:
        await asyncio.to_thread(accepted)


async def follow_proofs(data: Path, device: str, tell: Callable[[dict[str, str]], None], every: float = EVERY) -> None:
    """Tell of each change, for ever."""
    known: dict[str, str] = {}
    while True:
        found = await asyncio.to_thread(last_proofs, data, device)
        if found != known:
            known = found
            tell(found)
        await asyncio.sleep(every)
