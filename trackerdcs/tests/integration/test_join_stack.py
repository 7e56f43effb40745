"""The web service on the real databases of the stack: set up by the init commands, read with its own two accounts."""

import asyncio
import tempfile
import time
import unittest
from pathlib import Path
from typing import ClassVar

import httpx
from typer.testing import CliRunner, Result

from trackerdcs.adapters.runs_mongo import MongoRuns
from trackerdcs.adapters.runs_mongo_setup import ACCOUNTS
from trackerdcs.adapters.series_influx import InfluxSeries
from trackerdcs.cli.main import app
from trackerdcs.domain.errors import StoreDown, StoreFault
from trackerdcs.domain.secret_folder import MONGO
from trackerdcs.domain.series import Point
from trackerdcs.tests.join_case import T0, S, made_run, result
from trackerdcs.tests.mongo_server import ROOT, Mongo
from trackerdcs.tests.servers import HOST, Influxd, Mosquitto, free_port
from trackerdcs.tests.web_stack import WebService, log_in

BUCKET = "slow-control"
STAND = """
stand: bench
bus: {{host: 127.0.0.1, port: {broker}}}
store: {{kind: influxdb, url: "{influx}", org: test, bucket: slow-control, token_file: "{secrets}/influx-token"}}
runs: {{kind: mongodb, url: "{mongo}", user: bridge, password_file: "{secrets}/mongo/bridge"}}
users: {{web: expert}}
devices:
  hv1: {{driver: iseg_shr, sim: true, link: {{resource: "TCPIP::127.0.0.1::9::SOCKET"}}, channels: {{ch0: {{}}}}}}
"""


class TestJoinStack(unittest.TestCase):
    influx: ClassVar[Influxd]
    mongo: ClassVar[Mongo]
    broker: ClassVar[Mosquitto]

    @classmethod
    def setUpClass(cls) -> None:
        cls.influx = cls.enterClassContext(Influxd())
        cls.mongo = cls.enterClassContext(Mongo({}))
        cls.broker = cls.enterClassContext(Mosquitto())

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.init = self.folder / "init"
        (self.init / "mongo").mkdir(parents=True)
        for account in MONGO:
            (self.init / "mongo" / account).write_text(f"password of {account}\n")
        for name, text in {"root-password": ROOT, "admin-token": Influxd.token, "grafana-password": "g" * 20}.items():
            (self.init / name).write_text(f"{text}\n")

    def run_init(self, command: str, *more: str) -> Result:
        return CliRunner().invoke(app, [command, "--secrets", str(self.init), "--wait", "20", *more])

    def mongo_init(self) -> Result:
        return self.run_init("mongo-init", "--url", self.mongo.url)

    def fill(self) -> None:
        runs = MongoRuns(self.mongo.url, user="importer", password="password of importer")
        runs.put_run(made_run("r1"))
        runs.put_results("r1", 1, [result("r1")])
        runs.close()
        token = (self.folder / "loader" / "influx-token").read_text().strip()
        series = InfluxSeries(self.influx.url, "test", BUCKET, token)
        tags = (("stand", "bench"), ("device", "hv1"), ("channel", "ch0"))
        self.assertEqual(
            asyncio.run(series.write([Point("hv", tags, T0 + i * S, {"v_mon": -1.0 * i}) for i in range(100)])), []
        )
        asyncio.run(series.close())

    def test_accounts_are_those_that_the_store_knows(self) -> None:
        self.assertEqual(set(MONGO), set(ACCOUNTS))

    def test_mongo_init_twice_and_who_may_do_what_then(self) -> None:
        for _ in range(2):
            done = self.mongo_init()
            self.assertEqual(done.exit_code, 0, done.output)
            self.assertNotIn("password of", done.output)
        importer = MongoRuns(self.mongo.url, user="importer", password="password of importer")
        self.assertTrue(importer.put_run(made_run("r1")))
        web = MongoRuns(self.mongo.url, user="web", password="password of web")
        self.assertIsNotNone(web.run("r1"))
        with self.assertRaises(StoreFault):
            web.put_run(made_run("r2"))
        (self.init / "mongo" / "web").write_text("another\n")
        self.assertEqual(self.mongo_init().exit_code, 0)
        renewed = MongoRuns(self.mongo.url, user="web", password="another")
        self.assertIsNotNone(renewed.run("r1"))
        for each in (importer, web, renewed):
            each.close()

    def test_mongo_init_says_what_is_wrong(self) -> None:
        (self.init / "root-password").write_text("wrong\n")
        done = self.mongo_init()
        self.assertEqual((done.exit_code, "root-password" in done.output), (78, True), done.output)
        nowhere = f"mongodb://{HOST}:{free_port()}"
        done = self.run_init("mongo-init", "--url", nowhere, "--wait", "0.1")
        self.assertEqual((done.exit_code, "waited" in done.output), (1, True), done.output)
        (self.init / "mongo" / "recorder").unlink()
        self.assertEqual(self.mongo_init().exit_code, 78)

    def test_the_web_service_joins_them_and_writes_nothing(self) -> None:
        place = self.folder / "web"
        (self.folder / "loader").mkdir()
        secrets = place / "secrets"
        text = STAND.format(broker=self.broker.port, influx=self.influx.url, mongo=self.mongo.url, secrets=secrets)
        with WebService(place, self.broker.port, stand=text) as service, httpx.Client(base_url=service.url) as client:
            # Neither database is set up, no token is there: login and KILL work all the same.
            log_in(client, "viewer")
            self.assertEqual(client.get("/healthz").status_code, 200)
            answer = client.get("/api/runs")
            self.assertEqual((answer.status_code, "mongo/web" in answer.text), (503, True), answer.text)
            self.assertEqual(self.mongo_init().exit_code, 0)
            outs = ["--out", str(self.folder / "loader"), "--read-out", str(secrets), "--org", "test"]
            done = self.run_init("influx-init", "--url", self.influx.url, *outs)
            self.assertEqual(done.exit_code, 0, done.output)
            (secrets / "mongo").mkdir()
            (secrets / "mongo" / "web").write_text("password of web\n")
            self.fill()
            self.assertEqual([r["id"] for r in client.get("/api/runs?module=PS_1").json()["runs"]], ["r1"])
            answer = client.get("/api/runs/r1/conditions?quantity=v_mon&bucket=10s")
            self.assertEqual(answer.status_code, 200, answer.text)
            (hv,) = answer.json()["conditions"]
            self.assertEqual((hv["statistics"]["n"], hv["statistics"]["low"]), (100, -99.0))
            self.assertIn("no gap record", answer.json()["gap_record"])
            self.assertEqual(client.get("/api/runs/r1/results").json()["results"][0]["chip"], 8)
            again = self.run_init("influx-init", "--url", self.influx.url, *outs)
            self.assertIn(f"token {secrets / 'influx-token'}: works", again.output)
        token = (secrets / "influx-token").read_text().strip()
        series = InfluxSeries(self.influx.url, "test", BUCKET, token)
        with self.assertRaises(StoreDown):
            asyncio.run(series.write([Point("hv", (("stand", "bench"),), time.time_ns(), {"v_mon": 1.0})]))
        asyncio.run(series.close())
