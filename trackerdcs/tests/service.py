"""For tests: our own programs as processes."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trackerdcs.tests import forked
from trackerdcs.tests.servers import Process, Server

TRACKERDCS = str(Path(sys.executable).with_name("trackerdcs"))


class Service(Server):
    """A program of ours, up when it has said `sign` since its start."""

    def __init__(self, command: list[str], sign: str = ": connected") -> None:
        self.command, self._sign, self._said = command, sign, 0
        super().__init__()

    def _command(self) -> list[str]:
        self._said = len(self.log())
        return self.command

    def _answers(self) -> bool:
        return self._sign in self.log()[self._said :]

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Tell it to stop: its exit status, and the seconds that it took."""
        process, began = self._process, time.monotonic()
        assert process is not None
        process.send_signal(number)
        return process.wait(10), time.monotonic() - began


class Forked(Service):
    """The same, forked from a process that has imported it all: up sooner than a start from nothing."""

    def __init__(
        self, arguments: list[str], sign: str = ": connected", work: Callable[..., Any] = forked.command
    ) -> None:
        self._work = work
        super().__init__(arguments, sign)

    def _spawn(self, command: list[str], log: Path) -> Process:
        return forked.Process(self._work, tuple(command), self.directory, log)
