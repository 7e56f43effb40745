"""What the doctor sees of a real database, with tokens of all kinds, and the whole doctor on real servers."""

import asyncio
import json
import os
import tempfile
import time
import unittest
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.stand import StoreConfig
from trackerdcs.services.probes import facts_of_bucket, write_and_read
from trackerdcs.services.stores import open_series
from trackerdcs.tests import forked
from trackerdcs.tests.servers import HOST, Influxd, Mosquitto, free_port

FULL_S = 6.0
"""The whole doctor on one machine, with three seconds of listening; twice that on a busy one."""
DEVICE = {"driver": "env_board", "link": {"resource": "TCPIP::127.0.0.1::9::SOCKET"}}


class Database(unittest.IsolatedAsyncioTestCase):
    server: Influxd

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(Influxd())

    def ask(self, path: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.server.url}/api/v2/{path}", data)
        request.add_header("Authorization", f"Token {self.server.token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def config(self, token: str, bucket: str = Influxd.bucket) -> StoreConfig:
        file = str(self.server.token_file(token))
        return StoreConfig("influxdb", url=self.server.url, org=Influxd.org, bucket=bucket, token_file=file)

    async def tried(self, config: StoreConfig) -> float:
        series = open_series(config, Path())
        try:
            return await write_and_read(series, SystemClock())
        finally:
            await series.close()

    def bucket(self) -> Any:
        return self.ask(f"buckets?name={Influxd.bucket}")["buckets"][0]

    def token(self, *actions: str) -> str:
        own = self.bucket()
        resource = {"type": "buckets", "id": own["id"], "orgID": own["orgID"]}
        rights = [{"action": action, "resource": resource} for action in actions]
        return str(self.ask("authorizations", {"orgID": own["orgID"], "permissions": rights})["token"])

    async def test_a_value_comes_back_and_the_bucket_keeps_it(self) -> None:
        for token in (Influxd.token, self.token("read", "write")):
            config = self.config(token)
            self.assertLess(await self.tried(config), 5.0)
            facts = await facts_of_bucket(config)
            self.assertEqual(facts.retention_s, 0)
            assert facts.clock is not None
            self.assertLess(abs(facts.clock - time.time()), 2.0)

    async def test_a_bucket_that_forgets(self) -> None:
        rules = [{"type": "expire", "everySeconds": 7200}]
        self.ask("buckets", {"orgID": self.bucket()["orgID"], "name": "short", "retentionRules": rules})
        facts = await facts_of_bucket(self.config(Influxd.token, "short"))
        self.assertEqual(facts.retention_s, 7200)

    async def test_rights_that_are_missing(self) -> None:
        with self.assertRaisesRegex(StoreDown, "no right to bucket 'test'"):
            await self.tried(self.config(self.token("read")))
        blind = self.config(self.token("write"))
        with self.assertRaisesRegex(StoreDown, "the token may not see it"):
            await self.tried(blind)
        self.assertIsNone((await facts_of_bucket(blind)).retention_s)
        facts = await facts_of_bucket(self.config("wrong"))
        self.assertIsNone(facts.retention_s)
        self.assertIsNotNone(facts.clock)

    async def test_a_database_that_is_gone(self) -> None:
        config = replace(self.config("t"), url=f"http://{HOST}:{free_port()}")
        with self.assertRaisesRegex(StoreDown, "not reachable"):
            await facts_of_bucket(config)

    async def test_the_whole_doctor(self) -> None:
        with tempfile.TemporaryDirectory() as folder, Mosquitto() as broker:
            file = Path(folder, "bench.yaml")
            store = {"kind": "influxdb", "url": self.server.url, "org": Influxd.org, "bucket": Influxd.bucket}
            stand = {"stand": "bench", "data": folder, "bus": {"port": broker.port}, "devices": {"env1": DEVICE}}
            file.write_text(json.dumps(stand | {"store": store | {"token_file": str(self.server.token_file())}}))
            began = time.monotonic()
            done = await asyncio.to_thread(forked.trackerdcs, ("doctor", "--file", str(file)), os.environ)
            took = time.monotonic() - began
        self.assertEqual(done.stderr, "")
        for line in (
            "FAIL device bench/env1 is not there",
            "WARN broker keeps 1000 messages for a loader that is away and drops the rest in silence: set max_queued",
            "OK   broker has at least 1000 messages on their way to a loader at a time, 20 to a client",
            "OK   broker grants a loader that is away 30 d",
            f"OK   store influxdb {self.server.url} took a value and gave it back in [0-9]+ ms",
            "OK   bucket test keeps values for ever",
            "OK   clock of the database agrees",
        ):
            self.assertRegex(done.stdout, line)
        self.assertNotIn("outside the contract", done.stdout)
        self.assertLess(took, 2 * FULL_S, done.stdout)


if __name__ == "__main__":
    unittest.main()
