"""The last stand file with which an owner has reached its instrument: it starts on that one when the new one is bad."""

import hashlib
import logging
import os
from pathlib import Path

from trackerdcs.adapters.whole_file import write_whole

FOLDER = "TRACKERDCS_STATE"
"""Variable of the environment that names the folder; systemd's STATE_DIRECTORY is the next choice."""

log = logging.getLogger(__name__)


class AcceptedStand:
    """A copy by the path of the stand file and the device, outside of every folder that the file itself names."""

    def __init__(self, file: Path, device: str) -> None:
        self._file = file
        key = hashlib.sha256(str(file.absolute()).encode()).hexdigest()[:8]
        self.path = _folder() / "accepted" / f"{file.stem}-{key}.{device}.yaml"
        try:
            self._content = file.read_bytes()
        except OSError:  # whoever reads it next says why
            self._content = b""

    @property
    def is_kept(self) -> bool:
        """Whether there is one."""
        return self.path.is_file()

    def keep(self) -> None:
        """Keep the file as it was found; where that fails the log says so, and the last one stays."""
        content = self._content
        try:
            if content and not (self.path.exists() and self.path.read_bytes() == content):
                write_whole(self.path, content)
        except OSError as e:
            log.warning("%s is not kept as the last accepted stand file: %s", self._file, e)


def _folder() -> Path:
    for name in (FOLDER, "STATE_DIRECTORY"):
        if own := os.environ.get(name):
            return Path(own.partition(":")[0])
    return Path(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")) / "trackerdcs"
