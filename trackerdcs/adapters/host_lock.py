"""One owner per instrument on a computer: a lock that the kernel releases when its holder ends, however it ends."""

import fcntl
import hashlib
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from trackerdcs.domain.errors import InUse
from trackerdcs.domain.resource import Address, SerialAddress, TcpAddress

FOLDER = "TRACKERDCS_LOCKS"
"""Variable of the environment that names another folder: containers that share instruments must share one."""
PLACES = ("/run/lock", "/var/lock", tempfile.gettempdir())


class HostLock:
    """Held while the block runs. By the instrument's address: two stand files may name one instrument."""

    def __init__(self, address: Address, who: str) -> None:
        self._key, self._who = _key(address), who
        self._path = lock_folder() / f"trackerdcs-{hashlib.sha256(self._key.encode()).hexdigest()[:16]}.lock"
        self._fd: int | None = None

    def __enter__(self) -> Self:
        """Take it; InUse names who holds it."""
        fd = self._locked()
        while not _is(self._path, fd):  # its last holder has removed the file that we have just locked
            os.close(fd)
            fd = self._locked()
        self._fd = fd
        with suppress(OSError):  # a full disk, another user's file: the lock holds, only its holder's name is missing
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"process {os.getpid()} ({self._who})\n".encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            with suppress(OSError):  # another user's file in a sticky folder stays
                self._path.unlink()
            os.close(self._fd)
            self._fd = None

    def _locked(self) -> int:
        fd = open_shared(self._path)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            holder = os.pread(fd, 500, 0).decode(errors="replace").strip()
            os.close(fd)
            raise InUse(f"{self._key} is owned by {holder or 'another process'}: one owner per instrument") from e
        return fd


def lock_folder() -> Path:
    """Where all who share instruments find the locks."""
    if own := os.environ.get(FOLDER):
        Path(own).mkdir(parents=True, exist_ok=True)
        return Path(own)
    return next(Path(place) for place in PLACES if os.access(place, os.W_OK))


def _is(path: Path, fd: int) -> bool:
    """Whether the file of this path is the open one."""
    try:
        return path.stat().st_ino == os.fstat(fd).st_ino
    except FileNotFoundError:
        return False


def open_shared(path: Path) -> int:
    """A file that any user may lock: the kernel refuses O_CREAT on another user's file in a sticky folder."""
    for flags in (os.O_RDWR, os.O_RDONLY):
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            break
        except PermissionError:
            continue
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    if os.fstat(fd).st_uid == os.geteuid():
        os.fchmod(fd, 0o666)  # whatever the umask says
    return fd


def _key(address: Address) -> str:
    """One instrument, one name, as far as this computer can tell."""
    if isinstance(address, SerialAddress):
        return os.path.realpath(address.path)
    if isinstance(address, TcpAddress):
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except OSError:  # no name service: the name as it is written
            return f"{address.host}:{address.port}"
        return f"{found[0][4][0]}:{address.port}"
    return address.resource.upper()
