"""Takes the files of a run into the store: raw files first, then results and points, the finished record last.

Everything may be done twice, and a redo after a crash ends the same: until the record says `complete`, a run is not.
"""

import asyncio
import logging
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from trackerdcs.app.run_folders import SPACE, RunFolder, run_id
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.ph2acf.layout import kind_of
from trackerdcs.domain.run import Failure, Run, RunFile, RunModule, RunQuery
from trackerdcs.domain.run_links import BindingQuery, Quarantined
from trackerdcs.domain.run_reading import ReadRun
from trackerdcs.ports import Clock, TimeSeries
from trackerdcs.ports_runs import RunReader, RunStore

log = logging.getLogger(__name__)
S = 1_000_000_000
Outcome = Literal["imported", "known", "quarantined", "failed"]
Read = Callable[[Run, dict[str, Path]], ReadRun]
AT_ONCE = 5000
"""Points a write."""


@dataclass(frozen=True)
class Imported:
    """What became of a folder: the record if there is one, and why it is in quarantine or was not taken at all."""

    folder: str
    outcome: Outcome
    run: Run | None = None
    why: Failure | None = None


class Importer:
    """Imports folders, one after the other or from several threads. `settle`: a folder whose files were written less
    than so many seconds ago may still be written to."""

    def __init__(
        self,
        store: RunStore,
        reader: RunReader,
        clock: Clock,
        series: TimeSeries | None = None,
        host: str = "",
        stand: str = "",
    ) -> None:
        self._store, self._reader, self._clock, self._series = store, reader, clock, series
        self._host, self._stand = host, stand

    def take(self, folder: RunFolder, settle: float = 0.0, read: Read | None = None, module: str = "") -> Imported:
        """Import a folder. Raises StoreDown where the store is away: nothing is wrong with the folder."""
        if not folder.files:
            return self._put_aside(folder, failure("foreign_folder"), None)
        try:
            newest = max(path.stat().st_mtime for path in folder.files.values())
            if self._clock.now() / S - newest < settle:
                return self._put_aside(folder, failure("still_written"), None)
            known = self._store.run(run_id(folder))
            if known is not None and (why := _lesser(known, folder)) is not None:
                return self._put_aside(folder, why, None)
            new = Run(run_id(folder), "finalizing", "import", folder=folder.name, host=self._host, stand=self._stand)
            run = known or new
            if module and len(run.modules) <= 1:
                run = replace(run, modules=(replace((run.modules or (RunModule(),))[0], name=module),))
            files = {name: self._keep(run.id, name, path) for name, path in folder.files.items()}
            if self._is_known(known, run, files):
                left = next((q for q in self._store.quarantined() if q.id == self._quarantine_id(folder)), None)
                if left is not None and left.run == run.id:
                    return Imported(str(folder.folder), "quarantined", known, Failure(left.code, left.text))
                if left is not None:
                    self._store.release(left.id)
                return Imported(str(folder.folder), "known", known)
            return self._analyse(run, folder, read or self._reader.read, folder.files)
        except OSError as e:
            return Imported(str(folder.folder), "failed", None, failure("file_unreadable", more=str(e)))
        except StoreFault as e:
            return Imported(str(folder.folder), "failed", None, Failure("store_fault", str(e)))

    def again(self, run: Run, read: Read | None = None) -> Imported:
        """Analyse a run anew from the raw files in the store, with this version of the importer."""
        try:
            with self.unpacked(run.id) as files:
                return self._analyse(run, RunFolder(Path(run.folder), files), read or self._reader.read, files)
        except StoreFault as e:
            return Imported(run.folder, "failed", None, Failure("store_fault", str(e)))

    @contextmanager
    def unpacked(self, run: str) -> Iterator[dict[str, Path]]:
        """The raw files of a run on disk, for as long as they are looked at."""
        with tempfile.TemporaryDirectory(prefix="trackerdcs-run-") as folder:
            files: dict[str, Path] = {}
            for file in self._store.raw_files(run):
                path = files[file.name] = Path(folder, f"{len(files)}-{file.name.rpartition('/')[2]}")
                with path.open("wb") as out:
                    for piece in self._store.raw(run, file.name):
                        out.write(piece)
            yield files

    def _keep(self, run: str, name: str, path: Path) -> RunFile:
        with path.open("rb") as content:
            return self._store.put_raw(run, name, kind_of(name), content)

    def _is_known(self, known: Run | None, run: Run, files: dict[str, RunFile]) -> bool:
        same = known is not None and known.complete and known.importer == self._reader.version
        return same and known == run and set(files.values()) == set(run.files)

    def _analyse(self, run: Run, folder: RunFolder, read: Read, files: dict[str, Path]) -> Imported:
        try:
            found = read(run, files)
        except StoreFault:
            raise
        except Exception as e:  # one folder that the reader was not made for must not end the import of all others
            log.exception("%s: the importer failed", folder.folder)
            return self._put_fault(run, folder, e)
        refused = asyncio.run(self._write(self._series, found)) if self._series is not None else ()
        record = replace(
            found.run,
            files=tuple(self._store.raw_files(run.id)),
            modules=tuple(self._bound(module, found.run.start) for module in found.run.modules),
            warnings=(*found.run.warnings, *refused, *self._doubts(found.run)),
            complete=True,
        )
        self._store.put_results(record.id, self._reader.version, found.results)
        self._store.put_run(record)  # last: what is not complete is analysed again
        if found.quarantine is not None:
            return self._put_aside(folder, found.quarantine, record)
        self._store.release(self._quarantine_id(folder))
        return Imported(str(folder.folder), "imported", record)

    def _bound(self, module: RunModule, start: int | None) -> RunModule:
        """With the channels that the module was on when the run began, where bindings say so."""
        if module.channels or start is None:
            return module
        found = self._store.bindings(BindingQuery(module=module.name, at=start))
        return replace(module, channels=tuple(f"{b.stand}/{b.device}/{b.channel}" for b in found))

    async def _write(self, series: TimeSeries, found: ReadRun) -> tuple[Failure, ...]:
        refused = []
        for i in range(0, len(found.points), AT_ONCE):
            refused += await series.write(found.points[i : i + AT_ONCE])
        if not refused:
            return ()
        return (failure("points_refused", more=f"{len(refused)} of {len(found.points)}: {refused[0].why}"),)

    def _put_fault(self, run: Run, folder: RunFolder, error: Exception) -> Imported:
        why = failure("importer_fault", more=f"{type(error).__name__}: {error}"[:200])
        state, kept = (run.state, run.failure) if run.final else ("failed", why)
        record = replace(run, state=state, failure=kept, files=tuple(self._store.raw_files(run.id)), complete=False)
        self._store.put_run(record)
        return self._put_aside(folder, why, record)

    def _doubts(self, run: Run) -> Iterator[Failure]:
        """What only a look at other runs shows: another run of this number, a module with another fuse id."""
        if run.number is not None:
            others = self._store.runs(RunQuery(number=run.number, limit=10))
            if any(o.id != run.id and o.host == run.host and o.tracker == run.tracker for o in others):
                yield failure("duplicate_number", more=f"number {run.number}")
        for module in run.modules if not any(w.code == "fuse_mismatch" for w in run.warnings) else ():
            if module.name and module.fuse_id and module.name != module.fuse_id:
                for other in self._store.runs(RunQuery(module=module.name, limit=10)):
                    fuse = next((m.fuse_id for m in other.modules if m.name == module.name), "")
                    if other.id != run.id and fuse and fuse != module.fuse_id:
                        more = f"{module.name} was {fuse} in an earlier run and is {module.fuse_id} now"
                        yield failure("fuse_mismatch", more=more)
                        break

    def _put_aside(self, folder: RunFolder, why: Failure, record: Run | None) -> Imported:
        now, path = self._clock.now(), str(folder.folder.absolute())
        version, run = self._reader.version, record.id if record else None
        entry = Quarantined(self._quarantine_id(folder), self._host, path, why.code, why.text, now, now, run, version)
        self._store.put_quarantined(entry)
        return Imported(str(folder.folder), "quarantined", record, why)

    def _quarantine_id(self, folder: RunFolder) -> str:
        return uuid.uuid5(SPACE, f"{self._host}:{folder.folder.absolute()}:{folder.inner}").hex


def _lesser(known: Run, folder: RunFolder) -> Failure | None:
    """Why a folder must not take the place of what is stored: of a run that is whole, it has half a copy."""
    if not (known.complete and known.state == "done"):
        return None
    for file in known.files:
        path = folder.files.get(file.name)
        if path is not None and path.stat().st_size < file.size:
            return failure("lesser_copy", more=f"{file.name}: {path.stat().st_size} bytes of {file.size}")
    return None
