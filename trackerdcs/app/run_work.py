"""The folder in which a bridge works: a folder for each run, and beside them what a restart has to know of it."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trackerdcs.domain.ph2acf.layout import MARKER
from trackerdcs.domain.plain import plain, rebuilt
from trackerdcs.domain.run import Run, is_id
from trackerdcs.ports_runs import Born

OUTPUT = "stdout.log"
"""All that a program has said."""
NUMBERS = ("RunNumbers.dat", "RunNumber.txt")
"""In which the programs count, in the folder that they run in: handed on from run to run."""
TOLD = ("calibration", "stand", "device", "requested_by")
"""Of a run, in its folder beside its id."""
PIECE = 1 << 20
LAST = 16 * PIECE
"""Bytes of output that are listened to when a program has ended."""
FLOOD = 1 << 30
"""Bytes of output that no calibration has: before it has filled the disk, a program is ended."""
MOST = 4 * PIECE
"""Bytes of output a look: a program that floods must not keep its bridge from everything else, an abort say."""


@dataclass(frozen=True)
class OpenRun:
    """A run that is not in its final state, in the store and everywhere else. `channels` are (device, channel);
    `ending`: why it is being ended (a code of `failures`), and by whom."""

    run: Run
    folder: str
    born: Born | None = None
    channels: tuple[tuple[str, ...], ...] = ()
    lease: bool = False
    ending: str = ""
    ended_by: str = ""
    stamps: tuple[tuple[int, ...], ...] = field(default=())
    """When which part of the output was heard: (bytes of it, ns UTC)."""


class Work:
    """The work folder of one bridge. All methods block and raise OSError."""

    def __init__(self, root: Path) -> None:
        self.root, self._open = root, root / "open"

    def make(self, run: Run, config: str, content: bytes) -> Path:
        """A folder for a run, with its configuration and its id."""
        stamp = datetime.fromtimestamp((run.requested or 0) / 1e9, UTC).strftime("%Y%m%d-%H%M%S")
        folder = self.root / f"{stamp}-{run.calibration}-{run.id[:8]}"
        folder.mkdir(parents=True)
        (folder / config).write_bytes(content)
        (folder / MARKER).write_text(json.dumps({"id": run.id} | {n: getattr(run, n) for n in TOLD}), encoding="utf-8")
        for name in NUMBERS:
            with suppress(FileNotFoundError):
                (folder / name).write_bytes((self.root / name).read_bytes())
        return folder

    def note(self, run: OpenRun) -> None:
        """Remember it over a restart."""
        self._open.mkdir(parents=True, exist_ok=True)
        path = self._open / f"{run.run.id}.json"
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(plain(run), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)

    def opened(self) -> Iterator[OpenRun]:
        """What earlier starts have left, but for what is damaged."""
        for path in sorted(self._open.glob("*.json")):
            if (opened := _read(path)) is not None:
                yield opened

    def damaged(self) -> Iterator[Run]:
        """The runs whose notes cannot be read, with what their folders still say; the notes are kept aside."""
        for path in sorted(self._open.glob("*.json")):
            if _read(path) is not None:
                continue
            aside = path.with_suffix(".damaged")
            if is_id(path.stem):
                aside.write_bytes(path.read_bytes())  # the note stays until a better one is in its place
                yield self._remains(path.stem)
            else:
                path.replace(aside)

    def _remains(self, id: str) -> Run:
        found: dict[str, str] = {}
        for marker in self.root.glob(f"*-{id[:8]}/{MARKER}"):
            with suppress(OSError, ValueError, TypeError):
                said = json.loads(marker.read_bytes())
                if said["id"] == id:
                    known = {name: str(said[name]) for name in TOLD if name in said}
                    found = known | {"folder": str(marker.parent)}
        return Run(id, "finalizing", **found)  # type: ignore[arg-type]

    def close(self, run: OpenRun) -> None:
        """It has come to its end."""
        (self._open / f"{run.run.id}.json").unlink(missing_ok=True)

    def count(self, folder: Path) -> None:
        """The next run counts on from this one."""
        for name in NUMBERS:
            with suppress(FileNotFoundError):
                content = (folder / name).read_bytes()
                new = (self.root / name).with_suffix(".new")
                new.write_bytes(content)
                new.replace(self.root / name)


def _read(path: Path) -> OpenRun | None:
    """None for what is no note."""
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        opened = rebuilt(OpenRun, data)
        return opened if opened.run.id == path.stem else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    except FileNotFoundError:  # closed meanwhile
        return None


class Tail:
    """What a program has said since the last look, line by line, with the time at which each line was heard."""

    def __init__(self, path: Path, stamps: tuple[tuple[int, ...], ...] = ()) -> None:
        self._path, self._earlier = path, list(stamps)
        self._offset, self._rest = 0, b""
        self.skipped = 0
        """Bytes that nobody has listened to: too much was said at the end."""
        self.stamps: list[tuple[int, int]] = [(at, ts) for at, ts in stamps]

    def lines(self, now: int, end: bool = False) -> list[tuple[str, int]]:
        """Whole lines, at the end also a last one without its end; what an earlier start has heard keeps its time."""
        found: list[tuple[str, int]] = []
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._offset)
            left = os.fstat(file.fileno()).st_size - self._offset  # what comes meanwhile is for the next look
            if end and left > LAST:
                self.skipped += left - LAST
                self._offset, self._rest, left = self._offset + left - LAST, b"", LAST
                file.seek(self._offset)
            left = left if end else min(left, MOST)
            while left > 0 and (piece := file.read(min(self._length(), left))):
                self._offset += len(piece)
                left -= len(piece)
                ts = self._time(now)
                *whole, self._rest = (self._rest + piece).split(b"\n")
                found += [(line.decode(errors="replace"), ts) for line in whole]
                self._rest = self._rest[-PIECE:]
        if end and self._rest:
            found.append((self._rest.decode(errors="replace"), now))
            self._rest = b""
        return found

    @property
    def size(self) -> int:
        """Bytes that the program has said."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _length(self) -> int:
        while self._earlier and self._earlier[0][0] <= self._offset:  # of what was skipped
            self._earlier.pop(0)
        return self._earlier[0][0] - self._offset if self._earlier else PIECE

    def _time(self, now: int) -> int:
        if self._earlier:
            at, ts = self._earlier[0]
            if self._offset >= at:
                self._earlier.pop(0)
            return ts
        self.stamps.append((self._offset, now))
        if len(self.stamps) > 2000:  # a long run: every second one is exact enough
            self.stamps = self.stamps[::-2][::-1]
        return now


def with_run(open_run: OpenRun, run: Run) -> OpenRun:
    """The same with another record."""
    return replace(open_run, run=run)
