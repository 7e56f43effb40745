"""The web application, put together."""

import logging
from collections.abc import Awaitable, Callable

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse

from trackerdcs.domain.errors import StoreFault
from trackerdcs.web import (
    alarms,
    api,
    commands,
    console,
    health,
    home,
    ledger,
    live,
    logbook,
    login,
    runs,
    series,
    verify,
    world,
)
from trackerdcs.web.answers import handled, may_read
from trackerdcs.web.examples import faults, role
from trackerdcs.web.pages import Pages
from trackerdcs.web.parts import Parts
from trackerdcs.web.requests import refused

API = "1"
"""Version of what /api/ promises; what is added is no other version."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # no-referrer would take the Origin from our own forms
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}

log = logging.getLogger(__name__)


def create_app(parts: Parts) -> FastAPI:
    """An application of these parts."""
    app = FastAPI(title="trackerdcs", version=API, openapi_url=None, docs_url=None, redoc_url=None)
    pages = Pages()
    for room in (login, home, console, verify):
        app.include_router(room.routes(parts, pages), include_in_schema=False)  # for people, and what the gateway asks
    app.include_router(live.routes(parts, parts.hub))
    app.include_router(api.routes(parts))
    app.include_router(commands.routes(parts))
    if parts.worlds:
        app.include_router(world.routes(parts))
    if parts.joiner is not None:
        app.include_router(runs.routes(parts, parts.joiner))
    if parts.desk is not None:
        for desk in (alarms, ledger, logbook):
            app.include_router(desk.routes(parts, parts.desk))
    if parts.health is not None:
        app.include_router(health.routes(parts, parts.health))
    if parts.trends is not None:
        app.include_router(series.routes(parts, parts.trends))
    handled(app)

    @app.get(
        "/api/openapi.json",
        dependencies=[Depends(may_read(parts))],
        operation_id="openapi",
        tags=["site"],
        responses=faults(401, 403, 503),
        openapi_extra=role("viewer"),
    )
    async def document() -> Response:
        """This document."""
        return JSONResponse(app.openapi())

    @app.get("/static/{name}", include_in_schema=False)
    async def static(request: Request, name: str) -> Response:
        file = pages.static.get(name)
        if file is None:
            return PlainTextResponse(f"there is no file {name[:60]!r}", 404)
        headers = {"Cache-Control": "no-cache", "ETag": file.tag}  # asked for each time, sent where it has changed
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, media_type=file.type, headers=headers)

    def said(request: Request, status: int, title: str, text: str) -> Response:
        """To a program as the rest of the API says it, to people as a page."""
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": text}, status)
        return pages.message(status, title, text)

    @app.middleware("http")
    async def guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if no := refused(request, parts.behind_gateway):
            response = said(request, no[0], "Refused", f"Nothing was done: {no[1]}.")
        else:
            response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(StoreFault)
    async def no_store(request: Request, error: Exception) -> Response:
        log.error("%s", error)
        text = "The file of users cannot be used: nobody is let in. To bring high voltage down: trackerdcs kill STAND"
        return said(request, 503, "Not available", text)

    @app.exception_handler(404)
    async def nowhere(request: Request, _: Exception) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": f"there is no {request.url.path[:60]!r} here: /api/openapi.json"}, 404)
        text = (
            "There is no such page here. Control page, dashboards and flow editor are behind the gateway; "
            "for developers they are at http://localhost:1880/control, http://localhost:3000 and "
            "http://localhost:1880/nodered, with the login of this page."
        )
        return pages.message(404, "Not here", text)

    @app.exception_handler(405)
    async def no_method(request: Request, error: Exception) -> Response:
        text = f"{request.method} is nothing that can be done here; nothing was done"
        return JSONResponse({"error": text}, 405, getattr(error, "headers", None))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: Exception) -> Response:
        if request.url.path.startswith("/api/") and isinstance(error, RequestValidationError):
            wrong = [f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors()]
            return JSONResponse({"error": "; ".join(wrong) or "the request is malformed"}, 422)
        return PlainTextResponse("the request is malformed, nothing was done", 422)

    return app
