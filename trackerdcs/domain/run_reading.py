"""What a reader of a run's files hands over."""

from dataclasses import dataclass

from trackerdcs.domain.run import Failure, Run
from trackerdcs.domain.run_results import Result
from trackerdcs.domain.series import Point


@dataclass(frozen=True)
class ReadRun:
    """The record, the results, the points for the time series; `quarantine` says why the folder is no whole run."""

    run: Run
    results: tuple[Result, ...] = ()
    points: tuple[Point, ...] = ()
    quarantine: Failure | None = None
