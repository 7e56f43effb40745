"""The runs of a bridge from the order to the final record: started or adopted, piloted, imported, never two at once."""

import asyncio
import errno
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from trackerdcs.app.bridge_finish import Finisher, note
from trackerdcs.app.bridge_orders import Order
from trackerdcs.app.bridge_parts import Parts
from trackerdcs.app.run_keeper import RETRY
from trackerdcs.app.run_pilot import Pilot
from trackerdcs.app.run_work import OUTPUT, OpenRun, with_run
from trackerdcs.domain.errors import CommandRefused, DeviceError, InUse, StoreDown, StoreFault
from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.ph2acf.needs import Finding, findings
from trackerdcs.domain.ph2acf.progress import expected_stages, weights_of
from trackerdcs.domain.ph2acf.setup import BridgeConfig, RecipeConfig
from trackerdcs.domain.run import Failure, Run, RunQuery, RunState
from trackerdcs.ports import Clock
from trackerdcs.ports_runs import MARK, Child

BASE = {"LANG": "C.UTF-8"}
STORED = 5.0
"""Seconds between two records in the store of a run that only goes on."""
PAST = 20
"""Runs that progress is learnt from."""

log = logging.getLogger(__name__)


class BridgeRuns:
    """`report(event, why)` is called with what happens to runs."""

    def __init__(self, bridge: BridgeConfig, parts: Parts, report: Callable[[str, str], None], clock: Clock) -> None:
        self._bridge, self._parts, self._report, self._clock = bridge, parts, report, clock
        self.pilot: Pilot | None = None
        self._following: asyncio.Task[None] | None = None
        self._starting = False
        self._finisher = Finisher(parts, self._final, clock)
        self._stored: dict[str, float] = {}
        self._states: dict[str, str] = {}

    @property
    def busy(self) -> str | None:
        """Which run is on, or None."""
        if self.pilot is not None:
            return f"{self.pilot.run.calibration} ({self.pilot.run.id})"
        return "a calibration is being started" if self._starting else None

    @property
    def fault(self) -> str | None:
        """For the status of the bridge."""
        found = (self._parts.queue.fault, self.pilot.fault if self.pilot else None, self._finisher.fault)
        return "; ".join(filter(None, found)) or None

    def known(self, id: str) -> bool:
        """Whether a run is under way."""
        return any(run.run.id == id for run in self._parts.work.opened())

    def refused(self, run: Run, why: Failure) -> None:
        """Keep the record of an order that was not carried out."""
        at = run.requested
        record = replace(run, state="failed", failure=why, start=at, end=at, complete=True)
        self._parts.queue.put(lambda: self._parts.store.put_run(record))

    async def start(self, order: Order) -> Run:
        """Begin a run; CommandRefused or DeviceError say why not."""
        if self.busy:
            raise CommandRefused(f"busy: {failure('busy').text} ({self.busy})")
        self._starting = True
        try:
            return await self._start(order)
        finally:
            self._starting = False

    async def _start(self, order: Order) -> Run:
        parts = self._parts
        held = [c for c in order.channels if parts.scene.kinds.get(c[0]) == "hv"] if order.recipe.lease else []
        if held and (why := await parts.lease.take(held)):
            refused = failure("lease_lost", more=why)
            self.refused(order.run, refused)
            raise CommandRefused(f"lease_lost: {refused.text}")
        past = await self._past(order.run)
        opened = OpenRun(order.run, "", channels=order.channels, lease=bool(held))
        try:
            name = Path(order.run.config).name
            folder = await asyncio.to_thread(parts.work.make, order.run, name, order.content)
            argv = self._argv(order.recipe, folder / name, order.run.calibration)
            environment = self._environment(folder) | {MARK: order.run.id}
            run = replace(
                order.run,
                state="configuring",
                start=self._clock.now(),
                folder=str(folder),
                arguments=tuple(argv),
                environment=environment,
            )
            opened = replace(opened, run=run, folder=str(folder))
            await asyncio.to_thread(parts.work.note, opened)
            boards = [self._board(uri) for uri in order.config.uris]
            child = await asyncio.to_thread(parts.programs.start, argv, folder, environment, folder / OUTPUT, boards)
        except (InUse, OSError) as e:
            code = "board_busy" if isinstance(e, InUse) else "not_started"
            code = "disk_full" if isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT) else code
            failed = failure(code, more=str(e))
            await self._never_began(opened, failed, held)
            raise DeviceError(f"{code}: {failed.text}") from e
        opened = replace(opened, born=child.born)
        # Before it is followed: the pilot notes what it hears, and two writers of one file spoil it.
        await asyncio.to_thread(note, parts, opened)
        self._follow(opened, child, order.recipe, past)
        return run

    async def _never_began(self, opened: OpenRun, why: Failure, held: list[tuple[str, str]]) -> None:
        now = self._clock.now()
        run = replace(opened.run, state="failed", failure=why, end=now, complete=True)
        self._parts.queue.put(lambda: self._parts.store.put_run(run))
        self._parts.speaker.say(run, opened.channels)
        self._report("run_failed", f"{run.calibration}: {why.code}: {why.text}")
        try:
            if opened.folder:
                await asyncio.to_thread(self._parts.work.close, opened)
        except OSError as e:
            log.warning("run %s: %s", run.id, e)
        await self._parts.lease.release(held)  # else the high voltage would come down when it runs out

    async def adopt(self) -> None:
        """Go on with what an earlier start has left: what still runs is followed, what has ended comes to its end."""
        for remains in await asyncio.to_thread(lambda: list(self._parts.work.damaged())):
            ended = await asyncio.to_thread(self._parts.programs.sweep, remains.id)
            log.error("run %s: its note is damaged; processes of it that were ended: %d", remains.id, ended)
            self._finisher.mend(remains)
        found: list[tuple[OpenRun, Child | None]] = []
        for opened in await asyncio.to_thread(lambda: list(self._parts.work.opened())):
            if opened.run.end is not None:
                await self._ended_earlier(opened)
                continue
            found.append((opened, await asyncio.to_thread(self._still_runs, opened)))
        # What still runs comes last: behind it, one that has ended would take its place, and nobody would follow it.
        for opened, child in sorted(found, key=lambda each: each[1] is not None):
            recipe = self._bridge.calibrations.get(opened.run.calibration, RecipeConfig())
            if child is not None and self.pilot is None:
                self._report("run_adopted", f"{opened.run.calibration}: process {child.born.pid}")
            self._follow(opened, child, recipe, await self._past(opened.run))
            if child is None and self._following is not None:
                await asyncio.wait({self._following})

    async def _ended_earlier(self, opened: OpenRun) -> None:
        """Its program had ended, the bridge too before it gave the voltage back."""
        if held := self._held(opened):
            await self._parts.lease.release(held)
            opened = replace(opened, lease=False)
        self._finisher.begin(opened)

    def _held(self, opened: OpenRun) -> list[tuple[str, str]]:
        kinds = self._parts.scene.kinds
        return [(d, ch) for d, ch in opened.channels if kinds.get(d) == "hv"] if opened.lease else []

    def _still_runs(self, opened: OpenRun) -> Child | None:
        """The program of a run; where it has ended, nothing that it has left behind keeps the board from the next."""
        programs, id = self._parts.programs, opened.run.id
        # Without a note of its start the bridge was killed at that moment: it may run all the same.
        child = programs.adopt(opened.born) if opened.born else programs.find(id)
        if child is None and (left := programs.sweep(id)):
            log.warning("run %s: %d processes that its program had left behind were ended", id, left)
        return child

    def stop(self) -> None:
        """The service ends: programs go on, and what waits for a store is found again by the next start."""
        self._finisher.stop()
        if self._following:
            self._following.cancel()

    async def abort(self, who: str) -> Run | None:
        """End the run that is on, and wait for its end."""
        pilot, following = self.pilot, self._following
        if pilot is None or following is None:
            return None
        pilot.end("aborted", who)
        await asyncio.wait({following})
        return pilot.run

    def _follow(self, opened: OpenRun, child: Child | None, recipe: RecipeConfig, past: list[Run]) -> None:
        def needs() -> Iterator[Finding]:
            scene = self._parts.scene
            channels = [(d, ch) for d, ch in opened.channels]
            now = self._clock.monotonic()
            return findings(self._bridge, recipe, channels, scene.kinds, scene.read, scene.seen, scene.interlock, now)

        stages = expected_stages(opened.run.calibration, past)
        pilot = Pilot(
            opened,
            child,
            self._bridge,
            recipe,
            stages,
            weights_of(past),
            self._parts.work,
            needs,
            lambda run: self._say(run, opened.channels),
            self._clock,
            self._parts.fuse_ids,
        )
        self.pilot = pilot
        self._say(opened.run, opened.channels)
        self._following = asyncio.ensure_future(self._pilot(pilot, opened))

    async def _pilot(self, pilot: Pilot, opened: OpenRun) -> None:
        held = self._held(opened)

        def lost(why: str) -> None:
            self._report("lease_lost", why)
            pilot.end("lease_lost")

        def lapsed(why: str) -> None:
            self._report("lease_lapsed", why)
            pilot.warn(failure("lease_lapsed", more=why))

        keeping = asyncio.ensure_future(self._parts.lease.keep(held, lost, lapsed)) if held else None
        try:
            run = await pilot.follow()
        except Exception as e:  # a run always has an end, and its program is not left alone
            log.exception("run %s", opened.run.id)
            run = pilot.broken(failure("bridge_fault", more=repr(e)))
        finally:
            if keeping is not None:
                keeping.cancel()
        try:
            await asyncio.to_thread(self._parts.work.count, Path(opened.folder))
        except OSError as e:
            log.warning("run %s: the next one may have its number again: %s", run.id, e)
        # Final is said when the store has it: an aborted run has results to save, too.
        self._say(replace(run, state="finalizing"), opened.channels)
        await self._parts.lease.release(held)
        whole = replace(run, events=(*run.events, *pilot.log_events()))
        ended = replace(with_run(pilot.open, whole), lease=False)
        await asyncio.to_thread(note, self._parts, ended)  # a restart must not give back what the next run holds
        if self.pilot is pilot:
            self.pilot = None
        self._finisher.begin(ended)

    def _final(self, run: Run, opened: OpenRun) -> None:
        self._say(run, opened.channels)
        failed = f": {run.failure.code}: {run.failure.text}" if run.failure else ""
        self._report(f"run_{run.state}", f"{run.calibration} {run.number or ''}".strip() + failed)

    def _say(self, run: Run, channels: tuple[tuple[str, ...], ...]) -> None:
        self._parts.speaker.say(run, channels)
        now = self._clock.monotonic()
        if self._states.get(run.id) == run.state and now - self._stored.get(run.id, -STORED) < STORED:
            return
        self._states[run.id], self._stored[run.id] = run.state, now
        if not run.final:
            on = replace(run, heard=self._clock.now())
            self._parts.queue.put(lambda: self._parts.store.put_run(on))
        for kept in (self._states, self._stored):
            while len(kept) > 100:
                kept.pop(next(iter(kept)))

    async def _past(self, run: Run) -> list[Run]:
        done: tuple[RunState, ...] = ("done",)
        query = RunQuery(calibration=run.calibration, states=done, sim=run.sim, stand=run.stand, limit=PAST)
        try:
            async with asyncio.timeout(RETRY):
                return await asyncio.to_thread(self._parts.store.runs, query)
        except (StoreDown, StoreFault, TimeoutError):
            return []  # progress is then told by what is known of one real run

    def _argv(self, recipe: RecipeConfig, config: Path, calibration: str) -> list[str]:
        batch = ["-b"] if recipe.program == "runCalibration" else []
        return [self._bridge.program(recipe.program), *batch, "-f", str(config), "-c", calibration]

    def _environment(self, folder: Path) -> dict[str, str]:
        setup = (self._bridge.setup or "").rstrip("/")
        ours = {"PATH": f"{setup}/bin:/usr/local/bin:/usr/bin:/bin", "PH2ACF_BASE_DIR": setup, "HOME": str(folder)}
        return BASE | ours | {"LD_LIBRARY_PATH": f"{setup}/lib"} | self._bridge.environment

    def _board(self, uri: str) -> str:
        found = re.search(r"target=([^&\s]+)", uri)
        return self._parts.space + (found[1] if found else uri)
