"""For tests: the whole stack in containers, from a copy of the project in a folder of its own."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from testcontainers.compose import DockerCompose

from trackerdcs.tests.documents import ROOT
from trackerdcs.tests.servers import free_port

FILES = ["docker-compose.yml", "docker-compose.dev.yml", "docker-compose.dummy.yml"]
PORTS = (
    *("HTTPS_PORT", "HTTP_PORT", "MQTTS_PORT"),
    *("DEV_MQTT", "DEV_INFLUX", "DEV_MONGO", "DEV_GRAFANA", "DEV_NODERED", "DEV_WEB"),
)
STAND = "dummy"


def require_docker() -> None:
    """Skip unless TRACKERDCS_DOCKER=1 says that images may be built; then there has to be a Docker with compose."""
    if os.environ.get("TRACKERDCS_DOCKER") != "1":
        raise unittest.SkipTest("the stack in containers takes minutes and gets images: make containers")
    command = ["docker", "compose", "version"]
    if shutil.which("docker"):
        done = subprocess.run(command, capture_output=True, check=False)
        reason = "docker compose does not work" if done.returncode else ""
        if not reason and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
            reason = "no docker engine answers"
    else:
        reason = "docker is not on this machine"
    if reason:
        raise AssertionError(f"TRACKERDCS_DOCKER=1, and {reason}")


def copied(folder: Path) -> Path:
    """The project as it is here, without what git does not keep."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0"):
        if name and not name.startswith("trackerdcs/tests/") and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


class ComposeStack:
    """Production, development ports and the simulated stand; `stop` leaves nothing but the images."""

    def __init__(self, files: Sequence[str] = FILES, start: bool = True) -> None:
        require_docker()
        self._temporary = tempfile.TemporaryDirectory(prefix="trackerdcs-", ignore_cleanup_errors=True)
        self.folder = copied(Path(self._temporary.name))
        self.folder.chmod(0o755)
        self.ports = {name: free_port() for name in PORTS}
        self.environment = {f"TRACKERDCS_{name}": str(port) for name, port in self.ports.items()} | {
            "COMPOSE_PROJECT_NAME": f"trackerdcs-{uuid.uuid4().hex[:8]}",
            "COMPOSE_FILE": os.pathsep.join(files),
            "TRACKERDCS_TAG": "test",
        }
        self._patch = mock.patch.dict(os.environ, self.environment)
        self._patch.start()
        self._compose = DockerCompose(str(self.folder), compose_file_name=list(files), wait=True, keep_volumes=False)
        try:
            if not start:
                return
            self.docker("compose", "build", "--quiet", timeout=900)
            began = time.monotonic()
            self._compose.start()
            self.up_s = time.monotonic() - began
        except BaseException:
            print(self.docker("compose", "ps", "--all", check=False))
            print(self.docker("compose", "logs", "--tail", "20", check=False)[-20_000:])
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Of the gateway."""
        return f"https://localhost:{self.ports['HTTPS_PORT']}"

    def stop(self) -> None:
        try:
            self._compose.stop()
            self.docker("compose", "--profile", "cli", "down", "--volumes", "--remove-orphans", check=False)
        finally:
            self._patch.stop()
            self._temporary.cleanup()

    def docker(self, *words: str, stdin: str | None = None, check: bool = True, timeout: float = 120) -> str:
        """What `docker ...` in the project's folder says."""
        done = subprocess.run(
            ["docker", *words],
            cwd=self.folder,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"docker {' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + ("" if check else done.stderr)

    def trackerdcs(self, *words: str) -> str:
        """The command line of the stand."""
        return self.docker("compose", "run", "--rm", "-T", f"cli-{STAND}", *words)

    def secret(self, path: str) -> str:
        return (self.folder / "secrets" / path).read_text(encoding="utf-8").strip()

    def add_user(self, name: str, role: str, password: str) -> None:
        self.docker("compose", "exec", "-T", "web", "trackerdcs", "users", "add", name, role, stdin=f"{password}\n")

    def influxql(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query of Grafana's own user, as dictionaries."""
        words = {"db": "slow-control", "q": query, "epoch": "ns", "u": "grafana"}
        words["p"] = self.secret("grafana/influx-password")
        url = f"http://127.0.0.1:{self.ports['DEV_INFLUX']}/query?{urllib.parse.urlencode(words)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            found = json.load(answer)["results"][0]
        if "error" in found:
            raise AssertionError(f"{query}: {found['error']}")
        return [
            dict(zip(series["columns"], row, strict=True)) | series.get("tags", {})
            for series in found.get("series", ())
            for row in series["values"]
        ]

    def containers(self) -> list[str]:
        """Services that run."""
        return sorted(self.docker("compose", "ps", "--services", "--status", "running").split())

    def healthy(self, service: str) -> bool:
        """True for a container that runs and says that it does its work."""
        return self.docker("compose", "ps", "--format", "{{.Health}}", service, check=False).strip() == "healthy"

    def until(self, what: Callable[[], object], why: str, patience: float = 60.0) -> None:
        """Wait until something is true."""
        deadline = time.monotonic() + patience
        while not what():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {patience:g} s: {why}")
            time.sleep(0.5)
