"""What a time series in InfluxDB makes of a server that refuses: much at once, or that is no InfluxDB."""

import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest import mock

from trackerdcs.adapters.series_influx import InfluxSeries
from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.series import Point
from trackerdcs.tests.servers import Influxd

TAGS = [(("stand", "a"), ("device", f"d{i}"), ("channel", "-")) for i in range(10)]


class Stranger(BaseHTTPRequestHandler):
    """Answers as a proxy does that is spoken to without TLS."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(400, "Bad Request")

    def log_message(self, format: str, *args: object) -> None: ...


class TestRefusals(unittest.IsolatedAsyncioTestCase):
    async def test_one_reason_for_many_points_costs_few_requests(self) -> None:
        server = Influxd()
        self.addCleanup(server.stop)
        series = InfluxSeries(server.url, server.org, server.bucket, server.token)
        self.addAsyncCleanup(series.close)
        now = time.time_ns()
        self.assertEqual(await series.write([Point("odd", TAGS[0], now, {"v": 1.0})]), [])
        mixed = [Point("odd" if i % 2 else "good", TAGS[i % 10], now + i, {"v": "text"}) for i in range(1000)]
        with mock.patch.object(series, "_refused", wraps=series._refused) as requests:
            rejected = await series.write(mixed)
        self.assertEqual({id(r.point) for r in rejected}, {id(p) for p in mixed if p.measurement == "odd"})
        self.assertEqual(len(rejected), 500)
        self.assertRegex(rejected[0].why, "field type conflict.*already exists as type float$")
        self.assertLess(requests.call_count, 10)

    async def test_a_stranger_who_refuses_everything_is_down_and_nothing_is_parked_for_it(self) -> None:
        server = HTTPServer(("127.0.0.1", 0), Stranger)
        threading.Thread(target=server.serve_forever).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        series = InfluxSeries(f"http://127.0.0.1:{server.server_port}", "o", "b", "t")
        self.addAsyncCleanup(series.close)
        with self.assertRaisesRegex(StoreDown, "no InfluxDB .*400"):
            await series.write([Point("m", TAGS[0], time.time_ns(), {"v": 1.0})])


if __name__ == "__main__":
    unittest.main()
