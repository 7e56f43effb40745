"""What is to be heard of each stand file, and what its data folder holds, as far as this computer sees it."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from trackerdcs.app.health_view import HealthView
from trackerdcs.domain.errors import StoreFault, TrackerError
from trackerdcs.domain.gaps import Account
from trackerdcs.domain.health import Missing, PlaceHealth
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import ALARMS, GUARD, LOADER, RECORDER, SITE
from trackerdcs.ports import Bus, Clock
from trackerdcs.services.client import rows_in
from trackerdcs.services.dead_letters import SUFFIX as LETTERS
from trackerdcs.services.gap_records import accounts_of

JOURNAL = ".journal.sqlite"
DAY = 24 * 3600 * 10**9


class DataFolders:
    """app.health_view.Places of some stands."""

    def __init__(self, stands: Sequence[Stand], clock: Clock) -> None:
        self._stands, self._clock = {s.stand: s for s in stands}, clock

    def look(self, stand: str) -> PlaceHealth:
        """What is there now."""
        folder, why = Path(self._stands[stand].data), list[str]()
        if not folder.is_dir():
            return PlaceHealth(stand, why=("its data folder is on another computer",))
        try:
            disk = shutil.disk_usage(folder)
        except OSError as e:
            return PlaceHealth(stand, why=(f"its data folder cannot be seen: {e.strerror}",))
        journals, letters = _counts(folder, JOURNAL, "frames", why), _counts(folder, LETTERS, "letters", why)
        gaps: tuple[Missing, ...] = ()
        try:
            now = self._clock.now()
            gaps = _missing(accounts_of(folder, stand, None, now - DAY, now))
        except TrackerError as e:
            why.append(f"gaps: {_clean(e, folder)}")
        return PlaceHealth(stand, disk.free, disk.total, journals, letters, gaps, tuple(why))


def health_of(stands: Sequence[Stand], buses: Mapping[str, Bus], clock: Clock) -> HealthView:
    """The use case for these stands."""
    expected = {s.stand: _expected(s) for s in stands} | {SITE: {LOADER: "loader", RECORDER: "recorder"}}
    return HealthView(buses, expected, DataFolders(stands, clock), clock)


def _expected(stand: Stand) -> dict[str, str]:
    there = {name: config.driver for name, config in stand.devices.items()}
    there |= dict.fromkeys(stand.calibrations, "bridge")
    if stand.interlocks:
        there[GUARD] = "guard"
    if stand.alarms:
        there[ALARMS] = "alarm service"
    return there


def _counts(folder: Path, suffix: str, table: str, why: list[str]) -> dict[str, int]:
    found = {}
    for path in sorted(folder.glob(f"*{suffix}")):
        name = path.name.removesuffix(suffix)
        try:
            found[name] = rows_in(path, table)
        except StoreFault as e:
            why.append(f"{name}: {_clean(e, folder)}")
    return found


def _missing(accounts: Sequence[Account]) -> tuple[Missing, ...]:
    """By device, over all its boots."""
    found: dict[str, list[int]] = {}
    for account in accounts:
        sums = found.setdefault(account.device, [0, 0, 0, 0])
        for place, fates in enumerate((("missing",), ("lost", "dropped"), ("parked",), ("on its way",))):
            sums[place] += account.frames(*fates)  # type: ignore[arg-type]
    return tuple(Missing(device, *sums) for device, sums in sorted(found.items()))


def _clean(error: Exception, folder: Path) -> str:
    """Without the path, which is nobody's business."""
    return str(error).replace(f"{folder}/", "").replace(str(folder), "the data folder")
