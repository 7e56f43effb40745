"""Is everything well? What is known of each part, and what a person has to look at."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Level = Literal["well", "watch", "fault"]
LEVELS: tuple[Level, ...] = ("fault", "watch", "well")
"""The worst first."""
CLOCK_S = 5.0
"""Seconds that a clock may differ before a person should look at it."""
LAG_S = 30.0
"""Seconds that the database may be behind: replays take as long."""
GIB = 1 << 30


@dataclass(frozen=True)
class PartHealth:
    """A device or service as it was heard; ages in s. `ahead`: its clock against the server's, at the last frame."""

    stand: str
    name: str
    role: str
    state: str
    version: str | None = None
    error: str | None = None
    since: int | None = None
    said: float | None = None
    values: float | None = None
    period: float | None = None
    ahead: float | None = None
    bad: tuple[str, ...] = ()
    measures: bool = False
    sim: bool = False

    @property
    def findings(self) -> tuple[tuple[Level, str], ...]:
        """What is not well."""
        found: list[tuple[Level, str]] = []
        if self.state == "unknown":
            found.append(("fault", "has never been heard"))
        elif self.state == "offline":
            found.append(("fault", f"offline: {self.error or 'nobody knows why'}"))
        elif self.state == "silent":
            found.append(("fault", f"no word for {self.said or 0:.0f} s: it has gone, or hangs"))
        elif self.state == "fault":
            found.append(("fault", self.error or "it says that it has a fault"))
        elif self.error:
            found.append(("watch", self.error))
        if self.measures and self.state in ("online", "fault", "silent"):
            if self.values is None:
                found.append(("watch", "no values yet"))
            elif self.values > 3 * (self.period or 1.0):
                found.append(("fault", f"no new values for {self.values:.0f} s"))
        if self.bad and self.state != "fault":  # which says why already
            more = f" and {len(self.bad) - 1} more" if len(self.bad) > 1 else ""
            found.append(("watch", f"cannot be read: {self.bad[0]}{more}"))
        if self.ahead is not None and abs(self.ahead) > CLOCK_S:
            text = "ahead of" if self.ahead > 0 else "behind"
            found.append(("watch", f"its clock is {abs(self.ahead):.1f} s {text} the server's"))
        return tuple(found)


@dataclass(frozen=True)
class SourceHealth:
    """What a loader has stored of one source; `lag` in s, `doubt` why it says nothing."""

    source: str
    stored: float
    lag: float | None
    doubt: str | None = None


@dataclass(frozen=True)
class LoaderHealth:
    """The figures of a loader, counted since its start; None where it does not say them now."""

    name: str
    received: float | None = None
    stored: float | None = None
    parked: float | None = None
    waiting: float | None = None
    spool_bytes: float | None = None
    spool_age: float | None = None
    lag: float | None = None
    sources: tuple[SourceHealth, ...] = ()
    fresh: bool | None = True
    """False: they are old; None: it has not said any yet."""

    @property
    def findings(self) -> tuple[tuple[Level, str], ...]:
        """What is not well."""
        if not self.fresh:
            return (("watch", "no figures yet") if self.fresh is None else ("fault", "its figures are old"),)
        found: list[tuple[Level, str]] = []
        if self.lag is None:
            found.append(("watch", "nothing stored yet"))
        elif self.lag > LAG_S:
            found.append(("fault", f"the newest value in the database is {self.lag:.0f} s old"))
        if (self.spool_age or 0) > LAG_S:
            found.append(("fault", f"{self.waiting:.0f} messages wait for the database, for {self.spool_age:.0f} s"))
        if self.parked:
            found.append(("watch", f"{self.parked:.0f} messages could not be stored since its start"))
        return tuple(found)


@dataclass(frozen=True)
class Missing:
    """Frames of a device of the last day that are not in the database."""

    device: str
    missing: int
    lost: int
    parked: int
    underway: int


@dataclass(frozen=True)
class PlaceHealth:
    """What is in the data folder of a stand, where the server sees it; `why` it does not. Sizes in bytes."""

    stand: str
    free: int | None = None
    total: int | None = None
    journals: dict[str, int] = field(default_factory=dict)
    """Device -> frames that are not confirmed to be in the database."""
    letters: dict[str, int] = field(default_factory=dict)
    """Loader -> messages in its dead letters."""
    gaps: tuple[Missing, ...] = ()
    why: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[tuple[Level, str], ...]:
        """What is not well."""
        found: list[tuple[Level, str]] = []
        if self.free is not None and self.total:
            level = _room(self.free, self.total)
            if level != "well":
                found.append((level, f"{self.free / GIB:.1f} GiB free of {self.total / GIB:.0f} GiB on the disk"))
        found += [
            ("watch", f"{n} frames of {device} wait in its journal") for device, n in self.journals.items() if n > 300
        ]
        found += [("watch", f"{n} dead letters of {loader}") for loader, n in self.letters.items() if n]
        for gap in self.gaps:
            if gap.missing or gap.lost:
                found.append(("watch", f"{gap.device}: {gap.missing} frames missing, {gap.lost} lost in 24 h"))
        return tuple(found)


def worst(findings: Iterable[tuple[Level, str]]) -> Level:
    """The level of a part with these findings."""
    there = {level for level, _ in findings}
    return next((level for level in LEVELS if level in there), "well")


def _room(free: int, total: int) -> Level:
    if free < GIB or free < 0.02 * total:
        return "fault"
    return "watch" if free < 5 * GIB or free < 0.1 * total else "well"
