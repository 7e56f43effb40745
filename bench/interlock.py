"""From the world to the output: how long until a high voltage falls after the humidity has risen above its interlock.

Run: .venv/bin/python bench/interlock.py [--tries 10]
It is the demonstrator, with its own guard, owners and broker: env1 is polled each second, and so is hv1.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from trackerdcs.sim.control import ask

TRACKERDCS = str(Path(sys.executable).with_name("trackerdcs"))
HOST, BROKER, SIM = "127.0.0.1", 22883, 22890
TARGET = 100.0
"""V; where the voltage is when the humidity rises."""


def state() -> dict[str, Any]:
    """What hv1 ch0 really does."""
    channel: dict[str, Any] = ask(HOST, SIM, {"op": "state"})["devices"]["hv1"]["channels"]["ch0"]
    return channel


def rh(value: float) -> None:
    ask(HOST, SIM, {"op": "world", "set": {"rh": value}})


def reached() -> bool:
    """True when the instruments are there."""
    try:
        state()
    except OSError:
        return False
    return True


def until(what: str, look: Any, patience: float = 60.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + patience
    while not look():
        if time.monotonic() > end:
            raise SystemExit(f"not within {patience:g} s: {what}; {state()}")
        time.sleep(0.005)


def bench(tries: int) -> None:
    """Up, damp, down, dry, and again."""
    with tempfile.TemporaryDirectory() as name:
        ports = ["--broker-port", str(BROKER), "--sim-port", str(SIM)]
        demo = subprocess.Popen([TRACKERDCS, "demo", *ports, "--data", name], stdout=subprocess.DEVNULL)
        environment = os.environ | {"TRACKERDCS_STAND_FILE": f"{name}/stand.json"}

        def send(*args: str) -> bool:
            command = [TRACKERDCS, "send", "demo", *args, "--reason", "bench"]
            return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0

        try:
            until("the simulation", reached)
            rh(20.0)
            until("low voltage", lambda: send("lv1", "on", "ch1"))
            times = []
            for _ in range(tries):
                until("trip cleared", lambda: send("hv1", "clear_trip", "ch0"))
                until("target", lambda: send("hv1", "set_voltage", "ch0", "--arg", f"v={-TARGET}"))
                until("on", lambda: send("hv1", "on", "ch0"))
                time.sleep(random.random())
                began = time.monotonic()
                rh(80.0)
                until("falling", lambda: abs(state()["v"]) < 0.98 * TARGET)
                times.append(time.monotonic() - began)
                rh(20.0)
                until("off", lambda: not state()["on"])
                until("reset", lambda: send("guard", "reset", "--arg", "interlock=dry_air"))
        finally:
            demo.terminate()
            demo.wait(10)
    print(json.dumps([round(t, 3) for t in times]))
    print(
        f"input to output falling, {tries} times: median {statistics.median(times):.2f} s, worst {max(times):.2f} s; "
        f"periods of 1 s; load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=10)
    bench(parser.parse_args().tries)


if __name__ == "__main__":
    main()
