"""The loader as a process on real parts, killed in mid-stream: count, sequence and values in the database."""

import asyncio
import contextlib
import sqlite3
import subprocess
import tempfile
import time
import unittest
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import ClassVar

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.deadletters_sqlite import SqliteDeadLetters, read_letters
from trackerdcs.adapters.series_influx import InfluxSeries
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.gaps import Account
from trackerdcs.domain.messages import Event, Status
from trackerdcs.domain.stand import BusConfig
from trackerdcs.ports import Delivery, ParkedMessage, TimeSeries
from trackerdcs.services.gap_records import accounts_of
from trackerdcs.tests.loader_parts import DEVICE, STAND, EmbeddedBrokerProcess, Source, stand_file
from trackerdcs.tests.long import long
from trackerdcs.tests.servers import HOST, Influxd, Mosquitto
from trackerdcs.tests.service import TRACKERDCS, Forked
from trackerdcs.tests.waiting import full_speed, until
from trackerdcs.tests.witness import Witness

RATE = 300.0
LIMIT_S = 30.0


class LoaderCase(unittest.IsolatedAsyncioTestCase):
    """What all stacks share: a loader on a stand file, a device, and the comparison in the end."""

    port: int
    bus: str
    store: str
    series: TimeSeries

    def start_loader(self, damaged: Collection[str] = ()) -> Forked:
        full_speed()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = Path(folder.name)
        for name in damaged:
            (self.data / name).write_bytes(b"no database" * 1000)
        loader = Forked(["loader", str(stand_file(self.data, self.bus, self.store))])
        self.addCleanup(loader.stop)
        return loader

    @contextlib.asynccontextmanager
    async def source(self, again: float | None = 0.5, bad: Collection[str] = ()) -> AsyncIterator[Source]:
        witness = Witness(MqttBus(BusConfig(host=HOST, port=self.port), "witness"), bad)
        async with witness, MqttBus(BusConfig(host=HOST, port=self.port), "source") as bus:
            source = Source(bus, again)
            tasks = [asyncio.create_task(source.listen()), asyncio.create_task(source.resend())]
            yield source
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def recorded(self, source: Source) -> Account:
        """What the loader's gap record says of the source."""
        found = accounts_of(self.data, STAND, DEVICE, 0, time.time_ns())
        return next(account for account in found if account.boot == source.boot)

    async def retry_beside_the_loader(self, source: Source) -> None:
        """A letter that can be stored by now is, while the loader runs, into the database that it writes."""
        frame = source.next_frame()
        source.confirmed.add(frame.seq)  # as whoever parked it has said
        path = self.data / "loader.deadletters.sqlite"
        letters = SqliteDeadLetters(path, guest=True)
        letters.park(
            [ParkedMessage(f"dcs/v1/{STAND}/{DEVICE}/frame", encode(frame), "an older version", time.time_ns())]
        )
        command = [TRACKERDCS, "deadletter", "retry", "--cause", "older", "-f", str(self.data / f"{STAND}.yaml")]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "1 stored, 0 stay\n"), done.stderr)
        letters.close()
        self.assertNotIn("an older version", [letter.why for letter in read_letters(path)])
        self.assertIn((frame.ts, float(frame.seq)), (await source.stored(self.series))[0])

    async def assert_all_stored(self, source: Source) -> None:
        self.assertEqual(await source.stored(self.series), source.expected())
        await until(lambda: self.recorded(source).stored == len(source.sent))  # just after the write
        told = self.recorded(source)
        self.assertEqual((told.stored, told.spans), (len(source.sent), ()))
        self.assertEqual((told.begin, told.end), (source.sent[0].ts, source.sent[told.stored - 1].ts))


