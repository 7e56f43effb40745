"""A process beside the others: started, watched through /proc, ended with whoever started it."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from trackerdcs.tests.servers import end_with_parent

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that it has started."""
    found = [pid]
    for process in found:
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
                found += [int(child) for child in task.read_text().split()]
    return found


def cpu_s(pid: int) -> float:
    """User and system time so far of a process and its children, ended ones included."""
    ticks = 0
    for process in family(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICKS


def peak_mb(pid: int) -> float:
    """The most memory (RSS) that a process and its children ever had, in MB of 10^6 bytes."""
    kib = 0
    for process in family(pid):
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        kib += sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return kib * 1024 / 1e6


class Died(Exception):
    """A loader ended, or never got as far as it should."""


class Watched:
    """A process of the bench; what it says is in `log`."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=os.environ | dict(env),
                preexec_fn=end_with_parent,
            )

    @property
    def pid(self) -> int:
        """The process id; an error with what it said when it has failed."""
        if code := self._process.poll():
            raise Died(f"ended with {code}: {' '.join(self.log.read_text().split())[-300:]}")
        return self._process.pid

    def ended(self) -> bool:
        """True when it has ended by itself."""
        return self.pid > 0 and self._process.returncode is not None

    def end(self) -> None:
        """In good order where it can, else at once."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
