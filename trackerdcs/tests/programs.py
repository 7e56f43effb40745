"""Where the programs are that tests start: on the machine, or in the cache that `make servers` fills."""

import hashlib
import os
import shutil
import subprocess
import unittest
from collections.abc import Callable
from pathlib import Path

INFLUXD_VERSION = "2.7.12"
NODERED = Path(__file__).parents[2] / "nodered"


def cache_dir() -> Path:
    """Where `make servers` puts what it builds."""
    if own := os.environ.get("TRACKERDCS_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trackerdcs"


def _which(name: str) -> Path | None:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
    return Path(found) if found else None


def _influxd() -> Path | None:
    own = os.environ.get("TRACKERDCS_INFLUXD")
    path = Path(own) if own else cache_dir() / f"influxd-{INFLUXD_VERSION}"
    return path if os.access(path, os.X_OK) and path.is_file() else None


def nodered_modules() -> Path:
    """The folder for Node-RED and its dashboard, one for each lock file."""
    return cache_dir() / f"nodered-{hashlib.sha256((NODERED / 'package-lock.json').read_bytes()).hexdigest()[:12]}"


def _nodered() -> Path | None:
    """There when the install came to its end, and with a node that can run it."""
    return nodered_modules() if node() and (nodered_modules() / "complete").exists() else None


def node() -> Path | None:
    """Node.js, 20 or newer."""
    program = _which("node")
    if program is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    version = said.strip().removeprefix("v").partition(".")[0]
    return program if version.isdecimal() and int(version) >= 20 else None


FIND: dict[str, Callable[[], Path | None]] = {
    "mosquitto": lambda: _which("mosquitto"),
    "influxd": _influxd,
    "ip": lambda: _which("ip"),
    "nodered": _nodered,
    "chromium": lambda: _which("chromium"),
    "certutil": lambda: _which("certutil"),
}


def require(name: str) -> Path:
    """The program's path; where it is missing the test is skipped, or fails under TRACKERDCS_REQUIRE_SERVERS=1."""
    if name == "ip" and os.geteuid() != 0:
        raise unittest.SkipTest("a private network namespace needs root")
    if path := FIND[name]():
        return path
    reason = f"{name} is not on this machine; run: make servers"
    if os.environ.get("TRACKERDCS_REQUIRE_SERVERS") == "1":
        raise AssertionError(reason)
    raise unittest.SkipTest(reason)
