"""The databases of runs and of the slow control by the stand files, opened when they are first asked for."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.runs_memory import MemoryRuns
from trackerdcs.app.joiner import Joiner
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.gaps import Account
from trackerdcs.domain.join import Measured
from trackerdcs.domain.messages import TEXT
from trackerdcs.domain.stand import RunsConfig, Stand, StoreConfig
from trackerdcs.drivers.registry import tables_of
from trackerdcs.ports import TimeSeries
from trackerdcs.ports_runs import RunStore
from trackerdcs.services.gap_records import accounts_of
from trackerdcs.services.stores import open_runs, open_series

POWER = frozenset({"hv", "lv"})
"""Kinds of devices whose channels feed one module each; what others measure is shared."""

log = logging.getLogger(__name__)


class StandStores:
    """app.joiner.Stores of some stands, which share one store of runs. A secret that is not there yet is looked for
    again at the next call: whoever serves KILL does not wait for databases."""

    def __init__(self, stands: Sequence[Stand], user: str | None = None, gaps: Path | None = None) -> None:
        self._stands, self._user, self._gaps = {s.stand: s for s in stands}, user, gaps
        self._lock = threading.Lock()
        self._runs: RunStore | None = None
        self._series: dict[tuple[StoreConfig, str], TimeSeries] = {}
        self.known = known_of(stands)

    def runs(self) -> RunStore:
        """The one store; ConfigError where the stand files name several."""
        with self._lock:
            if self._runs is None:
                first, *others = self._stands.values()
                if any(_place(each.runs, each.data) != _place(first.runs, first.data) for each in others):
                    names = ", ".join(self._stands)
                    raise ConfigError(f"runs: the stands of one service keep their runs in one store: {names}")
                if first.runs.kind == "sqlite" and not Path(first.data, first.runs.path).exists():
                    return MemoryRuns()  # nobody has stored a run yet, and who reads makes no file
                self._runs = open_runs(first.runs, Path(first.data), self._user, read_only=True)
            return self._runs

    def series(self, stand: str) -> TimeSeries:
        """The one of the stand; of a stand that no file knows, that of the first."""
        found = self._stands.get(stand) or next(iter(self._stands.values()))
        key = (found.store, found.data if found.store.kind == "sqlite" else "")
        with self._lock:
            if key not in self._series:
                self._series[key] = open_series(found.store, Path(found.data), read_only=True)
            return self._series[key]

    def accounts(self, stand: str, since: int) -> list[Account]:
        """From the gap records in the data folder, which is that of the loader where both run on one computer, else in
        the one that was named."""
        if stand not in self._stands:
            return []
        return accounts_of(self._gaps or Path(self._stands[stand].data), stand, None, since, SystemClock().now())

    async def close(self) -> None:
        """Close what was opened."""
        with self._lock:
            series, runs = list(self._series.values()), self._runs
            self._series, self._runs = {}, None
        for each in series:
            await each.close()
        if runs is not None:
            runs.close()


def joiner_of(stores: StandStores) -> Joiner:
    """The use cases over these stores."""
    return Joiner(stores, SystemClock())


def known_of(stands: Sequence[Stand]) -> list[Measured]:
    """All numbers that the devices of some stands measure, as their drivers say."""
    found = []
    for stand in stands:
        for device, config in stand.devices.items():
            try:
                driver = tables_of(config.driver)
            except ConfigError as e:
                log.warning("%s/%s: what it measures is not known: %s", stand.stand, device, e)
                continue
            channels = driver.channels()
            for channel in config.channels or channels:
                found += [
                    Measured(stand.stand, device, channel, name, q.unit, config.period, driver.kind not in POWER)
                    for name, q in (channels[channel].quantities if channel in channels else {}).items()
                    if name != TEXT
                ]
    return found


def _place(config: RunsConfig, data: str) -> tuple[RunsConfig, str]:
    return config, data if config.kind == "sqlite" else ""
