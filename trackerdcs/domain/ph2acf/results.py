"""Results of a run from what its files hold: each chip's numbers with their bad channels and statistics."""

import statistics
from collections.abc import Iterable, Iterator

from trackerdcs.domain.ph2acf.contents import Contents, Graph
from trackerdcs.domain.ph2acf.layout import Place
from trackerdcs.domain.run import ChipSummary, Run, RunModule
from trackerdcs.domain.run_results import Bad, Result, Values, stats_of
from trackerdcs.domain.series import Point

S = 1_000_000_000
MEASUREMENT = "ph2acf"
LOOKED_AT = 5
"""Points behind the first one of a graph that say whether it is garbage."""
Chip = tuple[int, int, int, int]


def results_of(run: Run, contents: Contents, start: int | None, version: int) -> list[Result]:
    """One result for each place and kind."""
    modules = {(m.board, m.optical_group): m.name for m in run.modules}

    def result(place: Place, kind: str, chip_type: str, **fields: object) -> Result:
        board, group = place.board or 0, place.optical_group
        module = modules.get((board, group if group is not None else -1), "")
        where = {"board": board, "optical_group": group, "hybrid": place.hybrid, "chip": place.chip}
        known = {"module": module, "version": version, "start": start, "chip_type": chip_type}
        return Result(run.id, kind, **where, **known, **fields)  # type: ignore[arg-type]

    forced = _forced(contents)
    found = []
    for name, root in contents.roots.items():
        for each in root.found:
            bad = _bad(each.values, forced.get(_chip(each.place), {}))
            skip = [b.channel for b in bad]
            stats = {n: s for n, v in each.values.items() if (s := stats_of(v, skip)) is not None}
            fields = {"values": each.values, "numbers": each.numbers, "bad": bad, "stats": stats}
            found.append(result(each.place, each.kind, each.chip_type, **fields, blobs=tuple(each.blobs), source=name))
    for trims in contents.trims:
        place = Place("", trims.board, trims.optical_group, trims.hybrid, trims.chip)
        stats = {"trim": s} if (s := stats_of(trims.trim)) else {}
        fields = {"values": {"trim": trims.trim}, "numbers": trims.registers, "stats": stats}
        found.append(result(place, "trim", trims.chip_type, **fields, source="registers"))
    for name, monitor in contents.monitors.items():
        places: dict[Place, list[Graph]] = {}
        for graph in monitor.graphs:
            p = graph.place
            key = Place("", p.board, p.optical_group, p.hybrid, p.chip, p.chip_type)
            places.setdefault(key, []).append(graph)
        for place, graphs in places.items():
            values: dict[str, Values] = {}
            odd: list[Bad] = []
            stats = {}
            for graph in graphs:
                values |= {graph.register: graph.values, f"{graph.register}_t": graph.times}
                garbage = first_is_garbage(graph.values)
                if garbage:
                    odd.append(Bad(0, f"first_point {graph.register}"))
                if s := stats_of(graph.values, [0] if garbage else []):
                    stats[graph.register] = s
            kind = place.chip_type or "LpGBT"
            found.append(result(place, "monitor", kind, values=values, bad=tuple(odd), stats=stats, source=name))
    return found


def points_of_monitor(run: Run, contents: Contents) -> Iterator[Point]:
    """The graphs as points of measurement `ph2acf`. A garbage first point is left out; the result has it, marked."""
    modules = {(m.board, m.optical_group): m.name for m in run.modules}
    for monitor in contents.monitors.values():
        for graph in monitor.graphs:
            p = graph.place
            tags = [("stand", run.stand or MEASUREMENT), ("device", run.device or MEASUREMENT)]
            tags += [("channel", channel_of(p)), ("run", run.id)]
            if module := modules.get((p.board or 0, p.optical_group or 0)):
                tags.append(("module", module))
            quantity, skip = quantity_of(graph.register), int(first_is_garbage(graph.values))
            for t, value in list(zip(graph.times, graph.values, strict=True))[skip:]:
                if value is not None:
                    yield Point(MEASUREMENT, tuple(tags), round(t * 1000) * 1_000_000, {quantity: value})


def channel_of(place: Place) -> str:
    """A chip's name on the slow-control side: `b0-o0-h1-mpa8`, `b0-o0` for what belongs to the whole module."""
    numbers = (("b", place.board), ("o", place.optical_group), ("h", place.hybrid))
    parts = [f"{letter}{number}" for letter, number in numbers if number is not None]
    if place.chip is not None:
        parts.append(f"{place.chip_type.lower() or 'chip'}{place.chip}")
    return "-".join(parts) or "-"


