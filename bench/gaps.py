"""What the gap record costs a loader, beside writing the same frames into the SQLite store.

Run: .venv/bin/python bench/gaps.py
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from trackerdcs.adapters.gaps_sqlite import SqliteGaps, read_gaps
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.domain.codec import encode
from trackerdcs.domain.gaps import Piece, accounts
from trackerdcs.domain.intake import Intake, pieces_of, take_in
from trackerdcs.domain.messages import Frame

ROUNDS, BATCH = 31, 1000
HOLES = 100_000
T = 1_700_000_000 * 10**9


def batch(number: int, devices: int) -> list[Intake]:
    """The frames of some devices, each in its order, as a loader takes them in."""
    each = BATCH // devices
    frames = [
        (f"d{d}", Frame(T + seq * 10**9, seq, "b", "0", "hv", {"ch0": {"v_mon": seq / 2}}))
        for seq in range(number * each, (number + 1) * each)
        for d in range(devices)
    ]
    return [take_in(f"dcs/v1/bench/{device}/frame", encode(frame)) for device, frame in frames]


async def cost(folder: Path, devices: int) -> str:
    """Of a batch, by turns the store and the record."""
    gaps, series = SqliteGaps(folder / f"{devices}.gaps"), SqliteSeries(folder / f"{devices}.series")
    record, write = [], []
    for number in range(ROUNDS):
        taken = batch(number, devices)
        began = time.perf_counter()
        await series.write([point for intake in taken for point in intake.points])
        written = time.perf_counter()
        gaps.add(pieces_of(taken, "stored", time.time_ns()))
        record.append(time.perf_counter() - written)
        write.append(written - began)
    await series.close()
    gaps.close()
    took, store = (statistics.median(times) * 1e3 for times in (record, write))
    return (
        f"{BATCH} frames of {devices} devices: {took:.1f} ms, worst {max(record) * 1e3:.1f}; the store {store:.1f} ms"
    )


def holes(folder: Path) -> str:
    """A record of nothing but holes."""
    gaps = SqliteGaps(folder / "holes")
    gaps.add([Piece("bench", "d", "b", "stored", 3 * n, 3 * n + 1, T, T, T, T) for n in range(HOLES)])
    began = time.perf_counter()
    gaps.add([Piece("bench", "d", "b", "stored", 3 * HOLES, 3 * HOLES, T, T, T, T)])
    added = time.perf_counter() - began
    began = time.perf_counter()
    (told,) = accounts(read_gaps(folder / "holes", "bench").pieces, 0, 2 * T)
    gaps.close()
    read = time.perf_counter() - began
    return f"with {len(told.spans)} holes in a boot: one more frame {added * 1e3:.1f} ms, reading them {read:.1f} s"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for devices in (1, 10, 1000):
            print(asyncio.run(cost(Path(folder), devices)))
        print(holes(Path(folder)))


if __name__ == "__main__":
    main()
