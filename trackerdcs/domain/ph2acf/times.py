"""How local times of Ph2_ACF become UTC: by the clock of the bridge or of the monitor, by what a person says, or by a
guess that is marked as one."""

from dataclasses import dataclass

from trackerdcs.domain.ph2acf.contents import Contents
from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.ph2acf.story import S, naive_ns
from trackerdcs.domain.run import Failure, Run, Zone

QUARTER = 900
"""Zones differ by quarters of an hour."""
FAR = 5.0
"""Seconds by which two clocks may disagree before it is said."""


@dataclass(frozen=True)
class Times:
    """The window of a run in ns UTC, the zone that it was found with, and what was odd about that."""

    zone: Zone | None
    start: int | None
    started: int | None
    end: int | None
    local_start: str
    local_stop: str
    warnings: tuple[Failure, ...]


def times_of(run: Run, contents: Contents) -> Times:
    """The times of a run: those that the bridge has seen stay."""
    story = contents.story
    texts = next((root for root in contents.roots.values() if root.text("start")), None)
    local_start, local_stop = (texts.text("start"), texts.text("stop")) if texts else ("", "")
    first = story.first if story and story.first is not None else naive_ns(local_start)
    last = story.last if story and story.last is not None else naive_ns(local_stop)
    begun = naive_ns(local_start) or (story.started if story else None)
    monitored = _monitored(contents)
    zone, warnings = _zone(run, contents, first, last, begun, monitored)
    offset = zone.offset * S if zone else 0
    start, started, end = (None if t is None else t - offset for t in (first, begun, last))
    if start is None and monitored is not None:
        start, end = (int(t * S) for t in monitored)
    if start is None:
        start = end = contents.newest  # nothing in the files says when: what the file system says is better than never
    return Times(
        zone,
        run.start if run.start is not None else start,
        run.started if run.started is not None else started,
        run.end if run.end is not None else end,
        local_start,
        local_stop,
        warnings,
    )


def _zone(
    run: Run,
    contents: Contents,
    first: int | None,
    last: int | None,
    begun: int | None,
    monitored: tuple[float, float] | None,
) -> tuple[Zone | None, tuple[Failure, ...]]:
    if first is None or last is None:
        return None, ()
    if run.origin == "bridge" and run.started is not None and begun is not None:
        apart = (begun - run.started) / S
        offset = round(apart / QUARTER) * QUARTER
        zone = Zone(offset, "bridge", round(apart - offset, 3))
    elif monitored is not None:
        # The monitor runs within the log: by a whole number of quarters of an hour, and hardly outside of it.
        offset = round((first / S - monitored[0]) / QUARTER) * QUARTER
        outside = max(first / S - offset - monitored[0], monitored[1] - (last / S - offset), 0.0)
        zone = Zone(offset, "monitor", round(outside, 3))
    elif contents.given is not None:
        zone = Zone(contents.given, "given")
    else:
        return Zone(contents.assumed, "assumed"), (failure("clock_assumed", more=_east(contents.assumed)),)
    warnings = []
    if contents.given is not None and contents.given != zone.offset:
        warnings.append(failure("clock_zone", more=f"{_east(zone.offset)}, not {_east(contents.given)}"))
    if abs(zone.difference or 0.0) > FAR:
        warnings.append(failure("clock_off", more=f"by {zone.difference:g} s"))
    return zone, tuple(warnings)


def _monitored(contents: Contents) -> tuple[float, float] | None:
    """From when to when the monitor has written, in s UTC."""
    times = [graph.times for content in contents.monitors.values() for graph in content.graphs if graph.times]
    return (min(t[0] for t in times), max(t[-1] for t in times)) if times else None


def _east(offset: int) -> str:
    sign = "-" if offset < 0 else "+"
    return f"UTC{sign}{abs(offset) // 3600:02d}:{abs(offset) % 3600 // 60:02d}"
