"""Starts the real servers for tests on free local ports; they end with the test process, even when it is killed."""

import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, Self

from trackerdcs.tests.programs import require

HOST = "127.0.0.1"
SHIPPED = Path(__file__).parents[2] / "mosquitto" / "mosquitto.conf"
LOGINS = {"per_listener_settings", "password_file", "acl_file", "certfile", "keyfile", "tls_version"}
PLACES = {
    "listener",
    "persistence_location",
    "allow_anonymous",
    "persistence",
    "autosave_interval",
    "log_dest",
    *LOGINS,
}
"""Lines of the shipped file that `Mosquitto` sets itself, or does without: `LabBroker` has them all."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
# The kernel ends a server when the THREAD that started it ends: one that lives as long as the process starts them all.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="test-servers")


def free_port() -> int:
    """A free port below the ephemeral range, so that no outgoing connection takes it while the server is down."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


def end_with_parent() -> None:
    """Called in a process that has just begun: it ends with the one that started it."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process(Protocol):
    """What is needed of a process that was started."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float) -> int: ...
    def send_signal(self, sig: signal.Signals) -> None: ...
    def terminate(self) -> None: ...


class Server:
    """A real server with a port and a directory of its own, kept over `kill` and `restart`, removed by `stop`."""

    host = HOST
    start_timeout_s = 30.0

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="trackerdcs-", ignore_cleanup_errors=True)
        self.directory = Path(self._temporary.name)
        self.port = free_port()
        self._process: Process | None = None
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        """True when it is up: by default, when somebody listens on its port."""
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    @property
    def pid(self) -> int:
        """The process id; an error when the server is down."""
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"{type(self).__name__} is not running\n{self.log()}")
        return self._process.pid

    def log(self) -> str:
        """What the server said so far, on both streams."""
        path = self.directory / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _start(self) -> None:
        command = self._command()
        self._process = self._spawn(command, self.directory / "server.log")
        deadline = time.monotonic() + self.start_timeout_s
        while not (self.pid and self._answers()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{command[0]} did not answer within {self.start_timeout_s} s\n{self.log()[-4000:]}")
            time.sleep(0.01)

    def _spawn(self, command: list[str], log: Path) -> Process:
        with log.open("ab") as file:
            return _SPAWNER.submit(
                subprocess.Popen,
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env=os.environ | {"HOME": str(self.directory)},
                preexec_fn=end_with_parent,
            ).result()

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing flushed. `restart` brings it back."""
        os.kill(self.pid, signal.SIGKILL)
        self._wait()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: go on where it was frozen."""
        os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        """Starts it again on the same port and data, after an orderly end where it still runs."""
        self._end()
        self._start()

    def stop(self) -> None:
        """An orderly end; its directory goes with it."""
        self._end()
        self._temporary.cleanup()

    def _end(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        self._process.send_signal(signal.SIGCONT)  # a frozen process sees SIGTERM only when it runs again
        try:
            self._wait()
        except subprocess.TimeoutExpired:
            self.kill()

    def _wait(self) -> None:
        if self._process is not None:
            self._process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def shipped_lines() -> list[str]:
    """What the shipped configuration makes different from a default Mosquitto."""
    return [x for x in SHIPPED.read_text().splitlines() if x and x[0] != "#" and x.split()[0] not in PLACES]


class Mosquitto(Server):
    """The real MQTT broker; anonymous and persistent unless `config_lines` say otherwise (later lines win).

    Its store is written once a second, so a kill loses what it acknowledged within the last second.
    """

    def __init__(self, config_lines: Sequence[str] = ()) -> None:
        self._program = require("mosquitto")
        self._config_lines = tuple(config_lines)
        super().__init__()

    def _command(self) -> list[str]:
        config = self.directory / "mosquitto.conf"
        lines = [
            *(["user root"] if os.geteuid() == 0 else []),  # else it drops to a user who cannot write the directory
            f"listener {self.port} {self.host}",
            "allow_anonymous true",
            "log_dest stderr",
            "persistence true",
            f"persistence_location {self.directory}/",
            "autosave_interval 1",
            *self._config_lines,
        ]
        config.write_text("\n".join(lines) + "\n")
        return [str(self._program), "-c", str(config)]


class BlankInfluxd(Server):
    """The real InfluxDB 2.7, not yet set up."""

    start_timeout_s = 60.0

    def __init__(self) -> None:
        self._program = require("influxd")
        super().__init__()

    @property
    def url(self) -> str:
        """Base address for clients."""
        return f"http://{self.host}:{self.port}"

    def _command(self) -> list[str]:
        options = {
            "http-bind-address": f"{self.host}:{self.port}",
            "bolt-path": f"{self.directory}/influxd.bolt",
            "sqlite-path": f"{self.directory}/influxd.sqlite",
            "engine-path": f"{self.directory}/engine",
        }
        return [str(self._program), "--reporting-disabled", *(f"--{key}={value}" for key, value in options.items())]

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=1) as reply:
                return bool(json.load(reply)["status"] == "pass")
        except (OSError, urllib.error.HTTPError):
            return False


class Influxd(BlankInfluxd):
    """The same, set up with one organization, one bucket and an all-access token."""

    org = "test"
    bucket = "test"
    token = "test-token"

    def __init__(self) -> None:
        super().__init__()
        body = {"username": "test", "password": "test-password"}
        body |= {"org": self.org, "bucket": self.bucket, "token": self.token}
        request = urllib.request.Request(f"{self.url}/api/v2/setup", json.dumps(body).encode())
        try:
            urllib.request.urlopen(request, timeout=30).close()
        except BaseException:
            self.stop()
            raise

    def token_file(self, token: str = token) -> Path:
        """A file with a token."""
        path = self.directory / f"{token}.token"
        path.write_text(f"{token}\n")
        return path
