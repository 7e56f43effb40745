"""No route is left out: what is tested is what the service builds, and what is not in the document is named here."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from fastapi import FastAPI

from trackerdcs.adapters.http_uvicorn import listen
from trackerdcs.services import web
from trackerdcs.settings import load_stand
from trackerdcs.tests.servers import HOST, free_port
from trackerdcs.tests.web_case import HASH
from trackerdcs.tests.whole_web_case import WholeCase
from trackerdcs.web.app import create_app
from trackerdcs.web.console import BELOW, PAGES

STAND = """
stand: bench
data: {data}
bus: {{kind: mqtt, host: 127.0.0.1, port: {broker}}}
devices:
  hv1:
    driver: iseg_shr
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::9::SOCKET"}}
    channels: {{ch0: {{v_min: -800, v_max: 0, i_limit_max: 2e-5, kill_rate: 400}}}}
"""
FOR_PEOPLE = {f"GET {path}" for path in (*PAGES, *BELOW, "/login", "/kill", "/account", "/verify", "/static/{name}")}
FOR_PEOPLE |= {f"POST {path}" for path in ("/login", "/logout", "/account", "/kill/{stand}")}
SOCKETS = {"/api/live"}


def documented(app: FastAPI) -> set[str]:
    return {f"{method.upper()} {path}" for path, some in app.openapi()["paths"].items() for method in some}


def routes(router: Any) -> set[str]:
    """All of them, however they were put together; of a websocket the path alone."""
    found = set[str]()
    for route in router.routes:
        if (inner := getattr(route, "original_router", None)) is not None:
            found |= routes(inner)
        else:
            methods = getattr(route, "methods", None) or ()
            found |= {f"{method} {route.path}" for method in methods} or {route.path}
    return found


class TestNoRouteIsLeftOut(WholeCase):
    async def built(self, stack: bool) -> FastAPI:
        """The application that the service serves, on the stack or as the demonstrator."""
        folder, made = Path(self.enterContext(tempfile.TemporaryDirectory())), asyncio.Future[FastAPI]()
        (folder / "bench.yaml").write_text(STAND.format(data=folder, broker=free_port()))
        (folder / "session-key").write_text("k" * 40)
        (folder / "first-admin").write_text(HASH)
        stand = load_stand(folder / "bench.yaml")

        async def serve(app: FastAPI, _: Any) -> None:
            made.set_result(app)

        with mock.patch.object(web, "serve_http", serve), listen(HOST, 0) as listener:
            work = (
                web.serve([stand], folder / "users.sqlite", folder, HOST, 0)
                if stack
                else web.serve_open(stand, listener)
            )
            task = asyncio.create_task(work)
            try:
                return await asyncio.wait_for(made, 20)
            finally:
                task.cancel()
                await asyncio.wait([task])

    async def test_the_table_of_rights_has_all_that_the_service_has(self) -> None:
        ours = documented(self.app)
        world = {each for each in ours if each.endswith("/world")}
        self.assertEqual(documented(await self.built(stack=False)), ours)
        self.assertEqual(documented(await self.built(stack=True)), ours - world)

    async def test_what_is_not_in_the_document_is_for_people(self) -> None:
        hidden = {each.removeprefix("HEAD ") for each in routes(create_app(self.parts))} - documented(self.app)
        self.assertEqual(
            {each for each in hidden if each not in FOR_PEOPLE}, SOCKETS | {"GET /api/runs/{id}/files/{name:path}"}
        )
        self.assertLessEqual(FOR_PEOPLE, hidden)


del WholeCase  # it is no test
