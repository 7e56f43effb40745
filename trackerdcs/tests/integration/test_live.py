"""The websocket of the console, from the real server: who is let in, what comes first, and when it ends."""

import json
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from trackerdcs.tests.servers import HOST, Mosquitto
from trackerdcs.tests.web_stack import WebService, log_in, post

LOOKED_AGAIN_S = 20.0


class Live(unittest.TestCase):
    def setUp(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.broker = self.enterContext(Mosquitto())
        self.web = self.enterContext(WebService(folder, self.broker.port))
        self.client = self.enterContext(httpx.Client(base_url=self.web.url, timeout=20))

    def socket(self, cookie: str | None = None, origin: str | None = None) -> ClientConnection:
        headers = {"Cookie": f"trackerdcs={cookie}"} if cookie else {}
        address = self.web.url.replace("http", "ws") + "/api/live"
        site = Origin(origin or self.web.url)
        socket = connect(address, origin=site, additional_headers=headers)
        self.addCleanup(socket.close)
        return socket

    def ended(self, socket: ClientConnection, within: float = 5.0) -> int | None:
        end = time.monotonic() + within
        try:
            while time.monotonic() < end:
                socket.recv(within)
        except ConnectionClosed as e:
            return e.rcvd.code if e.rcvd else None
        raise TimeoutError("still open")

    def test_only_who_is_logged_in_and_only_from_our_own_pages(self) -> None:
        self.assertEqual(self.ended(self.socket()), 4401)
        self.assertEqual(self.ended(self.socket("forged")), 4401)
        log_in(self.client, "viewer")
        cookie = self.client.cookies["trackerdcs"]
        for origin in ("https://evil.example", f"http://{HOST}:{self.web.port}", "null"):
            self.assertEqual(self.ended(self.socket(cookie, origin)), 4403, origin)
        first: dict[str, Any] = json.loads(self.socket(cookie).recv(5))
        self.assertEqual((first["whole"], list(first["stands"])), (True, ["bench", "site"]))

    def test_the_broker_is_told_of_and_a_session_that_ends_ends_it(self) -> None:
        log_in(self.client, "viewer")
        socket = self.socket(self.client.cookies["trackerdcs"])
        while not json.loads(socket.recv(5))["stands"]["bench"]:
            pass
        self.broker.kill()
        began = time.monotonic()
        while json.loads(socket.recv(5))["stands"]["bench"]:
            pass
        self.assertLess(time.monotonic() - began, 2.0)
        post(self.client, "/logout")
        self.assertEqual(self.ended(socket, LOOKED_AGAIN_S), 4401)