def quantity_of(register: str) -> str:
    """A register's name as a quantity: small letters, and a letter first."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in register.lower())[:31]
    return name if name[:1].isalpha() else f"r{name}"[:32]


def first_is_garbage(values: Values) -> bool:
    """Whether the first point of a graph is no measurement: the converter has not settled when the monitor starts."""
    first, after = values[0] if values else None, [v for v in values[1 : LOOKED_AT + 1] if v is not None]
    if first is None or len(after) < 3:
        return False
    middle = statistics.median(after)
    return abs(first - middle) > max(3 * (max(after) - min(after)), 0.02 * abs(middle))


def summary_of(contents: Contents, results: Iterable[Result], measured: bool) -> tuple[ChipSummary, ...]:
    """A line for each chip, from its histograms; where there are none, from what the program wrote into its copy of
    the configuration, if this run has `measured` a noise: the copy may carry those of an older run."""
    lines: dict[Chip, ChipSummary] = {}
    for c in contents.config.chips if contents.config and measured else ():
        if c.noise is not None or c.pedestal is not None:
            where = (c.board, c.optical_group, c.hybrid, c.chip)
            lines[where] = ChipSummary(*where, c.chip_type, c.noise, None, c.pedestal)
    for r in results:
        if r.kind not in ("pedenoise", "map") or r.chip is None or r.hybrid is None or r.optical_group is None:
            continue
        where = (r.board, r.optical_group, r.hybrid, r.chip)
        noise, pedestal, numbers = r.stats.get("noise"), r.stats.get("pedestal"), r.numbers
        old = lines.get(where)
        if noise or "noise" in r.values:
            mean, rms = (noise.mean, noise.rms) if noise else (None, None)
            level = pedestal.mean if pedestal else old.pedestal if old else None
            lines[where] = ChipSummary(*where, r.chip_type, mean, rms, level, len(r.values["noise"]), len(r.bad))
        elif "Noise2D_mean" in numbers:
            n = int(numbers["Noise2D_n"])
            level = numbers.get("Threshold2D_mean")
            lines[where] = ChipSummary(
                *where, r.chip_type, numbers["Noise2D_mean"], numbers["Noise2D_rms"], level, n, 0
            )
    return tuple(lines[where] for where in sorted(lines))


def named(run: Run, contents: Contents) -> tuple[RunModule, ...]:
    """The modules of a run: what the bridge knows of them, what the configuration says, and their own fuse ids."""
    known = {(m.board, m.optical_group): m for m in run.modules}
    fuses = dict(contents.story.fuse_ids) if contents.story else {}
    for root in contents.roots.values():
        for (name, board, group), text in root.texts.items():
            if name == "fuse_id" and text.isdigit() and int(text):
                fuses.setdefault((board or 0, group or 0), f"{int(text):x}")
    hybrids = {(m.board, m.optical_group): m.hybrids for m in (contents.config.modules if contents.config else ())}
    found = []
    for where in sorted({*known, *hybrids, *fuses}):
        old = known.get(where, RunModule("", "", *where))
        fuse = fuses.get(where, old.fuse_id)
        name = old.name or fuse  # whoever took it by hand has told nobody which module it was
        found.append(RunModule(name, fuse, *where, old.hybrids or hybrids.get(where, ()), old.channels))
    return tuple(found)


def _chip(place: Place) -> Chip:
    return (place.board or 0, place.optical_group or 0, place.hybrid or 0, place.chip if place.chip is not None else -1)


def _forced(contents: Contents) -> dict[Chip, dict[int, str]]:
    """Channels whose number the program says that it has set to zero."""
    forced: dict[Chip, dict[int, str]] = {}
    for s in contents.story.bad if contents.story else ():
        group, hybrid = s.optical_group or 0, s.hybrid or 0
        where = (s.board or 0, group, 2 * group + hybrid if hybrid < 2 else hybrid, s.chip or 0)
        if s.channel is not None:
            forced.setdefault(where, {})[s.channel] = "forced_zero"
    return forced


def _bad(values: dict[str, Values], forced: dict[int, str]) -> tuple[Bad, ...]:
    """Channels without noise: none was found, the program forced it to zero, or it is zero."""
    noise = values.get("noise")
    if noise is None:
        return ()
    found = {i: "no_fit" if v is None else "zero" for i, v in enumerate(noise) if not v} | {
        i: why for i, why in forced.items() if i < len(noise)
    }
    return tuple(Bad(i, found[i]) for i in sorted(found))
