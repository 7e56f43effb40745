"""The record of a run of a calibration, complete by itself: who, why, with what, how it went and what it left behind.

Times are ns UTC; None is unknown. Lists are tuples, so that a record can be shared between threads.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

RunState = Literal["queued", "configuring", "running", "finalizing", "done", "failed", "aborted"]
FileKind = Literal["root", "monitor", "log", "config", "text", "data", "other"]
Origin = Literal["bridge", "import"]
STATES: tuple[RunState, ...] = get_args(RunState)
FINAL_STATES: frozenset[RunState] = frozenset({"done", "failed", "aborted"})
SCHEMA = 1
SIMULATED = "SIMULATED"
"""Name of the file that marks a folder that no hardware has written."""


@dataclass(frozen=True)
class Failure:
    """What is wrong, and what to do: `code` for programs, `text` for a shifter, `line` as the program said it."""

    code: str
    text: str
    line: str = ""


@dataclass(frozen=True)
class Stage:
    """A part of a calibration, from and to when."""

    name: str
    start: int | None = None
    stop: int | None = None


@dataclass(frozen=True)
class Progress:
    """How far a run is: percent, the stage that runs, how many stages of all are done, seconds left if known."""

    percent: float = 0.0
    stage: str = ""
    done: int = 0
    stages: int = 0
    left: float | None = None


@dataclass(frozen=True)
class RunFile:
    """A raw file in the store, by its name inside the run's folder."""

    name: str
    kind: FileKind
    size: int
    sha256: str


