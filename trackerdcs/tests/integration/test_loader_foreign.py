"""Beside our devices: foreign topics, several loaders, a wrong token, a full disk; a real broker, loader processes."""

import asyncio
import contextlib
import json
import os
import subprocess
import tempfile
import time
import unittest
from collections.abc import AsyncIterator
from pathlib import Path

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.deadletters_sqlite import Letter, read_letters
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.domain.codec import decode
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.messages import Status
from trackerdcs.domain.series import Sample, Selection
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests import forked
from trackerdcs.tests.loader_parts import STAND, stand_file
from trackerdcs.tests.servers import HOST, Influxd, Mosquitto
from trackerdcs.tests.service import Forked
from trackerdcs.tests.waiting import until

MAPPING = """
topics:
  lab/{sensor}/{quantity}:
    {payload: number, measurement: env, tags: {stand: lab, device: "{sensor}"}, fields: {"{quantity}": {}}}
  flat/{n}:
    payload: json
    measurement: env
    tags: {stand: lab, device: "{n}"}
    time: {path: ts, format: s}
    fields: {value: {}}
  tele/{node}/SENSOR:
    payload: json
    measurement: env
    tags: {stand: lab, device: "{node}"}
    time: {path: Time, format: iso, zone: UTC}
    fields: {t_air: {path: AM2301.Temperature, unit: degC}, rh: {path: AM2301.Humidity, optional: true}}
  spBv1.0/{group}/DDATA/{node}/{device}:
    payload: json
    measurement: chiller
    tags: {stand: lab, device: "{device}"}
    time: {path: timestamp, format: ms}
    each: {path: metrics, name: name, value: value, others: ignore}
    fields: {t_mon: {path: Temperature}}
  telegraf/{host}/#: {payload: line, tags: {stand: lab, device: "{host}"}}
"""
T = 1_750_000_000
GOOD = {
    "lab/freezer/t_air": b"-21.5",
    "flat/f1": b'{"ts": %d.25, "value": 3, "unit": "V"}' % T,
    "tele/node1/SENSOR": b'{"Time": "2025-06-15T15:06:40", "AM2301": {"Temperature": 21.3}}',
    "spBv1.0/g/DDATA/n/chiller1": b'{"timestamp": %d000, "metrics": [{"name": "Temperature", "value": -18.0}]}' % T,
    "telegraf/pc1/cpu": b"cpu,core=0 usage=12.5 %d000000000" % T,
}
BAD = {
    "lab/freezer/rh": b"wet",
    "flat/f2": b'{"ts": "yesterday", "value": 3}',
    "flat/f3": b'{"value"',
    "tele/node2/SENSOR": b'{"Time": "2025-06-15T15:06:40"}',
    "telegraf/pc2/cpu": b"cpu,core=0 usage=",
    "dcs/v1/bench/hv1/frame": b"{}",
}
STORED = {
    ("freezer", "-", "t_air"): -21.5,
    ("f1", "-", "value"): 3.0,
    ("node1", "-", "t_air"): 21.3,
    ("chiller1", "-", "t_mon"): -18.0,
    ("pc1", "-", "usage"): 12.5,
}


class ForeignCase(unittest.IsolatedAsyncioTestCase):
    """A broker, a folder, and who publishes."""

    async def asyncSetUp(self) -> None:
        self.broker = Mosquitto()
        self.addCleanup(self.broker.stop)
        self.data = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.bus = await self.enterAsyncContext(MqttBus(BusConfig(host=HOST, port=self.broker.port), "lab"))

    def loader(self, stand: Path, *options: str) -> Forked:
        loader = Forked(["loader", str(stand), *options])
        self.addCleanup(loader.stop)
        return loader

    def letters(self) -> list[Letter]:
        try:
            return list(read_letters(self.data / "loader.deadletters.sqlite"))
        except StoreFault:
            return []

    async def samples(self, device: str, channel: str, quantity: str) -> list[Sample]:
        series = SqliteSeries(self.data / "series.sqlite", read_only=True)
        try:
            return await series.samples(Selection("lab", device, channel, quantity, 0, 2**62))
        finally:
            await series.close()

    async def one(self, device: str, channel: str, quantity: str) -> Sample:
        """The only value of a quantity, waited for."""
        async with asyncio.timeout(30):
            while not (found := await self.samples(device, channel, quantity)):
                await asyncio.sleep(0.05)
        (sample,) = found
        return sample

    @contextlib.asynccontextmanager
    async def confirmed(self) -> AsyncIterator[set[int]]:
        """Which frames of the boot `b` of hv1 are confirmed."""
        found: set[int] = set()
        heard = asyncio.Event()

        async def listen() -> None:
            async for delivery in self.bus.subscribe(f"dcs/v1/{STAND}/stored"):
                heard.set()
                for first, last in json.loads(delivery.payload).get("hv1", {}).get("b", []):
                    found.update(range(first, last + 1))

        listening = asyncio.create_task(listen())
        while not heard.is_set():  # until the subscription is in force
            await self.bus.publish(f"dcs/v1/{STAND}/stored", b"{}")
            await asyncio.sleep(0.01)
        yield found
        listening.cancel()
        await asyncio.wait({listening})

    async def frames(self, number: int, sw: str = "t") -> None:
        for seq in range(number):
            frame = {"v": 1, "ts": T * 10**9 + seq, "seq": seq, "boot": "b", "sw": sw, "kind": "hv", "ch": {}}
            await self.bus.publish(f"dcs/v1/{STAND}/hv1/frame", json.dumps(frame).encode())


