"""The record of a run from all that its files hold, with the verdict on it and on the folder."""

from dataclasses import replace

from trackerdcs.domain.ph2acf.contents import Contents, MonitorContent, RootContent
from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.ph2acf.layout import calibration_of, inner_number, outer_number
from trackerdcs.domain.ph2acf.results import named, points_of_monitor, results_of, summary_of
from trackerdcs.domain.ph2acf.story import TAIL
from trackerdcs.domain.ph2acf.times import Times, times_of
from trackerdcs.domain.ph2acf.verdict import Root, signs_of, verdict
from trackerdcs.domain.run import ChipSummary, Failure, Run, RunEvent
from trackerdcs.domain.run_reading import ReadRun

LOUD = 15.0
"""Mean noise of a chip from which on it cannot have been tuned: its distribution ends at 20."""
WHOLE: Root = "whole"
MOST = 20
"""Files that are named in warnings of one kind."""
KEPT = ("git_tag", "git_hash", "firmware", "user")
_WORST: tuple[Root, ...] = ("not_root", "unreadable", "cut", "unclosed")


def record_of(run: Run, contents: Contents, version: int) -> ReadRun:
    """The whole record. What the bridge knows stays: who, why, when, how the process ended."""
    run = run if run.origin == "bridge" else _untold(run)
    story, config = contents.story, contents.config
    inner = next((found for name in contents.names if (found := inner_number(name))), None)
    state = _root_state(contents)
    stamped = any(root.text("stop") for root in contents.roots.values())
    signs = signs_of(run.rc, story.stopped if story else None, story.closed if story else None, state, stamped)
    times = times_of(run, contents)
    run = replace(run, modules=named(run, contents))
    stages = run.stages or (story.stages(times.zone.offset if times.zone else 0) if story else ())
    names = tuple(stage.name for stage in stages)
    results = results_of(run, contents, times.start, version)
    measured = not names or bool({"PedeNoise", "SCurve"} & set(names))
    summary = summary_of(contents, results, measured)
    cause = story.cause() if story else None
    # A run that the bridge has ended keeps the cause that it saw: a hang, say, is in no file.
    cause = cause or run.failure if run.origin == "bridge" else cause
    is_inner = inner is not None or (config is not None and config.tracker == "IT")
    judged = verdict(
        signs, state, run.rc, cause, _wrong(contents, summary, is_inner), aborted=run.state == "aborted", inner=is_inner
    )
    root = next((root for root in contents.roots.values() if root.text("calibration")), None)
    said = root.text("calibration") if root else inner[1].lower() if inner else calibration_of(names)
    number = (
        story.number if story and story.number is not None else inner[0] if inner else outer_number(contents.folder)
    )
    versions = {name: text for name in KEPT if root and (text := root.text(name))}
    done = replace(
        run,
        state=judged.state,
        calibration=run.calibration or said,
        tracker="IT" if is_inner else "OT",
        flavour=config.flavour if config else run.flavour or _flavour(summary),
        number=run.number if run.number is not None else number,
        sim=run.sim or contents.sim,
        start=times.start,
        started=times.started,
        end=times.end,
        local_start=times.local_start,
        local_stop=times.local_stop,
        zone=times.zone,
        host=run.host or (root.text("host") if root else ""),
        folder=run.folder or contents.folder,
        versions=run.versions | versions,
        config=run.config or contents.config_name,
        config_sha256=run.config_sha256 or contents.config_sha256,
        settings=dict(config.settings) if config else run.settings,
        signs=signs,
        failure=judged.failure,
        warnings=_warnings(run, contents, times),
        progress=replace(run.progress, percent=100.0, left=0.0) if judged.state == "done" else run.progress,
        stages=stages,
        log=story.counts() if story else run.log,
        channels=sum(line.channels for line in summary),
        bad=sum(line.bad for line in summary),
        summary=summary,
        events=run.events or _events(contents, times),
        importer=version,
    )
    points = tuple(points_of_monitor(done, contents))
    return ReadRun(done, tuple(results), points, _quarantine(contents, state, done.failure, is_inner))


