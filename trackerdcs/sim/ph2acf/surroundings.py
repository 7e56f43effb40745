"""What the simulated stand does to the module: its voltages and temperature, asked from the control socket."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trackerdcs.sim.ph2acf.knobs import Knobs

BIASED = 50.0  # V: below it the sensor is not depleted
POWERED = 1.0  # V at the low voltage of a module
UNBIASED_FACTOR = 1.8
PER_DEGREE = 0.002
REFERENCE_T = 20.0


@dataclass(frozen=True)
class Surroundings:
    """Of one moment; None is not known, and then what a good bench would have is taken."""

    t: float | None = None
    hv_v: float | None = None
    lv_v: float | None = None
    why: str = ""

    @property
    def powered(self) -> bool:
        """Is there low voltage?"""
        return self.lv_v is None or self.lv_v >= POWERED

    @property
    def temperature(self) -> float:
        """Of the module in degC."""
        return REFERENCE_T if self.t is None else self.t

    @property
    def noise_factor(self) -> float:
        """The noise relative to a biased sensor at 20 degC."""
        biased = self.hv_v is None or abs(self.hv_v) >= BIASED
        return (1.0 if biased else UNBIASED_FACTOR) * (1.0 + PER_DEGREE * (self.temperature - REFERENCE_T))

    def __str__(self) -> str:
        def known(value: float | None, unit: str) -> str:
            return "unknown" if value is None else f"{value:.1f} {unit}"

        text = f"HV {known(self.hv_v, 'V')}, LV {known(self.lv_v, 'V')}, T {known(self.t, 'degC')}"
        return f"{text} ({self.why})" if self.why else text


def _ask(address: tuple[str, int], request: Mapping[str, Any]) -> Any:
    with socket.create_connection(address, 5.0) as connection:
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as lines:
            return json.loads(lines.readline())


def look(knobs: Knobs, module: int = 0) -> Surroundings:
    """Ask the stand about the module with this place in the file; what cannot be had is None, and `why` says so."""
    if knobs.sim is None:
        return Surroundings(why="no stand to ask: a biased module at 20 degC is assumed")
    place = f"{knobs.sim[0]}:{knobs.sim[1]}"
    try:
        state = _ask(knobs.sim, {"op": "state"})
        devices, t = state["devices"], float(state["world"]["t_plate"])
    except (OSError, ValueError, KeyError, TypeError) as e:
        return Surroundings(why=f"{place} does not answer, a biased module at 20 degC is assumed: {e!r}")
    missing: list[str] = []

    def voltage(channels: tuple[tuple[str, str], ...]) -> float | None:
        if not channels:
            return None
        channel = channels[min(module, len(channels) - 1)]
        try:
            return float(devices[channel[0]]["channels"][channel[1]]["v"])
        except (KeyError, TypeError):
            missing.append(".".join(channel))
            return None

    hv, lv = voltage(knobs.hv), voltage(knobs.lv)
    return Surroundings(t, hv, lv, f"{place} has no channel {', '.join(missing)}" if missing else "")
