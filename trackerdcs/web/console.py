"""The console's pages: each is a frame and a script, which asks the API and listens to /api/live."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from trackerdcs.web import sessions
from trackerdcs.web.pages import Pages, login_address
from trackerdcs.web.parts import Parts
from trackerdcs.web.requests import is_local

PAGES = {
    "/": ("stand", "Stand"),
    "/trends": ("trends", "Trends"),
    "/runs": ("runs", "Runs"),
    "/alarms": ("alarms", "Alarms"),
    "/ledger": ("ledger", "Ledger"),
    "/logbook": ("logbook", "Logbook"),
    "/health": ("health", "Health"),
}
"""Path -> (name of script and style, title)."""
BELOW = {"/runs/{id}": "/runs"}
"""Addresses that a page answers as well: path -> that page's."""


def routes(parts: Parts, pages: Pages) -> APIRouter:
    """GET of each page of the console."""
    router = APIRouter()

    async def page(request: Request) -> Response:
        account = await sessions.account_of(request, parts)
        path = request.url.path
        if account is None and not (parts.open_reads and is_local(request)):
            return RedirectResponse(login_address(path), 303)
        name, title = PAGES.get(path) or PAGES[BELOW[request.scope["route"].path]]
        return pages.console(account, name, title, sorted(parts.buttons), PAGES)

    for path in (*PAGES, *BELOW):
        router.add_api_route(path, page, methods=["GET"])
    return router