@dataclass(frozen=True)
class RunModule:
    """A module that took part: where it is read out, and the slow-control channels (`stand/device/channel`) that feed
    it. `fuse_id` is what the module says itself (hexadecimal), `name` what a person or a binding says."""

    name: str = ""
    fuse_id: str = ""
    board: int = 0
    optical_group: int = 0
    hybrids: tuple[int, ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class LogCounts:
    """Lines of the log by level, failed I2C transactions, and the last lines as they were said."""

    info: int = 0
    warning: int = 0
    error: int = 0
    fatal: int = 0
    debug: int = 0
    other: int = 0
    i2c: int = 0
    tail: tuple[str, ...] = ()


@dataclass(frozen=True)
class Zone:
    """How the program's local times became UTC: seconds east of UTC, from what (`bridge` `monitor` `given` `assumed`),
    and by how many seconds the two clocks then still disagreed."""

    offset: int
    source: Literal["bridge", "monitor", "given", "assumed"]
    difference: float | None = None


@dataclass(frozen=True)
class Signs:
    """The four signs of success; None: nobody can say. `proven` by four, `contradicted` by one that is missing."""

    exit_zero: bool | None = None
    stopped: bool | None = None
    closed: bool | None = None
    stamped: bool | None = None

    @property
    def all(self) -> tuple[bool | None, ...]:
        return self.exit_zero, self.stopped, self.closed, self.stamped

    @property
    def proven(self) -> bool:
        return all(self.all)

    @property
    def contradicted(self) -> bool:
        return False in self.all


@dataclass(frozen=True)
class ChipSummary:
    """A chip in one line."""

    board: int
    optical_group: int
    hybrid: int
    chip: int
    chip_type: str
    noise: float | None = None
    noise_rms: float | None = None
    pedestal: float | None = None
    channels: int = 0
    bad: int = 0


@dataclass(frozen=True)
class Condition:
    """A slow-control quantity over the run: numbers seen, their statistics, and the share of the expected ones."""

    n: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    complete: float | None = None
    gaps: int = 0


@dataclass(frozen=True)
class Check:
    """A condition that was looked at before the run: met, not met, or unknown, and why."""

    name: str
    ok: bool | None
    why: str = ""


@dataclass(frozen=True)
class RunEvent:
    """Something that happened during the run, on the bus or in the log."""

    ts: int | None
    source: str
    event: str
    text: str = ""


@dataclass(frozen=True)
class Run:
    """The record. `number` is the program's own and not unique; `id` is.

    `conditions` are by `stand/device/channel/quantity`; `importer` is the version of the importer that read the results
    (0: none has); `complete` says that all is stored. `heard`: when the bridge said last that the run goes on.
    """

    id: str
    state: RunState
    origin: Origin = "bridge"
    calibration: str = ""
    tracker: str = ""
    flavour: str = ""
    number: int | None = None
    sim: bool = False
    stand: str = ""
    device: str = ""
    requested_by: str = ""
    why: str = ""
    requested: int | None = None
    start: int | None = None
    started: int | None = None
    end: int | None = None
    heard: int | None = None
    local_start: str = ""
    local_stop: str = ""
    zone: Zone | None = None
    host: str = ""
    folder: str = ""
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    config: str = ""
    config_sha256: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    rc: int | None = None
    signs: Signs = field(default_factory=Signs)
    failure: Failure | None = None
    warnings: tuple[Failure, ...] = ()
    progress: Progress = field(default_factory=Progress)
    stages: tuple[Stage, ...] = ()
    log: LogCounts = field(default_factory=LogCounts)
    modules: tuple[RunModule, ...] = ()
    channels: int = 0
    bad: int = 0
    summary: tuple[ChipSummary, ...] = ()
    checks: tuple[Check, ...] = ()
    conditions: dict[str, Condition] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    events: tuple[RunEvent, ...] = ()
    files: tuple[RunFile, ...] = ()
    importer: int = 0
    complete: bool = False
    schema: int = SCHEMA

    @property
    def final(self) -> bool:
        return self.state in FINAL_STATES


@dataclass(frozen=True)
class RunQuery:
    """Which runs; what is None does not matter. `since` and `until` (ns UTC): runs that were on in this window. The
    newest first, at most `limit`."""

    module: str | None = None
    calibration: str | None = None
    states: Collection[RunState] | None = None
    number: int | None = None
    stand: str | None = None
    sim: bool | None = None
    since: int | None = None
    until: int | None = None
    limit: int = 100

    def takes(self, run: Run) -> bool:
        """Whether a run is meant. One that has not begun is in no window; one that has not ended goes on for ever."""
        return (
            (self.module is None or any(m.name == self.module for m in run.modules))
            and (self.calibration is None or run.calibration == self.calibration)
            and (self.states is None or run.state in self.states)
            and (self.number is None or run.number == self.number)
            and (self.stand is None or run.stand == self.stand)
            and (self.sim is None or run.sim == self.sim)
            and (self.until is None or (run.start is not None and run.start < self.until))
            and (self.since is None or (run.start is not None and (run.end is None or run.end > self.since)))
        )


def is_id(text: str) -> bool:
    """Whether this is the id of a run as bridge and importer make them: 32 digits, hexadecimal."""
    return re.fullmatch(r"[0-9a-f]{32}", text) is not None


_NEXT: dict[RunState, frozenset[RunState]] = {
    "queued": frozenset({"configuring", "failed", "aborted"}),
    "configuring": frozenset({"running", "finalizing", "failed", "aborted"}),
    "running": frozenset({"finalizing", "failed", "aborted"}),
    "finalizing": frozenset({"done", "failed", "aborted"}),
}


def may_become(now: RunState, then: RunState) -> bool:
    """Whether a run may go from one state to another; a final state is left for no other."""
    return then in _NEXT.get(now, frozenset())


def may_replace(old: Run | None, new: Run) -> bool:
    """Whether a store takes `new` for `old`: a final record is never changed back to one that is not."""
    return old is None or new.final or not old.final


def brief(run: Run) -> Run:
    """A run as lists show it: without what takes room and is read one run at a time."""
    return replace(
        run,
        settings={},
        environment={},
        files=(),
        summary=(),
        events=(),
        log=replace(run.log, tail=()),
    )


def order(run: Run) -> tuple[bool, int, str]:
    """The order of lists: the newest first, and what has not begun before that."""
    return run.start is not None, -(run.start or 0), run.id
