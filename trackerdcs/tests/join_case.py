"""For tests: runs and slow control that belong together, in memory."""

import asyncio
import io
import math
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from trackerdcs.adapters.runs_memory import MemoryRuns
from trackerdcs.adapters.series_memory import MemorySeries
from trackerdcs.domain.errors import TrackerError
from trackerdcs.domain.gaps import Account
from trackerdcs.domain.join import Measured
from trackerdcs.domain.run import ChipSummary, Run, RunModule, Zone
from trackerdcs.domain.run_links import Binding
from trackerdcs.domain.run_results import Axis, Result, Stats, Values, packed
from trackerdcs.domain.series import Point
from trackerdcs.ports import TimeSeries

S = 1_000_000_000
T0 = 1_780_000_020 * S + 123_456_789
MODULE = "PS_1"
HV = Measured("bench", "hv1", "ch0", "v_mon", "V", 1.0)
LEAK = replace(HV, quantity="i_mon", unit="A")
AIR = Measured("bench", "env1", "-", "t_air", "degC", 1.0, shared=True)
OTHER = replace(HV, channel="ch1")
RAW = {"Results.root": b"root" + bytes(range(256)), 'sub/a "b";\tX: é.log': b"said"}
KNOWN = (HV, LEAK, OTHER, AIR)


def made_run(id: str, start: int | None = T0, **more: Any) -> Run:
    """A run of 100 s of MODULE on ch0 of hv1."""
    whole: dict[str, Any] = {
        "calibration": "noise",
        "stand": "bench",
        "start": start,
        "end": None if start is None else start + 100 * S,
        "zone": Zone(7200, "bridge", 0.01),
        "modules": (RunModule(MODULE, "ec2acd51", channels=("bench/hv1/ch0",)),),
        "summary": (
            ChipSummary(0, 0, 0, 0, "SSA", 2.0, 0.1, 80.0, 120, 0),
            ChipSummary(0, 0, 0, 8, "MPA", 3.0, 0.1, 80.0, 1920, 0),
        ),
        "complete": True,
    }
    return Run(id, **({"state": "done"} | whole | more))


def result(run: str) -> Result:
    stats = {"noise": Stats(2, 2.5, 0.1, 2.4, 2.6)}
    axes = (Axis("channel", 2, -0.5, 1.5), Axis("Vcth", 3, 0.0, 3.0))
    curve = packed("SCurve", "<f4", (2, 3), axes, array("f", [0.1, 1.0, 2.0, math.nan, 4.0, 5.0]).tobytes())
    hits = packed("Hits", "<u2", (3,), axes[1:], array("H", [1, 2, 65535]).tobytes())
    values: dict[str, Values] = {"noise": (2.4, None, 2.6)}
    return Result(run, "pedenoise", 0, 0, 0, 8, "MPA", MODULE, 1, T0, values, stats=stats, blobs=(curve, hits))


class MadeStores:
    """app.joiner.Stores and app.desk.Stores in memory; `told` is what the gap record says, None where there is none."""

    def __init__(self) -> None:
        self.known: Sequence[Measured] = KNOWN
        self.run_store, self.time_series = MemoryRuns(), MemorySeries()
        self.told: list[Account] | None = []

    def runs(self, make: bool = False) -> MemoryRuns:
        return self.run_store

    def series(self, stand: str) -> TimeSeries:
        return self.time_series

    def accounts(self, stand: str, since: int) -> list[Account]:
        if self.told is None:
            raise TrackerError("no gap record here")
        return self.told

    def write(self, of: Measured, values: dict[int, float]) -> None:
        """Values by second since T0."""
        tags = (("stand", of.stand), ("device", of.device), ("channel", of.channel))
        points = [Point("x", tags, T0 + second * S, {of.quantity: value}) for second, value in values.items()]
        assert not asyncio.run(self.time_series.write(points))


def filled() -> MadeStores:
    """Two runs, of which the second one is warmer and noisier; a spike and a gap in the voltage of the first."""
    stores = MadeStores()
    warm = (ChipSummary(0, 0, 0, 8, "MPA", 4.0, 0.1, 80.0, 1920, 4),)
    stores.run_store.put_run(made_run("r1"))
    stores.run_store.put_run(made_run("r2", T0 + 1000 * S, summary=warm, calibration="other"))
    stores.run_store.put_results("r1", 1, [result("r1")])
    for name, content in RAW.items():
        stores.run_store.put_raw("r1", name, "root", io.BytesIO(content))
    stores.run_store.put_binding(Binding("bench", "hv1", "ch0", MODULE, T0 - 500 * S))
    stores.write(HV, {s: -200.0 for s in range(-20, 120) if not 40 <= s < 60} | {70: -500.0})
    stores.write(AIR, {s: 20.0 for s in range(100)} | {s: 30.0 for s in range(1000, 1100)})
    return stores
