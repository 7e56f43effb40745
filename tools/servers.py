"""Gets the real servers the tests want, without Docker: `make servers`, or `python -m tools.servers` from the root."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from trackerdcs.tests.programs import FIND, INFLUXD_VERSION, NODERED, cache_dir, node, nodered_modules

MODULE = Path(__file__).resolve().parent / "influxd"
POLICY = Path("/usr/sbin/policy-rc.d")
PACKAGES = {"mosquitto": "mosquitto", "ip": "iproute2", "chromium": "chromium", "certutil": "libnss3-tools"}
PROGRESS_S = 10.0


class Unobtainable(Exception):
    """This machine lacks what it takes: the message says what, and what to run."""


class Failed(Exception):
    """It was tried and went wrong."""


def run(
    what: str, command: Sequence[str], log: Path, lock: int, env: Mapping[str, str], cwd: Path | None = None
) -> None:
    """Runs a long command with a line of progress; the log's end is in the error when it fails."""
    print(f"{what} ...", flush=True)
    began = time.monotonic()
    with log.open("ab") as out:
        # The child holds the lock too: if only we are killed, nobody starts a second build beside the first.
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=env,
            cwd=cwd,
            pass_fds=[lock],
            start_new_session=True,
        )
        try:
            while True:
                try:
                    code = child.wait(PROGRESS_S)
                    break
                except subprocess.TimeoutExpired:
                    print(f"{what}: {time.monotonic() - began:.0f} s", flush=True)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
                child.wait()
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise Failed(f"{what}: exit code {code}, log in {log}\n{tail}")


@contextmanager
def no_service_starts() -> Iterator[None]:
    """Debian starts what it installs unless policy-rc.d forbids it; ours counts only while this process lives."""
    marker = "# trackerdcs: make servers"
    if POLICY.exists() and marker not in POLICY.read_text(errors="replace"):
        yield
        return
    POLICY.write_text(f"#!/bin/sh\n{marker}\nkill -0 {os.getpid()} 2>/dev/null && exit 101\nexit 0\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def get_package(name: str, log: Path, lock: int) -> None:
    """Installs the Debian package that brings the program."""
    package = PACKAGES[name]
    if shutil.which("apt-get") is None:
        raise Unobtainable(f"install {package} with this system's package manager")
    if os.geteuid() != 0:
        raise Unobtainable(f"needs root; run: sudo apt-get install {package}")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", package]
    with no_service_starts():
        try:
            run(f"{name}: installing Debian package {package}", install, log, lock, env)
        except Failed:  # most often the package lists are missing or old
            run("apt-get update", ["apt-get", "update"], log, lock, env)
            run(f"{name}: installing Debian package {package}", install, log, lock, env)
    if name == "mosquitto" and shutil.which("systemctl"):  # nor at the next boot, where it would take port 1883
        run("mosquitto: keeping its service off", ["systemctl", "disable", "mosquitto"], log, lock, env)


def build_influxd(log: Path, lock: int) -> None:
    """Builds influxd (without its web pages) from its Go module and the Rust library inside it: 4 to 7 minutes."""
    if own := os.environ.get("TRACKERDCS_INFLUXD"):
        raise Unobtainable(f"TRACKERDCS_INFLUXD={own} is not an executable file")
    if lacking := [tool for tool in ("go", "cargo", "gcc") if shutil.which(tool) is None]:
        raise Unobtainable(
            f"building it needs {', '.join(lacking)}; install that, "
            f"or set TRACKERDCS_INFLUXD to the path of an influxd {INFLUXD_VERSION}"
        )
    cache = cache_dir()
    for left_over in cache.glob("build-*"):
        shutil.rmtree(left_over)
    with tempfile.TemporaryDirectory(prefix="build-", dir=cache) as temporary:
        build = Path(temporary)
        env = os.environ | {
            "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
            "GOTMPDIR": temporary,
            "CARGO_NET_RETRY": "5",
            "RUSTUP_TOOLCHAIN": os.environ.get("RUSTUP_TOOLCHAIN", "stable"),
            "RUSTC_WRAPPER": str(MODULE / "rustc-lenient"),
            "PKG_CONFIG": str(build / "pkg-config"),  # it builds the Rust library when cgo asks for "flux"
            "PATH": f"{build}:{os.environ['PATH']}",
        }
        compile_go = ["nice", "-n", "10", "go", "build", "-o"]
        helper = [*compile_go, env["PKG_CONFIG"], "github.com/influxdata/pkg-config"]
        run("influxd: build helper", helper, log, lock, env, MODULE)
        flags = ["-tags", "sqlite_foreign_keys,sqlite_json", "-ldflags", f"-s -w -X main.version=v{INFLUXD_VERSION}"]
        server = [*compile_go, str(build / "influxd"), *flags, "github.com/influxdata/influxdb/v2/cmd/influxd"]
        run("influxd: building, 4 to 7 minutes the first time", server, log, lock, env, MODULE)
        answer = subprocess.run([build / "influxd", "version"], capture_output=True, text=True, check=False)
        if INFLUXD_VERSION not in answer.stdout:
            raise Failed(f"influxd: the built program does not run: {answer.stdout}{answer.stderr}")
        (build / "influxd").rename(cache / f"influxd-{INFLUXD_VERSION}")


def install_nodered(log: Path, lock: int) -> None:
    """Node-RED and its dashboard as the lock file has them, without the scripts that packages bring."""
    if node() is None or shutil.which("npm") is None:
        raise Unobtainable("needs node 20 or newer and npm")
    for old in cache_dir().glob("nodered-*"):
        if old != nodered_modules() and old.is_dir():
            shutil.rmtree(old)
    folder = nodered_modules()
    folder.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(NODERED / name, folder / name)
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    run("nodered: npm ci", install, log, lock, os.environ, folder)
    (folder / "complete").touch()


def get(name: str, lock: int) -> tuple[str, str]:
    """State (`ready`, `missing`, `failed`) and the path or the reason."""
    log = cache_dir() / f"{name}.log"
    try:
        if FIND[name]() is None:
            log.unlink(missing_ok=True)
            if name in PACKAGES:
                get_package(name, log, lock)
            elif name == "nodered":
                install_nodered(log, lock)
            else:
                build_influxd(log, lock)
    except Unobtainable as reason:
        return "missing", str(reason)
    except (Failed, OSError) as error:
        print(error)
        return "failed", str(error).partition("\n")[0]
    path = FIND[name]()
    return ("ready", str(path)) if path else ("failed", f"installed, and still not found; log in {log}")


@contextmanager
def only_one() -> Iterator[int]:
    """Two callers: the second waits and finds everything there."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / "servers.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another `make servers`", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def main() -> int:
    """Gets what is missing and prints a table; 1 only where TRACKERDCS_REQUIRE_SERVERS=1 wants what is not there."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a build ends with us
    with only_one() as lock:
        rows = {name: get(name, lock) for name in FIND}
    print("\nservers for the tests (what is not ready is skipped, with the reason):")
    for name, (state, detail) in rows.items():
        print(f"  {name:<10} {state:<8} {detail}")
    complete = all(state == "ready" for state, _ in rows.values())
    return int(not complete and os.environ.get("TRACKERDCS_REQUIRE_SERVERS") == "1")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
