"""A loader is replaced by another version while frames come: both write, the old one leaves, nothing is lost."""

import asyncio
import importlib.metadata
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.adapters.spool_sqlite import SqliteSpool
from trackerdcs.domain.codec import decode
from trackerdcs.domain.messages import Status
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.fast_source import FastSource
from trackerdcs.tests.fault_schedule import TUNED
from trackerdcs.tests.loader_parts import STAND, stand_file
from trackerdcs.tests.servers import HOST, Mosquitto
from trackerdcs.tests.service import Forked, Service
from trackerdcs.tests.waiting import full_speed, until

PACKAGE = Path(__file__).parents[2]
OLD = "0.0.9"
RATE = 300.0


class OldVersion(Service):
    """The loader of a copy of the package that says it is an older version."""

    def __init__(self, stand: Path, folder: Path) -> None:
        ignore = shutil.ignore_patterns("tests", "__pycache__")
        shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=ignore)
        about = folder / f"trackerdcs-{OLD}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: trackerdcs\nVersion: {OLD}\n")
        program = f"import sys; sys.path.insert(0, {str(folder)!r}); from trackerdcs.cli.main import app; app()"
        super().__init__([sys.executable, "-c", program, "loader", str(stand)])


class TestLoaderReplaced(unittest.IsolatedAsyncioTestCase):
    async def test_a_new_version_takes_over_without_a_gap_and_the_old_one_leaves_nothing_behind(self) -> None:
        full_speed()
        broker = Mosquitto(TUNED)
        self.addCleanup(broker.stop)
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        stand = stand_file(folder, f"{{port: {broker.port}}}", "{kind: sqlite}")
        copy = Path(self.enterContext(tempfile.TemporaryDirectory()))
        old = await asyncio.to_thread(OldVersion, stand, copy)
        self.addCleanup(old.stop)
        said: dict[str, Status] = {}
        async with MqttBus(BusConfig(host=HOST, port=broker.port), "source") as bus:
            source = FastSource(bus, STAND, devices=3, again_s=3600.0)  # no journal helps
            jobs = [asyncio.create_task(job) for job in (source.listen(), _statuses(bus, said))]
            sending = asyncio.create_task(source.send(8.0, RATE))
            await until(lambda: source.open < sum(d.sent for d in source.devices))
            new = await asyncio.to_thread(Forked, ["loader", str(stand), "--name", "loader-b"])
            self.addCleanup(new.stop)
            await until(
                lambda: {name: s.state for name, s in said.items()} == dict.fromkeys(("loader", "loader-b"), "online")
            )
            versions = {name: status.sw for name, status in said.items()}
            self.assertEqual(versions, {"loader": OLD, "loader-b": importlib.metadata.version("trackerdcs")})
            self.assertEqual((await asyncio.to_thread(old.end))[0], 0, old.log())
            await asyncio.sleep(0.5)  # the session of the old one fills
            leaving = await asyncio.to_thread(Forked, ["loader", str(stand), "--leave"])
            self.addCleanup(leaving.stop)
            await sending
            await until(lambda: source.open == 0)
            self.assertEqual(await asyncio.to_thread(leaving._process.wait, 30), 0, leaving.log())  # type: ignore[union-attr]
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
        self.assertRegex(leaving.log(), r"left: \d+ messages stored, 0 parked, nothing waits any more")
        self.assertFalse(_has_session(broker.port, "trackerdcs-loader"))
        spool = SqliteSpool(folder / "loader.spool.sqlite")
        self.addCleanup(spool.close)
        self.assertEqual(spool.waiting(), [])
        series = SqliteSeries(folder / "series.sqlite", read_only=True)
        try:
            self.assertEqual([why for d in source.devices if (why := await d.wrong(series))], [])
        finally:
            await series.close()


async def _statuses(bus: MqttBus, said: dict[str, Status]) -> None:
    async for delivery in bus.subscribe("dcs/v1/site/+/status"):
        said[delivery.topic.split("/")[3]] = decode(Status, delivery.payload)


def _has_session(port: int, client_id: str) -> bool:
    """Does the broker keep something for this client?"""
    found: list[bool] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False)
    client.on_connect = lambda _c, _u, flags, _code, _p: found.append(flags.session_present)
    client.connect(HOST, port)
    while not found:
        client.loop(0.1)
    client.disconnect()
    return found[0]


if __name__ == "__main__":
    unittest.main()
