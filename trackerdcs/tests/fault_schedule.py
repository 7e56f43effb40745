"""For tests: a loader between a fast source and a database, under random faults; nothing may be lost.

Broker, loader and database are killed (SIGKILL) or frozen (SIGSTOP), one or several at a time, at random moments. In
the end each frame that was sent must be in the database once, by count, sequence and time, and the gap record must
agree.
"""

import asyncio
import contextlib
import dataclasses
import random
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain.stand import BusConfig
from trackerdcs.ports import TimeSeries
from trackerdcs.services.gap_records import accounts_of
from trackerdcs.services.stores import open_series
from trackerdcs.settings import load_stand
from trackerdcs.tests.fast_source import FastSource
from trackerdcs.tests.loader_parts import STAND, EmbeddedBrokerProcess, stand_file
from trackerdcs.tests.servers import HOST, Influxd, Mosquitto, Server
from trackerdcs.tests.service import Forked

Stack = Literal["tuned", "default", "embedded"]
TUNED = ("max_queued_messages 0", "max_inflight_messages 1000")
DEVICES = 50
AGAIN_S = 2.0
STUCK_S = 60.0
"""Without a confirmation for so long, the rest will never be confirmed."""


@dataclasses.dataclass
class Outcome:
    """What was done and what came of it."""

    sent: int
    replayed: int
    faults: Counter[str]
    drained_s: float
    wrong: list[str]


class FaultSchedule:
    """One stack: `tuned` Mosquitto with InfluxDB, `default` Mosquitto with SQLite, `embedded` broker with SQLite."""

    def __init__(self, stack: Stack, folder: Path, seed: int, leave: contextlib.ExitStack) -> None:
        self._random = random.Random(seed)
        self._folder = folder
        self._servers: dict[str, Server] = {}
        broker = EmbeddedBrokerProcess() if stack == "embedded" else Mosquitto(TUNED if stack == "tuned" else ())
        leave.callback(broker.stop)
        self._servers["broker"] = broker
        store = "{kind: sqlite}"
        if stack == "tuned":
            database = Influxd()
            leave.callback(database.stop)
            self._servers["database"] = database
            token = database.token_file()
            store = f"{{kind: influxdb, url: '{database.url}', org: test, bucket: test, token_file: {token}}}"
        kind = "embedded" if stack == "embedded" else "mqtt"
        self._file = stand_file(folder, f"{{kind: {kind}, port: {broker.port}}}", store)
        loader = Forked(["loader", str(self._file)])
        leave.callback(loader.stop)
        self._servers["loader"] = loader
        self._port = broker.port
        self.faults: Counter[str] = Counter()

    def log(self) -> str:
        """What the loader said."""
        return self._servers["loader"].log()

    async def run(self, seconds: float, rate: float) -> Outcome:
        """Send for so long under faults, then let everything drain."""
        async with MqttBus(BusConfig(host=HOST, port=self._port), f"source-{uuid.uuid4().hex[:8]}") as bus:
            source = FastSource(bus, STAND, DEVICES, AGAIN_S)
            jobs = [asyncio.create_task(job) for job in (source.listen(), source.resend())]
            sending = asyncio.create_task(source.send(seconds, rate))
            while not sending.done():
                await self._strike(self._servers)
            await sending
            ended = time.monotonic()
            await self._drain(source)
            drained = time.monotonic() - ended
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
        sent = sum(device.sent for device in source.devices)
        return Outcome(sent, source.replayed, self.faults, drained, await self._wrong(source))

    async def _drain(self, source: FastSource) -> None:
        least, since = source.open, time.monotonic()
        while source.open and time.monotonic() < since + STUCK_S:
            await asyncio.sleep(0.1)
            if source.open < least:
                least, since = source.open, time.monotonic()

    async def _strike(self, servers: Mapping[str, Server]) -> None:
        """One fault and its end."""
        dice = self._random
        await asyncio.sleep(dice.uniform(0.2, 2.0))
        names = dice.sample(sorted(servers), k=dice.choice((1, 1, 1, 2, len(servers))))
        what = dice.choice(("kill", "freeze"))
        for name in names:
            self.faults[f"{what} {name}"] += 1
            servers[name].kill() if what == "kill" else servers[name].freeze()
        await asyncio.sleep(dice.uniform(0.1, 3.0))
        for name in sorted(names, key=["broker", "database", "loader"].index):
            if what == "kill":
                await asyncio.to_thread(servers[name].restart)
            else:
                servers[name].thaw()

    async def _wrong(self, source: FastSource) -> list[str]:
        wrong = [f"{source.open} frames are not confirmed"] if source.open else []
        stand = load_stand(self._file)
        series: TimeSeries = open_series(stand.store, Path(stand.data), read_only=True)
        try:
            wrong += [why for device in source.devices if (why := await device.wrong(series)) is not None]
        finally:
            await series.close()
        told = accounts_of(Path(stand.data), STAND, None, 0, time.time_ns())
        for account in told:
            if account.spans:
                wrong.append(f"the gap record tells of {account.device}: {account.spans[:3]}")
        if (stored := sum(account.stored for account in told)) != sum(device.sent for device in source.devices):
            wrong.append(f"the gap record has {stored} frames stored")
        return wrong
