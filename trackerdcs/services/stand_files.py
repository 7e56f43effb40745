"""Finds the stand files of a lab: named one by one, or all that are in a folder."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from trackerdcs.domain.errors import ConfigError
from trackerdcs.settings import StandFile, is_stand, read_stand

GENERATED = ".compose.yaml"
"""Ends the name of what `trackerdcs` writes for Docker beside the stands: never read as a stand."""

log = logging.getLogger(__name__)


def read_stands(paths: Sequence[Path]) -> list[StandFile]:
    """The stands of files, and of the `*.yaml` in folders, where what is no stand file is passed over with a line.

    ConfigError names what has faults, what is there twice, and a folder without any stand.
    """
    found: dict[str, StandFile] = {}
    for path in paths:
        before = len(found)
        for file in _stands_at(path):
            if twin := found.get(file.stand.stand):
                file.refuse([("stand", f"{file.stand.stand} is described by {twin.path} already")])
            found[file.stand.stand] = file
        if len(found) == before:
            raise ConfigError(f"{path}: no stand file in this folder: expected *.yaml with stand and devices")
    return list(found.values())


def _stands_at(path: Path) -> Iterator[StandFile]:
    if not path.is_dir():
        yield read_stand(path)
        return
    try:
        files = sorted(file for file in path.iterdir() if file.suffix == ".yaml")
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {e.strerror}") from e
    for file in files:
        if file.name.endswith(GENERATED):
            continue
        if is_stand(file):
            yield read_stand(file)
        else:
            log.warning("%s: passed over: no stand file, which has stand and devices", file)
