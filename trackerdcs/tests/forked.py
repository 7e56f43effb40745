"""For tests: the command line in a process of its own that imports nothing: it is forked from one that has it all.

A start from nothing, as a person does it, takes most of a second of a small machine; some services are started like
that, and so is the demonstrator.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trackerdcs.tests.servers import end_with_parent

LIMIT_S = 60.0

_FORK = multiprocessing.get_context("forkserver")
_FORK.set_forkserver_preload(
    [
        "trackerdcs.cli.main",
        "trackerdcs.services.client",
        "trackerdcs.services.stores",
        "trackerdcs.settings",
        "trackerdcs.app.overview",
        "trackerdcs.app.requester",
        "trackerdcs.adapters.series_sqlite",
        "trackerdcs.adapters.series_influx",
        "trackerdcs.adapters.bus_mqtt",
        "trackerdcs.services.device",
        "trackerdcs.services.loader",
        "trackerdcs.services.runtime",
        "trackerdcs.services.sim",
        "trackerdcs.services.demo",
    ]
)


def trackerdcs(arguments: tuple[str, ...], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end: its exit status and what it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _FORK.Process(target=_command, args=(arguments, dict(environment), out, err))
        process.start()
        process.join(LIMIT_S)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{arguments}: {out.read_text()}{err.read_text()}")
        return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text(), err.read_text())


class Process:
    """A forked process that goes on: what `subprocess.Popen` would be to who holds it."""

    def __init__(self, work: Callable[..., Any], arguments: tuple[Any, ...], folder: Path, log: Path) -> None:
        environment = dict(os.environ) | {"HOME": str(folder)}
        self._process = _FORK.Process(target=_service, args=(work, arguments, environment, folder, log), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        if (status := self.poll()) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return status

    def send_signal(self, sig: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def command(*arguments: str) -> None:
    """Be the command line."""
    from trackerdcs.cli.main import app

    app(arguments, prog_name="trackerdcs")


def _command(arguments: tuple[str, ...], environment: Mapping[str, str], out: Path, err: Path) -> None:
    _become(environment, out, err)
    command(*arguments)


def _service(
    work: Callable[..., Any], arguments: tuple[Any, ...], environment: Mapping[str, str], folder: Path, log: Path
) -> None:
    end_with_parent()
    os.chdir(folder)
    _become(environment, log, log)
    sys.exit(work(*arguments))


def _become(environment: Mapping[str, str], out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        with path.open("ab") as file:
            os.dup2(file.fileno(), stream.fileno())
