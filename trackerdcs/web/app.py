"""The web application, put together."""

import logging
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse

from trackerdcs.domain.errors import StoreFault
from trackerdcs.web import api, home, login, verify
from trackerdcs.web.pages import Pages
from trackerdcs.web.parts import Parts
from trackerdcs.web.requests import refused

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # no-referrer would take the Origin from our own forms
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}

log = logging.getLogger(__name__)


def create_app(parts: Parts) -> FastAPI:
    """An application of these parts."""
    app = FastAPI(title="trackerdcs", openapi_url=None, docs_url=None, redoc_url=None)
    pages = Pages()
    for router in (
        login.routes(parts, pages),
        home.routes(parts, pages),
        verify.routes(parts, pages),
        api.routes(parts),
    ):
        app.include_router(router)

    @app.get("/static/style.css")
    async def style() -> Response:
        return Response(pages.style, media_type="text/css")

    @app.middleware("http")
    async def guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if no := refused(request, parts.behind_gateway):
            response: Response = pages.message(no[0], "Refused", f"Nothing was done: {no[1]}.")
        else:
            response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    @app.exception_handler(StoreFault)
    async def no_store(_: Request, error: Exception) -> Response:
        log.error("%s", error)
        text = "The file of users cannot be used: nobody is let in. To bring high voltage down: trackerdcs kill STAND"
        return pages.message(503, "Not available", text)

    @app.exception_handler(404)
    async def nowhere(_: Request, __: Exception) -> Response:
        text = (
            "There is no such page here. Control page, dashboards and flow editor are behind the gateway; "
            "for developers they are at http://localhost:1880/control, http://localhost:3000 and "
            "http://localhost:1880/nodered, with the login of this page."
        )
        return pages.message(404, "Not here", text)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, __: Exception) -> Response:
        return PlainTextResponse("the request is malformed, nothing was done", 422)

    return app