def _untold(run: Run) -> Run:
    """A run that was taken by hand, without what an earlier reading has made of its files."""
    empty = Run(run.id, "finalizing", "import")
    kept = ("folder", "host", "stand", "device", "requested_by", "why", "modules", "checks", "conditions", "commands")
    return replace(empty, **{name: getattr(run, name) for name in kept})


def _root_state(contents: Contents) -> Root:
    states: set[Root] = {root.state for root in contents.roots.values()}
    return next((bad for bad in _WORST if bad in states), WHOLE if states else "none")


def _flavour(summary: tuple[ChipSummary, ...]) -> str:
    """The kind of module, by its chips."""
    types = {line.chip_type for line in summary}
    return "PS" if "MPA" in types else "2S" if "CBC" in types else "".join(sorted(types)[:1])


def _wrong(contents: Contents, summary: tuple[ChipSummary, ...], inner: bool) -> Failure | None:
    """What the results show although the program thinks that all is well: chips that were not tuned or are missing."""
    lines = {(s.board, s.optical_group, s.hybrid, s.chip): s for s in summary if s.channels}
    if not lines:
        return None
    chips = contents.config.chips if contents.config else ()
    missing = [c for c in chips if (c.board, c.optical_group, c.hybrid, c.chip) not in lines]
    odd = [f"{c.chip_type} {c.chip} of hybrid {c.hybrid} has no histogram" for c in missing]
    for s in lines.values():
        if s.noise is None or s.bad * 2 > s.channels:
            odd.append(f"{s.chip_type} {s.chip} of hybrid {s.hybrid} has no noise")
        elif s.noise >= LOUD and not inner:
            odd.append(f"{s.chip_type} {s.chip} of hybrid {s.hybrid} has a noise of {s.noise:.3g}")
    more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
    return failure("tuning_failed", more="; ".join(odd[:3]) + more) if odd else None


def _warnings(run: Run, contents: Contents, times: Times) -> tuple[Failure, ...]:
    """What a reader of the record should know; those of an earlier reading are made anew."""
    ours = {
        "clock_zone",
        "clock_off",
        "clock_assumed",
        "canvas_unread",
        "file_unreadable",
        "too_large",
        "duplicate_number",
        "points_refused",
    }
    found = [w for w in run.warnings if w.code not in ours] + list(times.warnings)
    for name, root in contents.roots.items():
        if root.unread:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(root.unread.items()))
            code = "canvas_unread" if "TCanvas" in root.unread else "file_unreadable"
            found.append(failure(code, more=f"{name}: {kinds}"))
    parts: list[tuple[str, RootContent | MonitorContent]] = [*contents.roots.items(), *contents.monitors.items()]
    large = [*contents.large, *(f"{name}: {part.large} objects" for name, part in parts if part.large)]
    for code, names in (("file_unreadable", contents.unread), ("too_large", large)):
        found += [failure(code, more=name) for name in names[:MOST]]
        if len(names) > MOST:
            found.append(failure(code, more=f"and {len(names) - MOST} more"))
    return tuple(found)


def _quarantine(contents: Contents, state: Root, failed: Failure | None, inner: bool) -> Failure | None:
    """Why the folder is no whole run: files that are damaged, or that the others say should be there."""
    for name, root in contents.roots.items():
        if root.state != WHOLE:
            return failure(f"root_{root.state}", more=f"{name}: {root.why}")
    for name, monitor in contents.monitors.items():
        if monitor.state != WHOLE:
            return failure(f"root_{monitor.state}", more=f"{name}: {monitor.why}")
    if contents.config_wrong is not None:
        return contents.config_wrong
    story = contents.story
    if state == "none" and story is not None and story.closed:
        return failure("results_missing")
    if story is None:
        return failure("no_log")
    if contents.config is None and not inner and (story.stopped or state == WHOLE):
        return failure("config_missing")
    return None


def _events(contents: Contents, times: Times) -> tuple[RunEvent, ...]:
    """Errors and warnings of the log, in UTC."""
    offset = (times.zone.offset if times.zone else 0) * 1_000_000_000
    events = contents.story.events if contents.story else []
    return tuple(replace(e, ts=None if e.ts is None else e.ts - offset) for e in events[:TAIL])
