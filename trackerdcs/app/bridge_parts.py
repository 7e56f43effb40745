"""What the runs of a bridge are made with."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trackerdcs.app.run_keeper import RunKeeper, StoreQueue
from trackerdcs.app.run_lease import RunLease
from trackerdcs.app.run_scene import Scene
from trackerdcs.app.run_speaker import RunSpeaker
from trackerdcs.app.run_work import Work
from trackerdcs.domain.run import Condition, Run
from trackerdcs.ports_runs import Programs, RunStore


@dataclass(frozen=True)
class Parts:
    """What the runs of a bridge need: `imported(run)` brings its folder into the store and returns the final record,
    `conditions(run, channels)` looks at the slow control in its window. `space` sets simulated boards apart from real
    ones of the same name, and from those of other stands. `fuse_ids`: what the modules of the
    stand should say of themselves, by name."""

    work: Work
    programs: Programs
    store: RunStore
    queue: StoreQueue
    keeper: RunKeeper
    scene: Scene
    speaker: RunSpeaker
    lease: RunLease
    imported: Callable[[Run], Run]
    conditions: Callable[[Run, tuple[tuple[str, ...], ...]], "asyncio.Future[dict[str, Condition]]"]
    space: str = ""
    fuse_ids: Mapping[str, str] = field(default_factory=dict)
