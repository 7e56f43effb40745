"""What runs cost: a folder into the store, a full PS module, a list of many runs, many runs analysed anew.

Run: .venv/bin/python bench/runs.py [--runs 1000] [--mongo]; the real folder is found by TRACKERDCS_PH2ACF_RUN.
Results in doc/reference/runs-bench.md.
"""

import argparse
import resource
import shutil
import statistics
import sys
import tempfile
import time
import unittest
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import uproot

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.ph2acf_folder import Ph2acfReader
from trackerdcs.adapters.runs_mongo import MongoRuns
from trackerdcs.adapters.runs_sqlite import SqliteRuns
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.app.importer import Importer
from trackerdcs.app.run_folders import find_runs
from trackerdcs.domain.run import RunModule, RunQuery
from trackerdcs.domain.stand import RunsConfig, Stand
from trackerdcs.ports_runs import RunStore
from trackerdcs.services.importing import Importing
from trackerdcs.tests import ph2acf_files as made
from trackerdcs.tests.contract.run_store_suite import whole_run
from trackerdcs.tests.mongo_server import Mongo
from trackerdcs.tests.ph2acf_data import real_run

ROUNDS = 5
MODULE = "Detector/Board_0/OpticalGroup_0"


def median(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median seconds of a call."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def write_module(path: Path) -> int:
    """Results of a whole PS module with its SCurves; returns the number of bins."""
    rng, bins = np.random.default_rng(1), 0
    with uproot.recreate(path) as file:
        file["Detector/CalibrationName_Detector"] = "PSquickTest"
        file["Detector/CalibrationStartTimestamp_Detector"] = made.local(3, form="%Y-%m-%d %H:%M:%S")
        for hybrid in (0, 1):
            for chip in range(16):
                kind, n = ("SSA", 120) if chip < 8 else ("MPA", 1920)
                where = f"{MODULE}/Hybrid_{hybrid}/{kind}_{chip}/D_B(0)_O(0)_H({hybrid})_{{}}_Chip({chip})"
                noise, middle = rng.normal(2.4, 0.3, n), rng.normal(84, 3, n)
                curve = 1 / (1 + np.exp((np.arange(255) - middle[:, None]) / noise[:, None]))
                curve[np.abs(np.arange(255) - middle[:, None]) > 40] = 0  # only the window that was swept is filled
                file[where.format("ChannelNoise")] = made.th1(noise, -0.5, n - 0.5, errors=noise / 10)
                file[where.format("ChannelPulseHeight")] = made.th1(middle, -0.5, n - 0.5)
                file[where.format("OffsetValues")] = made.th1(rng.integers(0, 31, n), -0.5, n - 0.5)
                file[where.format("OccupancyAfterOffsetEqualization")] = made.th1(rng.random(n), -0.5, n - 0.5)
                file[where.format("SCurve")] = made.th2(np.round(curve * 1000) / 1000)
                bins += n * (255 + 4)
        file["Detector/CalibrationStopTimestamp_Detector"] = made.local(26, form="%Y-%m-%d %H:%M:%S")
    return bins


def importer(store: RunStore, folder: Path) -> Importer:
    return Importer(store, Ph2acfReader(), SystemClock(), SqliteSeries(folder / "series.sqlite"), "bench")


def processor() -> float:
    """Seconds of processor time of this process and of those that it has waited for."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both)


def one_folder(store: RunStore, scratch: Path, folder: Path) -> tuple[float, float]:
    """Seconds of import and commit, and of processor time in it; the store has never seen the run."""
    (found,) = find_runs(folder)
    begin, used = time.perf_counter(), processor()
    importer(store, scratch).take(found)
    return time.perf_counter() - begin, processor() - used


def module_alone(folder: Path, scratch: Path) -> None:
    """In a process of its own: its memory is that of one import."""
    seconds, used = one_folder(SqliteRuns(scratch / "alone.sqlite"), scratch, folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"PS module in a process of its own: {seconds:.2f} s ({used:.2f} s of a core), {peak:.0f} MB at most",
        flush=True,
    )


def folders(stores: list[tuple[str, Callable[[Path], RunStore]]], scratch: Path) -> None:
    for title, folder in (("real folder", _real()), ("PS module", _module(scratch))):
        if folder is None:
            print(f"{title}: not on this machine")
            continue
        for name, make in stores:
            times = [one_folder(make(scratch / f"{title}{i}"), scratch, folder) for i in range(ROUNDS)]
            whole, used = (statistics.median(each) for each in zip(*times, strict=True))
            print(f"{title} into {name}: median {whole:.2f} s ({used:.2f} s of a core)", flush=True)
    process = get_context("spawn").Process(target=module_alone, args=(scratch / "module" / "Run_1", scratch))
    process.start()
    process.join()


def _real() -> Path | None:
    try:
        return real_run()
    except unittest.SkipTest:
        return None


def _module(scratch: Path) -> Path:
    folder = made.write_run(scratch / "module", 1, root=False)
    bins = write_module(folder / "Results.root")
    size = (folder / "Results.root").stat().st_size / 1e6
    print(f"PS module: {bins / 1e6:.1f} million bins, {size:.1f} MB")
    return folder


def lists(name: str, store: RunStore, number: int = 10_000) -> None:
    run = whole_run("r")
    for i in range(number):
        module = RunModule(f"PS_{i % 200}", "ec2acd51", 0, 0, (0, 1))
        store.put_run(replace(run, id=f"{i:032x}", start=(run.start or 0) + i * 10**9, modules=(module,)))
    for limit in (50, 1000):
        query = RunQuery(module="PS_7", limit=limit)
        found = len(store.runs(query))
        ms = 1000 * median(lambda query=query: store.runs(query), 21)  # type: ignore[misc]
        print(f"{number} runs in {name}, {found} of one module (limit {limit}): {ms:.1f} ms", flush=True)
    ms = 1000 * median(lambda: store.runs(RunQuery()), 21)
    print(f"{number} runs in {name}, the newest 100: {ms:.1f} ms", flush=True)


def many(scratch: Path, number: int) -> None:
    """Small runs, each with the histograms of two chips, analysed anew from their stored files."""
    first = made.write_run(scratch / "many", 1)
    root = (first / "Results.root").read_bytes()
    for i in range(2, number + 1):
        folder = Path(shutil.copytree(first, scratch / "many" / f"Run_{i}"))
        (folder / "Run_1.log").write_text(made.log_text(i))
        (folder / "Results.root").write_bytes(root)
    stand = Stand("bench", {}, data=str(scratch / "data"), runs=RunsConfig())
    with Importing(stand) as importing:
        for what in ("imported", "analysed anew"):
            begin, used = time.perf_counter(), processor()
            if what == "imported":
                done = list(importing.take(importing.folders([scratch / "many"]), settle=0))
            else:
                done = list(importing.again(importing.old(everything=True)))
            took, used = time.perf_counter() - begin, processor() - used
            rate = f"{took:.1f} s, {1000 * used / number:.0f} ms of a core each"
            print(f"{len(done)} small runs {what} with all cores: {rate}", flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=1000)
    arguments.add_argument("--mongo", action="store_true", help="also into a server that speaks MongoDB's protocol")
    given = arguments.parse_args()
    with ExitStack() as ends:
        scratch = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        stores: list[tuple[str, Callable[[Path], RunStore]]] = [("SQLite", SqliteRuns)]
        if given.mongo:
            server = ends.enter_context(Mongo())
            stores.append(("MongoDB", lambda path: MongoRuns(server.url, f"bench{abs(hash(path))}")))
        folders(stores, scratch)
        for name, make in stores:
            lists(name, make(scratch / "list"))
        many(scratch, given.runs)


if __name__ == "__main__":
    sys.exit(main())