class TestServed(LoaderCase):
    """Mosquitto and InfluxDB."""

    mosquitto: ClassVar[Mosquitto]
    influxd: ClassVar[Influxd]

    @classmethod
    def setUpClass(cls) -> None:
        cls.mosquitto = Mosquitto()
        cls.addClassCleanup(cls.mosquitto.stop)
        cls.influxd = Influxd()
        cls.addClassCleanup(cls.influxd.stop)

    async def asyncSetUp(self) -> None:
        self.port = self.mosquitto.port
        self.bus = f"{{host: {HOST}, port: {self.port}}}"
        influxd = self.influxd
        self.store = (
            f"{{kind: influxdb, url: '{influxd.url}', org: {influxd.org}, bucket: {influxd.bucket},"
            f" token_file: {influxd.token_file()}}}"
        )
        self.series = InfluxSeries(influxd.url, influxd.org, influxd.bucket, influxd.token)
        self.addAsyncCleanup(self.series.close)

    async def test_a_killed_loader_goes_on_from_its_session_with_the_broker(self) -> None:
        loader = self.start_loader()
        async with self.source(again=None) as source:
            sending = asyncio.create_task(source.send(450, RATE))
            for count in (100, 250):
                await until(lambda count=count: len(source.sent) >= count)  # type: ignore[misc]
                loader.kill()
                await asyncio.sleep(0.2)
                await asyncio.to_thread(loader.restart)
            await sending
            async with asyncio.timeout(LIMIT_S):
                while len((await source.stored(self.series))[0]) < 450:
                    await asyncio.sleep(0.1)
            await self.assert_all_stored(source)

    @long
    async def test_a_frozen_database_loses_nothing(self) -> None:
        self.start_loader()
        async with self.source() as source:
            sending = asyncio.create_task(source.send(900, RATE))
            await until(lambda: len(source.confirmed) > 50)
            self.influxd.freeze()
            await asyncio.sleep(3)
            self.influxd.thaw()
            await sending
            await until(lambda: len(source.confirmed) == 900)
            await self.assert_all_stored(source)

    @long
    async def test_a_killed_database_loses_nothing_and_costs_two_log_lines(self) -> None:
        loader = self.start_loader()
        async with self.source() as source:
            sending = asyncio.create_task(source.send(450, RATE))
            await until(lambda: len(source.confirmed) > 50)
            self.influxd.kill()
            await asyncio.sleep(0.5)
            await asyncio.to_thread(self.influxd.restart)
            await sending
            await until(lambda: len(source.confirmed) == 450)
            await self.assert_all_stored(source)
        said = [line for line in loader.log().splitlines() if "app.storer" in line]
        self.assertEqual(len(said), 2, loader.log())

    @long
    async def test_a_killed_broker_loses_nothing(self) -> None:
        self.start_loader()
        async with self.source() as source:
            sending = asyncio.create_task(source.send(450, RATE))
            await until(lambda: len(source.confirmed) > 50)
            self.mosquitto.kill()
            await asyncio.sleep(0.3)
            await asyncio.to_thread(self.mosquitto.restart)
            await sending
            await until(lambda: len(source.confirmed) == 450)
            await self.assert_all_stored(source)

    async def test_nonsense_is_parked_beside_damaged_files_and_the_loader_ends_as_told(self) -> None:
        damaged = ["loader.deadletters.sqlite", "loader.gaps.sqlite"]
        loader = self.start_loader(damaged)
        nonsense = {b"\xff": "not JSON", b'{"v":2}': "newer", b'{"v":1,"ts":NaN}': "NaN", b"": "not JSON"}
        topic = "dcs/v1/bench/hv9/frame"
        fool = MqttBus(BusConfig(host=HOST, port=self.port), "fool")
        async with self.source(bad=[topic]) as source, fool:
            statuses = aiter(fool.subscribe("dcs/v1/site/loader/status"))
            said = await _heard(statuses, "online")
            for name in damaged:
                self.assertIn(f"a damaged file was set aside as {name}.damaged-1", said.error or "")
                self.assertEqual((self.data / f"{name}.damaged-1").read_bytes(), b"no database" * 1000)
            for payload in nonsense:
                await fool.publish(topic, payload)
            lost = {"boot": source.boot, "from": 5, "to": 9, "cause": "disk full"}
            await fool.publish(f"dcs/v1/{STAND}/{DEVICE}/event", encode(Event("lost", 1, source.boot, data=lost)))
            await source.send(5, RATE)
            await until(lambda: len(source.confirmed) == 5)
            told = self.recorded(source)
            self.assertEqual((told.stored, told.frames("lost"), told.spans[0].cause), (5, 5, "disk full"))
            letters = self.data / "loader.deadletters.sqlite"
            await until(lambda: letters.exists() and len(_rows(letters)) == len(nonsense))
            await self.retry_beside_the_loader(source)
            self.assertEqual([(s.fate, s.first) for s in self.recorded(source).spans], [("lost", 6)])
            for (payload, why), (sent, cause) in zip(_rows(letters), nonsense.items(), strict=True):
                self.assertEqual(payload, sent)
                self.assertIn(cause, why)
            status, seconds = await asyncio.to_thread(loader.end)
            self.assertEqual(status, 0, loader.log())
            self.assertLess(seconds, 2.0)
            await _heard(statuses, "offline")


class TestEmbedded(LoaderCase):
    """The broker from pip and SQLite: no session outlives a connection, the journals carry it all."""

    async def test_a_killed_loader_and_a_killed_broker_lose_nothing(self) -> None:
        broker = EmbeddedBrokerProcess()
        self.addCleanup(broker.stop)
        self.port, self.store = broker.port, "{kind: sqlite}"
        self.bus = f"{{kind: embedded, port: {self.port}}}"
        loader = self.start_loader()
        self.series = SqliteSeries(self.data / "series.sqlite", read_only=True)
        self.addAsyncCleanup(self.series.close)
        async with self.source() as source:
            sending = asyncio.create_task(source.send(450, RATE))
            await until(lambda: len(source.confirmed) > 50)
            loader.kill()
            await asyncio.sleep(0.3)
            await asyncio.to_thread(loader.restart)
            await until(lambda: len(source.confirmed) > 200)
            broker.kill()
            await asyncio.sleep(0.3)
            await asyncio.to_thread(broker.restart)
            await sending
            await until(lambda: len(source.confirmed) == 450)
            await self.retry_beside_the_loader(source)
            await self.assert_all_stored(source)
            self.assertGreater(source.replayed, 0)


async def _heard(statuses: AsyncIterator[Delivery], state: str) -> Status:
    """The first status that says so; an earlier loader's may be retained."""
    async with asyncio.timeout(LIMIT_S):
        while (status := decode(Status, (await anext(statuses)).payload)).state != state:
            pass
    return status


def _rows(path: Path) -> list[tuple[bytes, str]]:
    with contextlib.closing(sqlite3.connect(path)) as db, contextlib.suppress(sqlite3.OperationalError):
        return db.execute("SELECT payload, why FROM letters ORDER BY id").fetchall()
    return []  # the file is just being made
