"""What the demonstrator costs: seconds to the first stored reading, memory, share of a core, and how fast commands are.

Run: .venv/bin/python bench/demo.py [--runs 3] [--seconds 60]
"""

import argparse
import os
import pty
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TRACKERDCS = str(Path(sys.executable).with_name("trackerdcs"))
TICKS = os.sysconf("SC_CLK_TCK")
QUICK = 11
"""Runs of what takes less than a second."""


def free_ports(number: int) -> int:
    """The first of so many free ports in a row."""
    for first in range(21000, 30000, 10):
        try:
            for port in range(first, first + number):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    raise SystemExit("no free ports")


@contextmanager
def demonstrator(folder: Path, table: bool) -> Iterator[int]:
    """Run it in a terminal of 160 x 50, or without one; yields its process id."""
    first = free_ports(6)
    ports = ["--broker-port", str(first), "--sim-port", str(first + 1), "--web-port", str(first + 5)]
    command = [TRACKERDCS, "demo", *ports, "--data", str(folder)]
    if table:
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (50, 160))
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        threading.Thread(target=drain, args=(master,), daemon=True).start()
    else:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        if process.wait(10):
            raise SystemExit(f"ended with status {process.returncode}: {(folder / 'demo.log').read_text()}")


def drain(terminal: int) -> None:
    """Read what is shown until the terminal is closed."""
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        os.close(terminal)


def wait_for_a_reading(folder: Path) -> None:
    """Return when the database holds a number."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            db = sqlite3.connect(f"file:{folder}/series.sqlite?mode=ro", uri=True)
            try:
                if db.execute("SELECT 1 FROM number LIMIT 1").fetchone():
                    return
            finally:
                db.close()
        except sqlite3.Error:
            pass  # not there yet
        time.sleep(0.01)
    raise SystemExit("nothing was stored within 60 s")


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    """Resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))


def run(seconds: float, table: bool) -> tuple[float, float, float]:
    """Seconds to the first stored reading; MB and percent of a core over the time after it."""
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name, "data"), time.monotonic()
        with demonstrator(folder, table) as pid:
            wait_for_a_reading(folder)
            first = time.monotonic() - began
            cpu, since = cpu_s(pid), time.monotonic()
            time.sleep(seconds)
            share = 100 * (cpu_s(pid) - cpu) / (time.monotonic() - since)
            return first, rss_mb(pid), share


def commands() -> dict[str, float]:
    """Median seconds of commands, beside a demonstrator."""

    def median(work: Callable[[], object]) -> float:
        times = []
        for _ in range(QUICK):
            began = time.monotonic()
            work()
            times.append(time.monotonic() - began)
        return statistics.median(times)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "data")
        with demonstrator(folder, table=False):
            wait_for_a_reading(folder)

            def typed(*args: str) -> Callable[[], object]:
                environment = os.environ | {"TRACKERDCS_STAND_FILE": str(folder / "stand.json")}
                command = [TRACKERDCS, *args]
                return lambda: subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)

            return {
                "python, nothing imported": median(lambda: subprocess.run([sys.executable, "-c", ""], check=True)),
                "trackerdcs --help": median(typed("--help")),
                "trackerdcs send ... set_voltage": median(
                    typed("send", "demo", "hv1", "set_voltage", "ch0", "--arg", "v=-50")
                ),
                "trackerdcs history ... --last 60s": median(
                    typed("history", "--device", "hv1", "--channel", "ch0", "--quantity", "v_mon", "--last", "60s")
                ),
            }


def main() -> None:
    """By turns with and without the table, so that a busy machine disturbs both alike."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    figures: dict[bool, list[tuple[float, float, float]]] = {False: [], True: []}
    for _ in range(given.runs):
        for table, found in figures.items():
            found.append(run(given.seconds, table))
    print(f"medians (lowest to highest) of {given.runs} runs of {given.seconds:g} s; load {os.getloadavg()[0]:.1f}")
    for table, found in figures.items():
        columns = [f"{statistics.median(c):.1f} ({min(c):.1f} to {max(c):.1f})" for c in zip(*found, strict=True)]
        name = "live table in a terminal" if table else "no terminal"
        print(f"{name:25} first reading {columns[0]} s, {columns[1]} MB RSS, {columns[2]} % of a core")
    for name, seconds in commands().items():
        print(f"{name:35} {seconds:.2f} s")


if __name__ == "__main__":
    main()
