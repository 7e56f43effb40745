"""How far a run is and how long it still takes: stages weighted by how long they took in past runs."""

from collections.abc import Iterable, Mapping, Sequence

from trackerdcs.domain.ph2acf.layout import STAGES
from trackerdcs.domain.run import Progress, Run, Stage

S = 1_000_000_000
KNOWN: dict[str, float] = {
    "TuneLpGBTVref": 4,
    "OTVTRxLightYieldScan": 1,
    "OTLpGBTEyeOpeningTest": 83,
    "OTalignLpGBTinputs": 12,
    "OTalignBoardDataWord": 1,
    "OTverifyBoardDataWord": 7,
    "OTCICphaseAlignment": 4,
    "OTCICwordAlignment": 1,
    "OTCICBX0Alignment": 3,
    "OTalignStubPackage": 1,
    "OTverifyCICdataWord": 25,
    "OTverifyMPASSAdataWord": 67,
    "OTPSringOscillatorTest": 1,
    "PedestalEqualization": 45,
    "PedeNoise": 22,
}
"""Seconds of each stage in one real run of one PS module, for a start."""
UNKNOWN = 10.0
"""Seconds of a stage that nobody has seen yet."""


def weights_of(runs: Iterable[Run]) -> dict[str, float]:
    """Median seconds of each stage in runs that were done."""
    seen: dict[str, list[float]] = {}
    for run in runs:
        for stage in run.stages if run.state == "done" else ():
            if stage.start is not None and stage.stop is not None:
                seen.setdefault(stage.name, []).append((stage.stop - stage.start) / S)
    return {name: sorted(times)[len(times) // 2] for name, times in seen.items()}


def expected_stages(calibration: str, runs: Iterable[Run] = ()) -> tuple[str, ...]:
    """The stages that a calibration will have: those of the newest run of it that was done, else the known list."""
    for run in runs:
        if run.state == "done" and run.calibration == calibration and run.stages:
            return tuple(stage.name for stage in run.stages)
    return STAGES.get(calibration, ())


def progress_of(
    stages: Sequence[Stage],
    expected: Sequence[str],
    weights: Mapping[str, float],
    now: int,
    said: float | None = None,
) -> Progress:
    """How far a run is at `now` (ns UTC). `said`: the percentage that the program prints itself, of its stage.

    Never 100 before the end is seen: a stage that takes longer than ever before stays at its last tenth.
    """
    started = {stage.name: stage for stage in stages}
    names = [*expected, *(name for name in started if name not in expected)]
    if not names:
        return Progress(percent=min(said or 0.0, 99.0))
    seconds = {name: max(weights.get(name, KNOWN.get(name, UNKNOWN)), 0.5) for name in names}
    last = max((names.index(stage.name) for stage in stages), default=-1)
    whole, gone, current = sum(seconds.values()), 0.0, ""
    done = 0
    for i, name in enumerate(names):
        stage = started.get(name)
        if (stage is None and i < last) or (stage is not None and stage.stop is not None):
            gone, done = gone + seconds[name], done + 1  # a stage before the last one that says nothing is over
        elif stage is not None and stage.start is not None:
            current = name
            part = said / 100 if said is not None else max(now - stage.start, 0) / S / seconds[name]
            gone += seconds[name] * min(part, 0.9 if said is None else 1.0)
    percent = min(100 * gone / whole, 99.0)
    return Progress(round(percent, 1), current, done, len(names), round(whole - gone, 1))
