"""Programs as process groups: started without a shell, found again by number and start time, ended together."""

import fcntl
import hashlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from trackerdcs.adapters.host_lock import lock_folder, open_shared
from trackerdcs.domain.errors import InUse
from trackerdcs.ports_runs import MARK, Born

BOOT = Path("/proc/sys/kernel/random/boot_id")
DEAD = frozenset({"Z", "X"})
"""States of a process that has ended and that nobody has asked for its end."""


class Group:
    """ports_runs.Child. `process` is there if this very process has started it."""

    def __init__(self, born: Born, process: subprocess.Popen[bytes] | None = None) -> None:
        self.born, self._process = born, process

    @property
    def running(self) -> bool:
        """The leader counts: what it leaves behind is ended by `kill`."""
        if self._process is not None:
            return self._process.poll() is None
        return _start_of(self.born.pid) == self.born.start

    @property
    def rc(self) -> int | None:
        """Known for a process of our own only."""
        return self._process.poll() if self._process is not None else None

    def interrupt(self) -> None:
        """SIGINT to all of it."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to all of it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # The number of the group is surely the program's as its parent, while the leader is there, or while one with
        # the mark of the run is in it: numbers of groups are not given again before the last of them has gone.
        if self._process is not None or self.running or any(_members(self.born.mark, self.born.pid)):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.born.pid, number)


class ProcessGroups:
    """ports_runs.Programs on this computer."""

    def missing(self, program: str) -> str | None:
        """Why a program cannot be started."""
        path = Path(program)
        if not path.is_file():
            return f"{program} is not there"
        return None if os.access(path, os.X_OK) else f"{program} cannot be executed"

    def start(
        self, argv: Sequence[str], folder: Path, environment: Mapping[str, str], output: Path, boards: Sequence[str]
    ) -> Group:
        """The locks of the boards are open files that the program inherits: the kernel lets go of them when it ends."""
        locks: list[int] = []
        try:
            for board in sorted(set(boards)):
                locks.append(_lock(board))
            with output.open("ab") as out:
                process = subprocess.Popen(
                    list(argv),
                    cwd=folder,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=locks,
                )
        finally:
            for lock in locks:
                os.close(lock)
        start = _start_of(process.pid) or ""  # it may have ended already: nobody adopts it then
        return Group(Born(process.pid, start, environment.get(MARK, "")), process)

    def adopt(self, born: Born) -> Group | None:
        """By number and start."""
        group = Group(born)
        return group if born.start and group.running else None

    def find(self, mark: str) -> Group | None:
        """The leader of a group with this mark."""
        for pid, group in _members(mark):
            if pid == group and (start := _start_of(pid)) is not None:
                return Group(Born(pid, start, mark))
        return None

    def sweep(self, mark: str) -> int:
        """By the mark alone: whoever bears it was started by one of these programs."""
        left = [pid for pid, _ in _members(mark)]
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return len(left)


def _members(mark: str, group: int | None = None) -> Iterator[tuple[int, int]]:
    """Number and group of the processes with a mark, of all groups or of one."""
    if not mark:
        return
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            pid = int(folder.name)
            of = os.getpgid(pid)
            if group in (None, of) and wanted in (folder / "environ").read_bytes().split(b"\0"):
                yield pid, of
        except OSError:  # gone meanwhile, or another user's
            continue


def _lock(board: str) -> int:
    path = lock_folder() / f"trackerdcs-board-{hashlib.sha256(board.encode()).hexdigest()[:16]}.lock"
    fd = open_shared(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        os.close(fd)
        raise InUse(f"board {board}") from e
    return fd


def _start_of(pid: int) -> str | None:
    """When a process was started, as no other one of this number was; None where it is gone."""
    try:
        # The name in parentheses may hold anything, parentheses too.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = BOOT.read_text().strip()
    except (OSError, ValueError):
        return None
    return None if fields[0] in DEAD else f"{boot}:{fields[19]}"