class TestForeign(ForeignCase):
    async def test_each_shape_is_stored_and_what_is_not_waits_with_its_cause_until_it_can_be(self) -> None:
        stand = stand_file(self.data, f"{{port: {self.broker.port}}}", "{kind: sqlite}")
        mapping = self.data / "mapping.yaml"
        mapping.write_text(MAPPING)
        before = time.time_ns()
        await self.bus.publish("lab/freezer/t_air", b"99", retain=True)  # of which time nobody knows
        await asyncio.to_thread(self.loader, stand, "--mapping", str(mapping))
        for topic, payload in (GOOD | BAD).items():
            await self.bus.publish(topic, payload)
        await until(lambda: len(self.letters()) == len(BAD))
        self.assertEqual({letter.topic: letter.payload for letter in self.letters()}, BAD)
        self.assertTrue(all(letter.why for letter in self.letters()))
        for where, value in STORED.items():
            sample = await self.one(*where)
            self.assertEqual(sample.value, value, where)
            if where[0] == "freezer":
                self.assertTrue(before < sample.ts < time.time_ns(), "the time of its arrival")
            else:
                self.assertEqual(sample.ts // 10**9, T, where)
        mended = "fields: {gone: {path: Time, text: true}, t_air: {optional: true, path: AM2301"
        mapping.write_text(MAPPING.replace("fields: {t_air: {path: AM2301", mended))
        options = ("deadletter", "retry", "--file", str(stand), "--mapping", str(mapping), "--topic", "tele/#")
        told = await asyncio.to_thread(forked.trackerdcs, options, os.environ)
        self.assertEqual((told.returncode, told.stdout), (0, "1 stored, 0 stay\n"), told.stderr)
        self.assertEqual((await self.one("node2", "-", "gone")).value, "2025-06-15T15:06:40")
        self.assertEqual(len(self.letters()), len(BAD) - 1)

    async def test_loaders_split_the_stands(self) -> None:
        stands = [
            stand_file(self.data, f"{{port: {self.broker.port}}}", "{kind: sqlite}", name) for name in ("one", "two")
        ]
        for stand, name in zip(stands, ("loader", "loader-b"), strict=True):
            await asyncio.to_thread(self.loader, stand, "--name", name)
        heard: list[tuple[str, dict[str, object]]] = []

        async def listen() -> None:
            async for delivery in self.bus.subscribe("dcs/v1/+/stored", "dcs/v1/site/+/frame"):
                heard.append((delivery.topic, json.loads(delivery.payload)))

        listening = asyncio.create_task(listen())
        frame = {"v": 1, "ts": T * 10**9, "seq": 0, "boot": "b", "sw": "t", "kind": "hv", "ch": {"ch0": {"v_mon": 1.0}}}
        for name in ("one", "two"):
            await self.bus.publish(f"dcs/v1/{name}/hv1/frame", json.dumps(frame).encode())
        for name in ("one", "two"):
            await until(lambda name=name: (f"dcs/v1/{name}/stored", {"hv1": {"b": [[0, 0]]}}) in heard)  # type: ignore[misc]
        await asyncio.sleep(0.5)
        said = [topic for topic, _ in heard if topic in ("dcs/v1/one/stored", "dcs/v1/two/stored")]
        self.assertEqual(len(said), 2, "each frame is confirmed by its own loader alone")
        listening.cancel()


class TestStore(ForeignCase):
    async def fault(self, text: str) -> None:
        """Wait until the loader says so, and is in fault."""
        async with asyncio.timeout(30):
            async for delivery in self.bus.subscribe("dcs/v1/site/loader/status"):
                status = decode(Status, delivery.payload)
                if text in (status.error or ""):
                    self.assertEqual(status.state, "fault")
                    return

    async def test_a_wrong_token_is_said_and_the_spool_goes_on(self) -> None:
        database = Influxd()
        self.addCleanup(database.stop)
        token = database.token_file("wrong")
        store = f"{{kind: influxdb, url: '{database.url}', org: test, bucket: test, token_file: {token}}}"
        stand = stand_file(self.data, f"{{port: {self.broker.port}}}", store)
        loader = await asyncio.to_thread(self.loader, stand)
        await self.frames(3)
        await self.fault("the token is refused")
        await asyncio.sleep(0.5)
        await asyncio.to_thread(loader.end)
        self.broker.kill()  # what it has acknowledged nobody else has any more
        (self.broker.directory / "mosquitto.db").unlink(missing_ok=True)
        await asyncio.to_thread(self.broker.restart)
        await until(lambda: self.bus.connected)
        token.write_text(Influxd.token)
        async with self.confirmed() as confirmed:
            await asyncio.to_thread(self.loader, stand)
            await until(lambda: confirmed == {0, 1, 2})

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount a small disk")
    async def test_a_full_disk_stops_reading_and_space_resumes_it(self) -> None:
        small = self.data / "small"
        small.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(small)]
        mounting = await asyncio.to_thread(subprocess.run, mount, capture_output=True)
        if mounting.returncode:
            self.skipTest(f"this machine mounts nothing: {mounting.stderr!r}")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", str(small)], check=True))
        store = f"{{kind: sqlite, path: {self.data}/series.sqlite}}"
        stand = stand_file(small, f"{{port: {self.broker.port}}}", store)
        async with self.confirmed() as confirmed:
            await asyncio.to_thread(self.loader, stand)
            ballast, free = small / "ballast", os.statvfs(small)
            ballast.write_bytes(b"x" * (free.f_bavail * free.f_frsize))
            await self.frames(20, sw="t" * 20_000)
            await self.fault("spool")
            self.assertLess(len(confirmed), 20)
            ballast.unlink()
            await until(lambda: confirmed == set(range(20)))


if __name__ == "__main__":
    unittest.main()
