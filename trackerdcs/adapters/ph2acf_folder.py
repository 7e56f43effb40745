"""Reads the files of a run of Ph2_ACF from disk: log, configuration, register files, ROOT files."""

import hashlib
import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePath
from zoneinfo import ZoneInfo

from trackerdcs.adapters.root_uproot import read_monitor, read_results
from trackerdcs.domain.ph2acf.contents import Contents
from trackerdcs.domain.ph2acf.layout import kind_of, logs_of
from trackerdcs.domain.ph2acf.record import record_of
from trackerdcs.domain.ph2acf.story import Story
from trackerdcs.domain.ph2acf.trims import trims_of
from trackerdcs.domain.ph2acf.xml import LARGEST, BadConfig, parse_config
from trackerdcs.domain.run import SIMULATED, Run
from trackerdcs.domain.run_reading import ReadRun

VERSION = 1
"""Of the importer: to be raised with every change of what it makes of the same files."""
CONFIG = "Configuration.xml"
LONGEST_LINE = 1 << 20
LONGEST_LOG = 64 << 20
"""Bytes of a log that are looked into: of a whole calibration it has a few hundred kB."""
LONGEST_TEXT = 8 << 20


class Ph2acfReader:
    """Reads a run's files by their names. `zone` is the time zone that the program's clock was set to, if known."""

    version = VERSION

    def __init__(self, zone: str | None = None) -> None:
        self._zone = zone

    def read(self, run: Run, files: dict[str, Path]) -> ReadRun:
        """The record made whole from its files."""
        contents = Contents(run.folder, tuple(sorted(files)))
        for name in contents.names:
            try:
                self._read_one(contents, name, files[name])
            except OSError as e:
                contents.unread.append(f"{name}: {e.strerror or e}")
        self._clock(contents, files)
        return record_of(run, contents, self.version)

    def _read_one(self, contents: Contents, name: str, path: Path) -> None:
        match kind_of(name):
            case "log" if name in logs_of(contents.names):
                story = contents.story = contents.story or Story()
                for line in _lines(path):
                    story.hear(line)
                if (size := path.stat().st_size) > LONGEST_LOG:
                    contents.large.append(f"{name}: {size - LONGEST_LOG} bytes from its middle")
            case "root":
                contents.roots[name] = read_results(path)
            case "monitor":
                contents.monitors[name] = read_monitor(path)
            case "config" if _is_config(name) and not _better(contents.config_name, name):
                content = path.read_bytes()[: LARGEST + 1]
                contents.config_name, contents.config_sha256 = name, hashlib.sha256(content).hexdigest()
                contents.config, contents.config_wrong = None, None
                try:
                    contents.config = parse_config(content)
                except BadConfig as e:
                    contents.config_wrong = e.failure
            case "text" if (size := path.stat().st_size) > LONGEST_TEXT:
                contents.large.append(f"{name}: {size} bytes")
            case "text" if (trims := trims_of(name, path.read_text(errors="replace"))) is not None:
                contents.trims.append(trims)
        contents.sim |= PurePath(name).name == SIMULATED

    def _clock(self, contents: Contents, files: dict[str, Path]) -> None:
        """When the files were written, and in which zone that may have been."""
        times = [path.stat().st_mtime_ns for path in files.values() if path.exists()]
        contents.newest = max(times, default=None)
        seen = contents.story.last if contents.story else None
        when = datetime.fromtimestamp((seen or contents.newest or 0) / 1e9, UTC)
        contents.assumed = int(time.localtime(when.timestamp()).tm_gmtoff)
        if self._zone is not None:
            offset = when.replace(tzinfo=ZoneInfo(self._zone)).utcoffset()
            contents.given = int(offset.total_seconds()) if offset is not None else None


def _lines(path: Path) -> Iterator[str]:
    """Of a log; of one that is too long, those of its beginning and, with the signs of its end, of its last part."""
    size, half = path.stat().st_size, LONGEST_LOG // 2
    if size <= LONGEST_LOG:
        with path.open(encoding="utf-8", errors="replace") as log:
            while line := log.readline(LONGEST_LINE):
                yield line
        return
    with path.open("rb") as raw:
        for start in (0, size - half):
            raw.seek(start)
            part = io.StringIO(raw.read(half).decode(errors="replace"), newline=None)
            if start:
                part.readline(LONGEST_LINE)  # the rest of a line
            while line := part.readline(LONGEST_LINE):
                yield line


def _is_config(name: str) -> bool:
    """A board's registers are XML, too, and no configuration."""
    leaf = PurePath(name).name
    return not leaf.startswith("BE") or not leaf.endswith("_Config.xml")


def _better(known: str, name: str) -> bool:
    """Whether what is known is the run's own copy, which says what the run has found, and `name` is another."""
    return PurePath(known).name == CONFIG and PurePath(name).name != CONFIG
