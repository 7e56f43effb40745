"""For tests: a stand as a lab runs it, each service a process of its own, on a real broker and a real database."""

import functools
import json
import os
import sqlite3
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

from trackerdcs.adapters.gaps_sqlite import read_gaps
from trackerdcs.adapters.ledger_sqlite import read_chain
from trackerdcs.adapters.series_influx import InfluxSeries
from trackerdcs.app.sole_owner import SoleOwner
from trackerdcs.domain.codec import decode
from trackerdcs.domain.ledger import LedgerEntry, entry_of, verify
from trackerdcs.domain.messages import Frame, Value
from trackerdcs.domain.series import Selection
from trackerdcs.domain.topics import parse
from trackerdcs.services import device as owner
from trackerdcs.services import runtime
from trackerdcs.settings import load_stand
from trackerdcs.sim.control import ask
from trackerdcs.tests import forked
from trackerdcs.tests.servers import HOST, Influxd, Mosquitto, free_port
from trackerdcs.tests.service import TRACKERDCS, Forked, Service

STAND = "bench"
PERIOD_S = 0.2
UNCONFIRMED_S = 1.0
"""Replay sooner than in a lab, so that a test need not wait for half a minute."""

FILE = """
stand: {stand}
data: {data}
bus: {{kind: mqtt, host: 127.0.0.1, port: {broker}}}
store: {{kind: influxdb, url: "{url}", org: {org}, bucket: {bucket}, token_file: "{token_file}"}}
users: {{cli: expert}}
sim: {{control: {control}, speed: 10}}
devices:
  hv1:
    driver: iseg_shr
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::{hv1}::SOCKET"}}
    period: {period}
    channels:
      ch0: {{v_min: -800, v_max: 0, i_limit_max: 2e-5, ramp_up: 100, ramp_down: 100, module: m-1, t_unknown: 600}}
  lv1:
    driver: hmp4040
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::{lv1}::SOCKET"}}
    period: {period}
    channels:
      ch1: {{v_min: 0, v_max: 12.5, i_limit_max: 2, module: m-1}}
  env1:
    driver: env_board
    sim: true
    link: {{resource: "ASRL{data}/env1.tty::INSTR"}}
    period: {period}
"""


# Killed together with the broker, an owner has no last will: the next one listens for a heartbeat, here for 1 s.
def device_service(file: str, name: str, unconfirmed: str) -> int:
    """Be a device service, in a process of its own."""
    mock.patch("trackerdcs.services.device.SoleOwner", functools.partial(SoleOwner, heartbeat=1.0)).start()
    stand = load_stand(file)
    return runtime.run(lambda: owner.serve(stand, name, float(unconfirmed)))


