"""For tests: `trackerdcs` typed into a shell, forked by the process of the tests: no start from nothing each time."""

import json
import shlex
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from trackerdcs.tests import forked

ASKING = """
import json, socket, sys
with socket.socket(socket.AF_UNIX) as asking:
    asking.connect({path!r})
    asking.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
    status, out, err = json.load(asking.makefile())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""


@contextmanager
def typed(environment: Mapping[str, str]) -> Iterator[str]:
    """A folder for the front of PATH; commands from there run in `environment`."""

    class Answering(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            done = forked.trackerdcs(tuple(json.loads(self.rfile.readline())), environment)
            self.wfile.write(json.dumps((done.returncode, done.stdout, done.stderr)).encode())

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "socket"))
        with socketserver.ThreadingUnixStreamServer(path, Answering) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,)).start()
            command, program = Path(folder, "trackerdcs"), Path(folder, "ask.py")
            program.write_text(ASKING.format(path=path))
            command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S {program} "$@"\n')
            command.chmod(0o755)
            try:
                yield folder
            finally:
                server.shutdown()


def run_block(text: str, environment: Mapping[str, str], limit: float) -> subprocess.CompletedProcess[str]:
    """Type lines into a shell that ends at the first one that fails."""
    with typed(environment) as folder:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            capture_output=True,
            text=True,
            timeout=limit,
            env={**environment, "PATH": f"{folder}:{environment['PATH']}"},
        )
