"""Pilots one run: follows what its program says, watches its time and its needs, ends it where it must, sees it end."""

import asyncio
import errno
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from trackerdcs.app.run_work import FLOOD, OUTPUT, OpenRun, Tail, Work, with_run
from trackerdcs.domain.modules import is_another
from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.ph2acf.needs import Finding
from trackerdcs.domain.ph2acf.progress import progress_of
from trackerdcs.domain.ph2acf.setup import BridgeConfig, RecipeConfig
from trackerdcs.domain.ph2acf.story import Story
from trackerdcs.domain.run import Failure, Run, RunEvent, RunModule, RunState, may_become
from trackerdcs.ports import Clock
from trackerdcs.ports_runs import Child

LOOK = 0.1
"""Seconds between two looks at the output and at the process."""
MOST_WARNINGS = 50
NOTE = 5.0
"""Seconds between two notes of a run that only goes on, for a restart."""

log = logging.getLogger(__name__)


class Pilot:
    """One run from the start of its program, or its adoption, to the program's end. `said(run)` is called with each
    change; `findings()` are its needs as they are now; `fuse_ids` what the modules should say, by their names."""

    def __init__(
        self,
        opened: OpenRun,
        child: Child | None,
        bridge: BridgeConfig,
        recipe: RecipeConfig,
        stages: tuple[str, ...],
        weights: dict[str, float],
        work: Work,
        findings: Callable[[], Iterator[Finding]],
        said: Callable[[Run], None],
        clock: Clock,
        fuse_ids: Mapping[str, str] | None = None,
    ) -> None:
        self.open, self._child = opened, child
        self._bridge, self._recipe, self._work, self._clock = bridge, recipe, work, clock
        self._findings, self._said = findings, said
        self._stages, self._weights = stages, weights
        self._tail = Tail(Path(opened.folder, OUTPUT), opened.stamps)
        self._story = Story()
        now = clock.monotonic()
        age = max(0.0, (clock.now() - (opened.run.start or clock.now())) / 1e9)
        self._began, self._heard, self._noted, self._judged = now - age, now, now, now
        self._interrupted: float | None = None
        self._killed = False
        self._told = now
        self._fuse_ids = fuse_ids or {}
        self._lost: set[str] = set()
        self._unknown: dict[str, float] = {}
        self._events: list[RunEvent] = []
        self.fault: str | None = None
        """Why a restart would not know of this run, for the status."""

    @property
    def run(self) -> Run:
        """The record as it is now."""
        return self.open.run

    def end(self, code: str, who: str = "") -> None:
        """Begin to end the program: SIGINT, and SIGKILL to all of its group if that does not help."""
        if self.open.ending:
            return
        log.warning("run %s is being ended: %s %s", self.run.id, code, who)
        self.open = replace(self.open, ending=code, ended_by=who)
        self._note()

    def warn(self, why: Failure) -> None:
        """Something that a reader of the record should know."""
        self.open = with_run(self.open, replace(self.run, warnings=(*self.run.warnings[:MOST_WARNINGS], why)))
        self._note()

    async def follow(self) -> Run:
        """Until the program has ended."""
        while True:
            running = self._child is not None and self._child.running  # before the look at what it has said last
            self._listen(end=not running)
            if not running:
                break
            self._watch()
            self._press()
            await asyncio.sleep(LOOK)
        if self._child is not None:
            self._child.kill()  # what it may have left behind in its group
        return self._ended()

    def _listen(self, end: bool) -> None:
        now = self._clock.now()
        lines = self._tail.lines(now, end)
        for line, ts in lines:
            self._story.hear(line, ts)
        if lines:
            self._heard = self._clock.monotonic()
        story, run = self._story, self.run
        state: RunState = run.state
        if story.started is not None or story.stages():
            state = "running" if may_become(state, "running") else state
        progress = progress_of(story.stages(), self._stages, self._weights, now, story.percent)
        changed = replace(
            run,
            state=state,
            number=run.number if story.number is None else story.number,
            started=run.started or story.started,
            stages=story.stages(),
            progress=progress,
            log=replace(story.counts(), tail=()),
            modules=tuple(
                replace(m, fuse_id=story.fuse_ids.get((m.board, m.optical_group), m.fuse_id)) for m in run.modules
            ),
        )
        mono = self._clock.monotonic()
        if changed == run and mono - self._told < NOTE:  # a silent stage goes on, too, and that is said
            return
        self._told = mono
        if changed.modules != run.modules:
            changed = replace(changed, warnings=(*changed.warnings, *self._others(run.modules, changed.modules)))
        news = (changed.state, len(changed.stages), changed.number) != (run.state, len(run.stages), run.number)
        self.open = with_run(self.open, changed)
        if news or self._clock.monotonic() - self._noted > NOTE:
            self._note()
        self._said(changed)

    def _others(self, before: tuple[RunModule, ...], now: tuple[RunModule, ...]) -> Iterator[Failure]:
        """Modules that are others than was thought: said at once, the run may be about the wrong one."""
        for old, new in zip(before, now, strict=True):
            expected = self._fuse_ids.get(new.name)
            if expected and new.fuse_id != old.fuse_id and is_another(expected, new.fuse_id):
                yield failure(
                    "fuse_mismatch", more=f"{new.name} is {expected} in the stand file, and says {new.fuse_id}"
                )

    def _watch(self) -> None:
        """Time limits and needs."""
        now = self._clock.monotonic()
        if now - self._heard > self._recipe.idle:
            self.end("hang")
        elif now - self._began > self._recipe.total:
            self.end("too_long")
        elif self._tail.size > FLOOD:
            self.end("flood")
        if now - self._judged < min(1.0, self._bridge.period):
            return
        self._judged = now
        for finding in self._findings():
            check = finding.check
            if check.ok is not None:
                self._unknown.pop(check.name, None)
            lost = check.ok is False or (
                check.ok is None and now - self._unknown.setdefault(check.name, now) >= finding.patience
            )
            if lost is (check.name in self._lost) or (check.ok is None and not lost):
                continue
            (self._lost.add if lost else self._lost.discard)(check.name)
            event, text = "need_lost" if lost else "need_met", f"{check.name}: {check.why}".strip(": ")
            self._events.append(RunEvent(self._clock.now(), "bridge", event, text))
            if lost and finding.violated == "abort" and not self.open.ending:
                why = failure("condition_lost", more=text)
                self.open = with_run(self.open, replace(self.run, failure=why))
                self.end("condition_lost")

    def _press(self) -> None:
        """What `end` has begun."""
        if not self.open.ending or self._child is None:
            return
        now = self._clock.monotonic()
        if self._interrupted is None:
            self._interrupted = now
            self._child.interrupt()
        elif now - self._interrupted > self._bridge.stop_wait and not self._killed:
            self._killed = True
            log.warning("run %s does not end by SIGINT within %g s", self.run.id, self._bridge.stop_wait)
            self._child.kill()

    def _ended(self) -> Run:
        """What is known of the end; the verdict comes from the files."""
        if self._tail.skipped:
            more = f"{self._tail.skipped} bytes of {OUTPUT}"
            self.open = with_run(
                self.open, replace(self.run, warnings=(*self.run.warnings, failure("too_large", more=more)))
            )
        story, run, ending = self._story, self.run, self.open.ending
        rc = self._child.rc if self._child is not None else run.rc
        aborted = ending in ("aborted", "condition_lost")
        why = run.failure
        if ending == "aborted":
            why = failure("aborted", more=f"by {self.open.ended_by}" if self.open.ended_by else "")
        elif ending and why is None:
            why = failure(ending)
        elif self._child is None and not (story.stopped and (story.closed or run.tracker == "IT")):
            why = failure("bridge_restart")
        done = replace(
            run,
            state="aborted" if aborted else "finalizing",
            end=run.end or (self._clock.now() if self._child is not None else story.last or self._clock.now()),
            rc=rc,
            failure=why,
            log=story.counts(),
            events=(*self._events, *run.events),
        )
        self.open = with_run(self.open, done)
        self._note()
        return done

    def broken(self, why: Failure) -> Run:
        """The bridge itself has failed: the program is ended, and the run with it."""
        if self._child is not None:
            self._child.kill()
        self.open = with_run(self.open, replace(self.run, state="finalizing", end=self._clock.now(), failure=why))
        return self.run

    def log_events(self) -> list[RunEvent]:
        """Errors and warnings that the program has said, in UTC."""
        return list(self._story.events)

    def _note(self) -> None:
        self._noted = self._clock.monotonic()
        self.open = replace(self.open, stamps=tuple(self._tail.stamps))
        try:
            self._work.note(self.open)
            self.fault = None
        except OSError as e:
            full = e.errno in (errno.ENOSPC, errno.EDQUOT)
            self.fault = f"the work folder cannot be written: {failure('disk_full').text if full else e}"
            log.warning("run %s: %s", self.run.id, self.fault)
