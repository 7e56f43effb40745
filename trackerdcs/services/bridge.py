"""Bridge service: one process a bridge, on the computer where Ph2_ACF runs."""

import asyncio
import fcntl
import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.commands_sqlite import SqliteCommandLog
from trackerdcs.adapters.config_folder import config_content, config_names, with_settings
from trackerdcs.adapters.journal_sqlite import SqliteJournal
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.adapters.process_group import ProcessGroups
from trackerdcs.app.announcer import Who, will_of
from trackerdcs.app.bridge import Bridge
from trackerdcs.app.bridge_orders import Orders
from trackerdcs.app.bridge_parts import Parts
from trackerdcs.app.replay import UNCONFIRMED
from trackerdcs.app.requester import Requester
from trackerdcs.app.run_conditions import conditions_of
from trackerdcs.app.run_folders import find_runs
from trackerdcs.app.run_keeper import RunKeeper, StoreQueue
from trackerdcs.app.run_lease import RunLease
from trackerdcs.app.run_scene import Scene
from trackerdcs.app.run_speaker import RunSpeaker
from trackerdcs.app.run_work import Work
from trackerdcs.domain.errors import ConfigError, InUse
from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.ph2acf.setup import KINDS, BridgeConfig, channel
from trackerdcs.domain.run import Condition, Run
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import login
from trackerdcs.drivers.registry import wired
from trackerdcs.ports_runs import RunStore
from trackerdcs.services.buses import open_bus
from trackerdcs.services.runtime import VERSION
from trackerdcs.services.stores import open_runs, open_series
from trackerdcs.sim.ph2acf.knobs import PREFIX
from trackerdcs.sim.ph2acf.place import BIN, CONFIGS

ACCOUNT = "importer"
"""Of MongoDB: the one that may write results."""


async def serve(stand: Stand, name: str, unconfirmed: float = UNCONFIRMED) -> None:
    """Pilot calibrations until told to stop; a program that runs then goes on, and the next start adopts it."""
    if name not in stand.calibrations:
        known = ", ".join(stand.calibrations) or "none"
        raise ConfigError(f"calibrations.{name}: {stand.stand} has no such bridge, expected {known}")
    config, clock, data = complete(stand, name), SystemClock(), _data(stand)
    who = Who(stand.stand, name, uuid.uuid4().hex[:12], VERSION)
    devices, host = wired(stand), socket.gethostname()
    users = None if stand.bus.kind == "embedded" else stand.users
    async with AsyncExitStack() as stack:
        work = Work(Path(config.work) if config.work else data / name)
        stack.enter_context(_alone(work.root, name))
        journal, commands, ledger = (
            stack.enter_context(closing(SqliteJournal(data / f"{name}.journal.sqlite"))),
            stack.enter_context(closing(SqliteCommandLog(data / f"{name}.commands.sqlite"))),
            stack.enter_context(closing(SqliteLedger(data / f"{name}.ledger.sqlite"))),
        )
        store = stack.enter_context(closing(open_runs(stand.runs, data, ACCOUNT)))
        series = open_series(stand.store, data, read_only=True)
        stack.push_async_callback(series.close)
        client = f"{stand.stand}-{name}-{who.boot}"
        bus = await stack.enter_async_context(
            open_bus(stand.bus, client, login(stand.stand, name), will_of(who, clock))
        )

        def conditions(run: Run, channels: tuple[tuple[str, ...], ...]) -> "asyncio.Future[dict[str, Condition]]":
            window = (run.start or 0, run.end or clock.now())
            return asyncio.ensure_future(conditions_of(series, stand.stand, devices, channels, window, clock))

        queue = StoreQueue()
        keeper = RunKeeper(clock)
        scene = Scene(stand.stand, config, devices, clock, keeper.tell)
        programs = ProcessGroups()
        parts = Parts(
            work,
            programs,
            store,
            queue,
            keeper,
            scene,
            RunSpeaker(who, bus, clock),
            RunLease(Requester(bus, clock, name), stand.stand, config.lease, clock),
            lambda run: imported(stand, store, run, host),
            conditions,
            f"{data}:" if config.sim else "",
            stand.fuse_ids,
        )
        configs = Path(config.configs or "")
        orders = Orders(
            who, config, scene, programs, lambda file: config_content(configs, file), with_settings, host, clock
        )
        names = config_names(configs)  # as they are now: one that is put there later can be typed
        await Bridge(who, config, users, parts, orders, bus, journal, commands, ledger, clock, unconfirmed, names).run()


def complete(stand: Stand, name: str) -> BridgeConfig:
    """The bridge as the stand file has it; a simulated one has the simulated programs, and they ask the stand."""
    config = stand.calibrations[name]
    if not config.sim:
        return config
    kinds = {device: found.kind for device, found in wired(stand).items()}
    fed = [channel(text) for text in config.channels]
    environment = {"TRACKERDCS_PH2ACF_PYTHON": sys.executable, f"{PREFIX}SIM": f"{stand.sim.host}:{stand.sim.control}"}
    for kind in KINDS:
        if of_kind := [f"{device}.{ch}" for device, ch in fed if kinds.get(device) == kind]:
            environment[f"{PREFIX}{kind.upper()}"] = ",".join(of_kind)
    return replace(
        config,
        setup=config.setup or str(BIN.parent),
        configs=config.configs or str(CONFIGS),
        environment=environment | config.environment,
    )


def _data(stand: Stand) -> Path:
    return Path(stand.data).absolute()


def imported(stand: Stand, store: RunStore, run: Run, host: str) -> Run:
    """Bring the folder of a run into the store, and return the record in its final state. StoreDown: try again."""
    from trackerdcs.adapters.ph2acf_folder import Ph2acfReader  # a second of libraries, paid at the first run
    from trackerdcs.app.importer import Importer

    store.put_run(run)
    series = open_series(stand.store, Path(stand.data))
    try:
        found = next(find_runs(Path(run.folder)), None)
        why = failure("not_imported")
        if found is not None:
            done = Importer(store, Ph2acfReader(), SystemClock(), series, host).take(found)
            if done.run is not None and done.run.final and done.run.id == run.id:
                return done.run
            why = failure("not_imported", more=done.why.text) if done.why else why
    except OSError as e:
        why = failure("not_imported", more=str(e))
    finally:
        asyncio.run(series.close())
    state = run.state if run.final else "failed"
    final = replace(run, state=state, failure=run.failure or why, warnings=(*run.warnings, why), complete=False)
    store.put_run(final)
    return final


@contextmanager
def _alone(folder: Path, name: str) -> Iterator[None]:
    """One bridge a work folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "bridge.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as e:
                raise InUse(f"calibrations.{name}.work: another bridge works in {folder}") from e
            yield
    except OSError as e:
        raise ConfigError(f"calibrations.{name}.work: {folder}: {e.strerror}") from e
