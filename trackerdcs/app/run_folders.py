"""Finds runs under a folder, and says which run each is: the same files are the same run, wherever they lie."""

import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trackerdcs.domain.ph2acf.layout import MARKER, OURS, inner_number, kind_of, logs_of, outer_number
from trackerdcs.domain.run import SIMULATED, is_id

HEAD = 4096
"""Bytes of a log that tell it from all others: it begins with date, time and the number of a thread. With more, a log
that was cut off would be of another run than the whole one."""
END = 65_536
"""Bytes at the end of a log in which the program says where it has left the monitor's file."""
SPACE = uuid.UUID("6c8e7f0a-2d1b-5c3e-9a4f-7b6d5e4c3b2a")
_ORDER = ("log", "root", "config", "monitor")


@dataclass(frozen=True)
class RunFolder:
    """Files of one run by the names that they are stored under; `folder` is where they were found. Without files,
    nothing in the folder is of a run."""

    folder: Path
    files: dict[str, Path]

    @property
    def name(self) -> str:
        """Of the folder, for the record."""
        return self.folder.name

    @property
    def inner(self) -> int | None:
        """The number by which the Inner Tracker's program tells the runs of one folder apart."""
        return next((found[0] for name in sorted(self.files) if (found := inner_number(name))), None)


def find_runs(root: Path) -> Iterator[RunFolder]:
    """Every run under a folder, by name. A folder of which nothing is a run comes back without files, if it was named
    or is called like one of a run."""
    found = False
    for each in _below(root):
        found = True
        yield each
    if not found:
        yield RunFolder(root, {})


def _below(folder: Path) -> Iterator[RunFolder]:
    entries = sorted(folder.iterdir())
    names = {entry.name for entry in entries if entry.is_file()}
    if MARKER in names or _is_outer(names):
        files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if _is_kept(path)}
        yield RunFolder(folder, files | _outside(folder, files))
        return
    numbers = sorted({found[0] for name in names if (found := inner_number(name))})
    for number in numbers:
        start = f"Run{number:06d}_"
        files = {name: folder / name for name in sorted(names) if name.startswith(start) or name == SIMULATED}
        logs = sorted((folder.parent / "logs").glob(f"CMSITminiDAQ{number:06d}_*.log"))
        yield RunFolder(folder, files | {log.name: log for log in logs})
    if outer_number(folder.name) is not None and not numbers:
        files = {entry.name: entry for entry in entries if _is_kept(entry)}
        yield RunFolder(folder, files if any(kind_of(name) in _ORDER for name in files) else {})
        return
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            yield from _below(entry)


def _is_outer(names: set[str]) -> bool:
    """Whether files of these names are what the Outer Tracker's program leaves behind."""
    return bool(names & {"Results.root", "Configuration.xml"})


def _is_kept(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _outside(folder: Path, files: dict[str, Path]) -> dict[str, Path]:
    """The monitor's file, which the program writes beside all results: its name is in the log."""
    if any(kind_of(name) == "monitor" for name in files):
        return {}
    for name, path in files.items():
        if kind_of(name) == "log":
            with path.open("rb") as log:
                log.seek(-min(path.stat().st_size, END), os.SEEK_END)
                said = re.search(rb"Closing monitor result file:.*?(MonitorDQM[\w.-]+\.root)", log.read())
            outside = folder.parent.parent / "MonitorResults" / (said[1].decode() if said else "")
            if said and outside.is_file():
                return {outside.name: outside}
    return {}


def run_id(folder: RunFolder) -> str:
    """Which run it is: what the bridge has written down, else made from the files, the most telling of them first."""
    for name, path in folder.files.items():
        if name.rpartition("/")[2] == MARKER:
            try:
                with path.open("rb") as marker:
                    id = json.loads(marker.read(HEAD))["id"]
            except (ValueError, KeyError, TypeError, RecursionError):
                break
            if isinstance(id, str) and is_id(id):
                return id
            break  # nobody's: a folder that was made by hand
    heard = logs_of(folder.files)
    for kind in _ORDER:
        for name in heard if kind == "log" else sorted(folder.files):
            path = folder.files[name]
            if kind_of(name) == kind and name.rpartition("/")[2] not in OURS and path.stat().st_size:
                digest = _digest(path, HEAD if kind == "log" else None)
                return uuid.uuid5(SPACE, f"{kind}:{folder.inner}:{digest}").hex
    return uuid.uuid5(SPACE, f"folder:{folder.inner}:{folder.folder.absolute()}").hex


def _digest(path: Path, length: int | None) -> str:
    with path.open("rb") as file:
        if length is not None:
            return hashlib.sha256(file.read(length)).hexdigest()
        return hashlib.file_digest(file, "sha256").hexdigest()
