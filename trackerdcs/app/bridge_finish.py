"""Brings a run whose program has ended to its final state: what the stand saw meanwhile, its files into the store."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from trackerdcs.app.bridge_parts import Parts
from trackerdcs.app.run_keeper import RETRY
from trackerdcs.app.run_work import OpenRun, with_run
from trackerdcs.domain.errors import StoreDown, StoreFault
from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.run import Run, RunEvent
from trackerdcs.domain.topics import GUARD
from trackerdcs.ports import Clock

EVENTS = 400
"""Events that a record keeps."""

log = logging.getLogger(__name__)


class Finisher:
    """`ended(run, opened)` is called with each final record, when the store has it."""

    def __init__(self, parts: Parts, ended: Callable[[Run, OpenRun], None], clock: Clock) -> None:
        self._parts, self._ended, self._clock = parts, ended, clock
        self._tasks: set[asyncio.Task[None]] = set()
        self.fault: str | None = None
        """Which run waits for a store, for the status."""

    def begin(self, opened: OpenRun) -> None:
        """Go on with it beside everything else: a store that is away keeps nobody from the next calibration."""
        task = asyncio.ensure_future(self._finish(opened))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def mend(self, remains: Run) -> None:
        """End a run of which the bridge's own note is damaged, with what the store knows of it."""
        task = asyncio.ensure_future(self._mend(remains))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _mend(self, remains: Run) -> None:
        known = None
        while True:
            try:
                known = await asyncio.to_thread(self._parts.store.run, remains.id)
                break
            except StoreDown as e:
                self.fault = f"run {remains.id} waits for its store: {e}"
                await asyncio.sleep(RETRY)
            except StoreFault as e:
                log.warning("run %s: what the store has of it is lost, too: %s", remains.id, e)
                break
        self.fault = None
        now, run = self._clock.now(), known or remains
        if run.final:
            await asyncio.to_thread(self._parts.work.close, OpenRun(run, ""))
            return
        run = replace(run, state="finalizing", end=now, failure=failure("note_damaged"))
        channels = dict.fromkeys((d, ch) for m in run.modules for _, d, ch in (c.split("/", 2) for c in m.channels))
        await self._finish(OpenRun(run, run.folder, channels=(*channels,)))

    def stop(self) -> None:
        """The service ends; the next start goes on."""
        for task in self._tasks:
            task.cancel()

    async def _finish(self, opened: OpenRun) -> None:
        parts = self._parts
        opened = with_run(opened, await self._seen(opened))
        await asyncio.to_thread(note, parts, opened)
        kept = True
        while True:
            try:
                final = await asyncio.to_thread(parts.imported, opened.run)
                break
            except StoreDown as e:
                self.fault = f"run {opened.run.id} waits for its store: {e}"
                await asyncio.sleep(RETRY)
            except Exception as e:  # whatever it is, the run has an end: its files stay where they are
                log.exception("run %s", opened.run.id)
                final, kept = await self._unread(opened.run, e)
                break
        self.fault = None
        self._ended(final, opened)
        if not kept:
            self.fault = f"run {opened.run.id}: the store does not take its end"
            return  # the next start tries again: in the store, too, a run has an end
        try:
            await asyncio.to_thread(parts.work.close, opened)
        except OSError as e:
            log.warning("run %s: %s", opened.run.id, e)

    async def _unread(self, run: Run, error: Exception) -> tuple[Run, bool]:
        """The record without its results, and whether the store has it."""
        why = failure("not_imported", more=str(error) or repr(error))
        state = run.state if run.final else "failed"
        final = replace(run, state=state, failure=run.failure or why, warnings=(*run.warnings, why))
        while True:
            try:
                await asyncio.to_thread(self._parts.store.put_run, final)
            except StoreDown as e:
                self.fault = f"run {run.id} waits for its store: {e}"
                await asyncio.sleep(RETRY)
            except Exception:  # it is full, say
                log.exception("run %s: the store does not take its end", run.id)
                return final, False
            else:
                return final, True

    async def _seen(self, opened: OpenRun) -> Run:
        """With what slow control and bus have seen in its window."""
        parts, run = self._parts, opened.run
        end = run.end or self._clock.now()
        start = run.start or end
        devices = {device for device, _ in opened.channels} | {GUARD, run.device}
        if not run.conditions and run.start is not None:
            try:
                run = replace(run, conditions=await parts.conditions(run, opened.channels))
            except (StoreDown, StoreFault) as e:
                log.warning("run %s: nothing of its slow control: %s", run.id, e)
            except Exception:  # as below
                log.exception("run %s: nothing of its slow control", run.id)
        events: dict[RunEvent, None] = dict.fromkeys([*parts.keeper.events(devices, start, end), *run.events])
        ordered = tuple(sorted(events, key=lambda event: event.ts or 0)[:EVENTS])
        commands = tuple(dict.fromkeys([*run.commands, *parts.keeper.commands(devices, start, end)]))
        return replace(run, events=ordered, commands=commands)


def note(parts: Parts, opened: OpenRun) -> None:
    """Remember a run over a restart, if the disk takes it."""
    try:
        parts.work.note(opened)
    except OSError as e:
        log.warning("run %s: a restart would not find it: %s", opened.run.id, e)
