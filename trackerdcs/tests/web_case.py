"""For tests: the web application without a network, on a real file of users and a broker in memory."""

import asyncio
import contextlib
import tempfile
import unittest
from pathlib import Path
from typing import Any

import httpx

from trackerdcs.adapters.bus_memory import MemoryBroker, MemoryBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.cookies_itsdangerous import SignedCookies
from trackerdcs.adapters.users_sqlite import SqliteUsers
from trackerdcs.app.kill_button import KillButton
from trackerdcs.app.live_hub import LiveHub
from trackerdcs.app.requester import Requester
from trackerdcs.domain.access import Account
from trackerdcs.domain.instrument import ROLES
from trackerdcs.tests.waiting import full_speed
from trackerdcs.web.app import create_app
from trackerdcs.web.parts import AGE_S, Parts
from trackerdcs.web.passwords import hash_password

KEY = "k" * 40
PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD)
SITE = "http://localhost:8000"


class LaterClock(SystemClock):
    """A clock that can be set forward."""

    later = 0.0

    def now(self) -> int:
        return super().now() + int(self.later * 1e9)

    def monotonic(self) -> float:
        return super().monotonic() + self.later


class WebCase(unittest.IsolatedAsyncioTestCase):
    """An application with a user of each role, called as the role, and the stand `bench` with the supply hv1."""

    behind_gateway = False
    parts_of: dict[str, Any] = {}  # noqa: RUF012 what a test has otherwise

    def setUp(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.clock, self.broker = LaterClock(), MemoryBroker()
        self.users = self.enterContext(contextlib.closing(SqliteUsers(folder / "users.sqlite")))
        for role in ROLES:
            self.users.add(Account(role, role), HASH)

    async def asyncSetUp(self) -> None:
        full_speed()
        self.bus = MemoryBus(self.broker, "web")
        await self.enterAsyncContext(self.bus)
        self.button = KillButton(self.bus, "bench", "web", [], self.clock)
        ears = MemoryBus(self.broker, "web-ears")
        await self.enterAsyncContext(ears)
        self.hub = LiveHub({"bench": ears}, self.clock)
        for work in (self.button.follow(), self.hub.run()):
            self.addCleanup(asyncio.create_task(work).cancel)
        self.seal = SignedCookies(KEY, AGE_S)
        self.parts = Parts(
            self.users,
            self.seal,
            {"bench": self.button},
            self.hub,
            self.clock,
            self.behind_gateway,
            requesters={"bench": Requester(self.bus, self.clock, "web")},
            **self.parts_of,
        )
        self.app = create_app(self.parts)

    def client(self, site: str = SITE, address: str = "192.0.2.7") -> httpx.AsyncClient:
        wire = httpx.ASGITransport(self.app, client=(address, 5555))
        return httpx.AsyncClient(transport=wire, base_url=site)

    async def post(
        self, client: httpx.AsyncClient, path: str, form: dict[str, str] | None = None, **headers: str
    ) -> httpx.Response:
        """A form of a page of the same site, unless `headers` say otherwise."""
        origin = {"Origin": str(client.base_url).rstrip("/")}
        return await client.post(path, data=form or {}, headers=origin | headers)

    async def log_in(
        self, client: httpx.AsyncClient, name: str, password: str = PASSWORD, next: str = "/", **headers: str
    ) -> httpx.Response:
        return await self.post(client, "/login", {"name": name, "password": password, "next": next}, **headers)

    async def logged_in(self, name: str) -> httpx.AsyncClient:
        client = self.client()
        answer = await self.log_in(client, name)
        self.assertEqual(answer.status_code, 303, answer.text)
        return client

    async def alive(self, client: httpx.AsyncClient) -> bool:
        """Is the session good for anything?"""
        statuses = {(await client.get(path)).status_code for path in ("/api/me", "/verify?area=grafana")}
        self.assertIn(statuses, ({200}, {401}))
        return statuses == {200}
