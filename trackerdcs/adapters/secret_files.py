"""The folder of secrets on disk: read first, then written file by file, each whole and for its owner alone."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from trackerdcs.adapters.logins import secret_in
from trackerdcs.adapters.whole_file import write_whole
from trackerdcs.domain.errors import ConfigError

SECRET, PUBLIC = 0o400, 0o444
FOLDER, OPEN_FOLDER = 0o700, 0o755


class SecretFiles:
    """Files of one folder, by their paths in it. What is not there yet is kept in mind until `write`."""

    def __init__(self, folder: Path, owner_of: Callable[[str], int | None], public: set[str]) -> None:
        """`owner_of` a path: the number of a user, None for the owner of the whole folder. Only root can obey it.

        What is `public`, and the folder that it is in, everybody may read.
        """
        self._folder, self._owner_of, self._public = folder, owner_of, public
        self._new: dict[str, bytes] = {}
        self._known: list[str] = []

    def at(self, path: str) -> Path:
        return self._folder / path

    def text(self, path: str) -> str | None:
        """The one line of a secret, None if it is not there; ConfigError if it is there and no good."""
        if path not in self._new and self.content(path) is None:
            return None
        return self._new[path].decode().removesuffix("\n") if path in self._new else secret_in(self.at(path), "secrets")

    def content(self, path: str) -> bytes | None:
        """What a file holds, None if it is not there; ConfigError if it cannot be read."""
        try:
            found = self.at(path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as e:
            raise ConfigError(f"{self.at(path)}: cannot be read: {e.strerror}{_advice(e)}") from e
        self._known.append(path)
        return found

    def put(self, path: str, content: bytes | str) -> None:
        """To be written in this order; what is the same already is left alone."""
        content = content.encode() if isinstance(content, str) else content
        if self.content(path) != content:
            self._new[path] = content

    def write(self) -> list[str]:
        """Write all that is new, and give everything to its owner; the paths of what is new. ConfigError says where."""
        new = list(self._new)
        path = self._folder
        try:
            for name, content in self._new.items():
                path = self.at(name)
                self._folders(name)
                write_whole(path, content, SECRET, self._owner(name))
                self._settle(path, name, PUBLIC if name in self._public else SECRET)
            for name in self._known:
                path = self.at(name)
                self._folders(name)
                self._settle(path, name, PUBLIC if name in self._public else SECRET)
        except OSError as e:
            raise ConfigError(f"{path}: cannot be written: {e.strerror}{_advice(e)}") from e
        self._new.clear()
        return new

    def _folders(self, name: str) -> None:
        """Those above a file. The whole folder keeps the mode that it has."""
        if not self._folder.exists():
            self._folder.mkdir(OPEN_FOLDER, parents=True)
        opened = {path.partition("/")[0] for path in self._public}
        for above in list(Path(name).parents)[-2::-1]:
            folder = self._folder / above
            if not folder.exists():
                folder.mkdir(FOLDER)
            self._settle(folder, name, OPEN_FOLDER if str(above) in opened else FOLDER)

    def _settle(self, path: Path, name: str, mode: int) -> None:
        """Owner and mode as they should be, where they are ours to give."""
        found, owner = path.stat(), self._owner(name)
        if owner is not None and found.st_uid != owner:
            os.chown(path, owner, -1)
        if stat.S_IMODE(found.st_mode) != mode and (owner is not None or found.st_uid == os.geteuid()):
            path.chmod(mode)

    def _owner(self, name: str) -> int | None:
        """Whom only root can give it to; None: nobody but who runs this."""
        if os.geteuid() != 0:
            return None
        given = self._owner_of(name)
        return self._folder.stat().st_uid if given is None else given


def _advice(error: OSError) -> str:
    ours = isinstance(error, PermissionError) and os.geteuid() != 0
    return (
        " (what a container's user owns is for root alone: sudo, or the service `secrets` of the stack)" if ours else ""
    )
