"""For tests: the command line in a process of its own that imports nothing: it is forked from one that has it all.

A start from nothing, as a person does it, takes most of a second of a small machine; services and the commands of the
pages are started like that.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

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


def _command(arguments: tuple[str, ...], environment: Mapping[str, str], out: Path, err: Path) -> None:
    from trackerdcs.cli.main import app

    os.environ.clear()
    os.environ.update(environment)
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    app(arguments, prog_name="trackerdcs")
