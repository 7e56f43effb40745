"""Imports folders of runs on all cores: processes read the files, threads of this one keep what they have read."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Self, TypeVar

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.ph2acf_folder import Ph2acfReader
from trackerdcs.app.importer import Imported, Importer, Read
from trackerdcs.app.run_folders import RunFolder, find_runs
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.run import Run, RunQuery
from trackerdcs.domain.run_links import Quarantined
from trackerdcs.domain.run_reading import ReadRun
from trackerdcs.domain.stand import Stand
from trackerdcs.ports_runs import RunStore
from trackerdcs.services.stores import open_runs, open_series

ACCOUNT = "importer"
SETTLE = 10.0
"""Seconds for which no file of a folder may have changed before it is taken."""
ALL = 10**9
T = TypeVar("T")


class Importing:
    """An importer with its stores and its processes. Used as a context; `jobs` processes read at once."""

    def __init__(self, stand: Stand, name: str = "", zone: str | None = None, jobs: int | None = None) -> None:
        self._stand, self._name, self._zone = stand, name, zone
        self._jobs = jobs or len(os.sched_getaffinity(0))
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        data = Path(self._stand.data)
        self.store: RunStore = open_runs(self._stand.runs, data, ACCOUNT)
        series = open_series(self._stand.store, data)
        self._ends.callback(self.store.close)
        self._ends.callback(lambda: asyncio.run(series.close()))
        reader, host = Ph2acfReader(self._zone), socket.gethostname()
        self._importer = Importer(self.store, reader, SystemClock(), series, host, self._name)
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def folders(self, paths: Iterable[Path]) -> list[RunFolder]:
        """The runs under these folders."""
        return [found for path in paths for found in find_runs(path)]

    def take(self, folders: list[RunFolder], module: str = "", settle: float = SETTLE) -> Iterator[Imported]:
        """Import them, in the order in which they are done."""
        yield from self._each(folders, lambda folder, read: self._importer.take(folder, settle, read, module))

    def old(self, everything: bool = False) -> list[Run]:
        """Runs whose results an older importer has made, or all."""
        return [
            run for run in self.store.runs(RunQuery(limit=ALL)) if everything or run.importer < Ph2acfReader.version
        ]

    def again(self, runs: list[Run]) -> Iterator[Imported]:
        """Analyse runs anew from their stored files, in the order in which they are done."""

        def one(run: Run, read: Read) -> Imported:
            return self._importer.again(self.store.run(run.id) or run, read)

        yield from self._each(runs, one)

    def quarantined(self) -> list[Quarantined]:
        """Folders that wait to be mended."""
        return self.store.quarantined()

    def _each(self, items: list[T], work: Callable[[T, Read], Imported]) -> Iterator[Imported]:
        """At most two items a process are under way: what they hold is what memory is needed for."""
        jobs = min(self._jobs, len(items))
        with _reading(self._zone, jobs) as read, ThreadPoolExecutor(max(jobs + 1, 1)) as threads:
            running: set[Future[Imported]] = set()
            for item in items:
                if len(running) >= 2 * jobs:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (each.result() for each in done)
                running.add(threads.submit(work, item, read))
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (each.result() for each in done)


@contextmanager
def _reading(zone: str | None, jobs: int) -> Iterator[Read]:
    """What reads the files of a run: processes, where there is more than one run to read."""
    if jobs < 2:
        yield Ph2acfReader(zone).read
        return
    # Not forked: this process has threads, and a fork of one may wait for ever for a lock of another.
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:

        def read(run: Run, files: dict[str, Path]) -> ReadRun:
            try:
                return pool.submit(_read, zone, run, files).result()
            except BrokenProcessPool as e:
                raise StoreFault(
                    f"{run.folder}: a process that read was killed: too little memory? Try --jobs 1"
                ) from e

        yield read


def _read(zone: str | None, run: Run, files: dict[str, Path]) -> ReadRun:
    return Ph2acfReader(zone).read(run, files)
