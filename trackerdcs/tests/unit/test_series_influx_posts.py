"""What InfluxSeries sends: a refused line costs few requests, and two writes are under way at once."""

import asyncio
import threading
import unittest
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trackerdcs.adapters.series_influx import InfluxSeries
from trackerdcs.adapters.series_influx_lines import line
from trackerdcs.domain.series import Point

TAGS = (("stand", "demo"), ("device", "hv1"), ("channel", "ch0"))
POISON = "poison"


class Door(ThreadingHTTPServer):
    """Takes lines as InfluxDB does, and refuses a body that holds poison as a whole."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.bodies: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.stored: Counter[str] = Counter()
        self.together = threading.Barrier(1)
        self.connections = 0

    def handle_error(self, *_: object) -> None:
        """A client that has gone."""


class Request(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet
    server: Door

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.bodies.append(body)
        self.server.headers.append(dict(self.headers))
        self.server.together.wait(5)  # broken, it breaks the connection
        if POISON in body:
            self.answer(400, b'{"message": "it is poison"}')
        else:
            self.server.stored.update(body.split("\n"))
            self.answer(204)

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def points(number: int, *poisoned: int) -> list[Point]:
    return [Point("hv", TAGS, i, {POISON if i in poisoned else "v_mon": 1.0}) for i in range(number)]


class TestPosts(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.door = Door()
        thread = threading.Thread(target=self.door.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.door.server_close)
        self.addCleanup(self.door.shutdown)
        self.series = InfluxSeries(f"http://127.0.0.1:{self.door.server_port}", "o", "b", "token")
        self.addAsyncCleanup(self.series.close)

    async def test_one_batch_is_one_request_of_plain_lines(self) -> None:
        batch = points(5000)
        self.assertEqual(await self.series.write(batch), [])
        self.assertEqual(self.door.bodies, ["\n".join(map(line, batch))])
        self.assertNotIn("gzip", self.door.headers[0].values())

    async def test_nothing_is_no_request(self) -> None:
        self.assertEqual(await self.series.write([]), [])
        (rejected,) = await self.series.write([Point("hv", TAGS, 5, {})])
        self.assertEqual((rejected.why, self.door.bodies), ("no field", []))

    async def test_a_poisoned_line_costs_few_requests_wherever_it_is(self) -> None:
        for where, most in ((0, 26), (1, 26), (2499, 26), (2500, 26), (4998, 15), (4999, 15)):
            with self.subTest(where):
                self.door.bodies.clear()
                self.door.stored.clear()
                batch = points(5000, where)
                (rejected,) = await self.series.write(batch)
                self.assertEqual((rejected.point, rejected.why), (batch[where], "it is poison"))
                self.assertEqual(self.door.stored, Counter(line(p) for p in batch if p is not batch[where]))
                self.assertLessEqual(len(self.door.bodies), most)

    async def test_all_of_several_are_found(self) -> None:
        for wrong in ((0, 1), (0, 99), (98, 99), (3, 50, 51, 77), tuple(range(100)), (*range(10), 57)):
            with self.subTest(wrong):
                self.door.bodies.clear()
                self.door.stored.clear()
                batch = points(100, *wrong)
                rejected = await self.series.write(batch)
                self.assertEqual([r.point.ts for r in rejected], list(wrong))
                self.assertEqual(self.door.stored, Counter(line(p) for p in batch if p.ts not in wrong))
                self.assertLess(len(self.door.bodies), 200)

    async def test_what_the_server_refuses_is_told_from_what_never_went_there(self) -> None:
        batch = points(10, 7)
        for i in (0, 3, 9):
            batch[i] = batch[i]._replace(fields={})
        rejected = await self.series.write(batch)
        self.assertEqual([(r.point.ts, r.why) for r in rejected[:3]], [(i, "no field") for i in (0, 3, 9)])
        self.assertEqual([(id(r.point), r.why) for r in rejected[3:]], [(id(batch[7]), "it is poison")])

    async def test_two_writes_are_under_way_at_once_and_keep_apart(self) -> None:
        self.door.together = threading.Barrier(2)  # nobody is answered before both have come
        for _ in range(20):
            self.assertEqual(await asyncio.gather(*(self.series.write(points(500)) for _ in range(2))), [[], []])
        self.assertEqual(self.door.connections, 2)
        self.assertEqual(set(self.door.stored.values()), {40})
        self.assertEqual(set(self.door.stored), {line(p) for p in points(500)})