class Stack:
    """Broker, database, simulators, three device services and a loader."""

    devices = ("hv1", "lv1", "env1")

    def __init__(self, folder: Path, enter: Any) -> None:
        self.folder = folder
        self.start = time.time_ns()
        self.broker: Mosquitto = enter(Mosquitto())
        self.database: Influxd = enter(Influxd())
        self.control = free_port()
        self.file = folder / "bench.yaml"
        self.file.write_text(
            FILE.format(
                stand=STAND,
                data=folder,
                broker=self.broker.port,
                url=self.database.url,
                token_file=self.database.token_file(),
                org=Influxd.org,
                bucket=Influxd.bucket,
                control=self.control,
                hv1=free_port(),
                lv1=free_port(),
                period=PERIOD_S,
            )
        )
        self.sim: Service = enter(Service([TRACKERDCS, "sim", "run", str(self.file)], "env1: simulated at"))
        self.loader: Service = enter(Service([TRACKERDCS, "loader", str(self.file)]))
        self.owners: dict[str, Service] = {
            name: enter(Forked([str(self.file), name, str(UNCONFIRMED_S)], work=device_service))
            for name in self.devices
        }

    def truth(self, device: str) -> dict[str, dict[str, Value]]:
        """What the simulated instrument really does."""
        channels: dict[str, dict[str, Value]] = ask(HOST, self.control, {"op": "state"})["devices"][device]["channels"]
        return channels

    def journal(self, device: str) -> list[tuple[str, int, int]]:
        """Boot, sequence number and time stamp of the frames that are not known to be stored."""
        path = self.folder / f"{device}.journal.sqlite"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            rows = db.execute("SELECT boot, seq, payload FROM frames").fetchall()
        return [(boot, seq, json.loads(payload)["ts"]) for boot, seq, payload in rows]

    def ledger(self, device: str) -> list[LedgerEntry]:
        """What is in the ledger of a device; AssertionError if its chain does not hold."""
        path = self.folder / f"{device}.ledger.sqlite"
        links = list(read_chain(path))
        if (checked := verify(links)).broken or list(self.folder.glob(f"{path.name}.damaged-*")):
            raise AssertionError(
                f"{device}: the chain of its ledger is broken: {checked.why or 'put aside as damaged'}"
            )
        return [entry_of(link) for link in links]

    def drained(self, before: int) -> bool:
        """True if no journal holds a frame from before the time `before` (ns UTC)."""
        return all(ts >= before for name in self.devices for _, _, ts in self.journal(name))

    def wait_drained(self, patience: float) -> int:
        """Wait until all that was said until now is known to be stored; returns this now, in ns UTC."""
        now, deadline = time.time_ns(), time.monotonic() + patience
        while not self.drained(now):
            if time.monotonic() > deadline:
                left = {name: self.journal(name)[:5] for name in self.devices}
                raise AssertionError(f"not stored after {patience} s: {left}\n{self.loader.log()[-3000:]}")
            time.sleep(0.1)
        return now

    def trackerdcs(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the command line, in this stand."""
        return forked.trackerdcs(arguments, os.environ | {"TRACKERDCS_STAND_FILE": str(self.file)})

    async def stored(self, device: str, stop: int) -> dict[str, list[int]]:
        """Sequence numbers in the database by boot, in the order of their time stamps, until `stop` (ns UTC)."""
        db = self.database
        series = InfluxSeries(db.url, db.org, db.bucket, db.token)
        seqs = await series.samples(Selection(STAND, device, None, "seq", self.start, stop))
        boots = await series.samples(Selection(STAND, device, None, "boot", self.start, stop))
        await series.close()
        found: dict[str, list[int]] = defaultdict(list)
        boot_at = {b.ts: str(b.value) for b in boots}  # frames between the queries are only here
        for s in seqs:
            assert s.ts in boot_at, f"{device}: a frame with half an identity at {s.ts}"
            found[boot_at[s.ts]].append(int(float(s.value)))
        return dict(found)

    async def losses(self, seen: Iterable[tuple[str, bytes, bool]], stop: int) -> list[str]:
        """What the database misses, doubles or confuses of all that was said on the bus until `stop`."""
        said: dict[str, set[tuple[str, int]]] = defaultdict(set)
        for topic, payload, _ in seen:
            where = parse(topic)
            if where.kind in ("frame", "replay") and where.stand == STAND:
                frame = decode(Frame, payload)
                if frame.ts < stop:
                    said[where.device or ""].add((frame.boot, frame.seq))
        wrong = []
        for device in self.devices:
            stored = await self.stored(device, stop)
            for boot, seqs in stored.items():
                if seqs != list(range(len(seqs))):
                    missing = sorted(set(range(seqs[-1])) - set(seqs))
                    wrong.append(f"{device} {boot}: {len(seqs)} frames to {seqs[-1]}, missing {missing[:10]}")
            if missed := said[device] - {(boot, seq) for boot, seqs in stored.items() for seq in seqs}:
                wrong.append(f"{device}: said and not stored: {sorted(missed)[:10]}")
            wrong += await self.wrongly_recorded(device, {(boot, seq) for boot, seqs in stored.items() for seq in seqs})
        return wrong

    async def wrongly_recorded(self, device: str, stored: set[tuple[str, int]]) -> list[str]:
        """Where the loader's gap record and the database differ: what is `stored` is recorded, and nothing else is."""
        pieces = read_gaps(self.folder / "loader.gaps.sqlite", STAND, device).pieces
        told = {(p.boot, seq) for p in pieces if p.fate == "stored" for seq in range(p.first, p.last + 1)}
        by_now = await self.stored(device, time.time_ns() + 10**9)
        false = told - {(boot, seq) for boot, seqs in by_now.items() for seq in seqs}
        wrong = [f"{device}: recorded as stored and is not: {sorted(false)[:10]}"] if false else []
        return wrong + ([f"{device}: stored and not recorded: {sorted(stored - told)[:10]}"] if stored - told else [])
