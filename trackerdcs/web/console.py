"""The console's pages: each is a frame and a script, which asks the API and listens to /api/live."""

import logging

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from trackerdcs.web import sessions
from trackerdcs.web.pages import Pages, login_address
from trackerdcs.web.parts import Parts
from trackerdcs.web.requests import address, is_local

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
USED = (
    "This address does not log in (any more): its token works once, in the browser that opened it first, as long as "
    "the demonstrator runs that printed it. Start the demonstrator anew: it prints another one."
)

log = logging.getLogger(__name__)


def routes(parts: Parts, pages: Pages) -> APIRouter:
    """GET of each page of the console."""
    router = APIRouter()

    async def page(request: Request) -> Response:
        if (token := request.query_params.get("token")) is not None:
            return await _invited(request, parts, pages, token)
        account = await sessions.account_of(request, parts)
        path = request.url.path
        if account is None and not (parts.open_reads and is_local(request)):
            return RedirectResponse(login_address(path), 303)
        name, title = PAGES.get(path) or PAGES[BELOW[request.scope["route"].path]]
        return pages.console(account, name, title, sorted(parts.buttons), PAGES, sorted(parts.worlds))

    for path in (*PAGES, *BELOW):
        router.add_api_route(path, page, methods=["GET"])
    return router


async def _invited(request: Request, parts: Parts, pages: Pages, token: str) -> Response:
    """Begin the session that the token is for, and lead to the same page without it."""
    goal, where, now = request.url.path, address(request, parts.behind_gateway), parts.clock.monotonic()
    there = RedirectResponse(goal, 303)
    invitation = parts.invitation
    if invitation and is_local(request) and not parts.by_address.wait(where, now) and invitation.taken(token):
        if await sessions.begin(request, parts, invitation.name, invitation.hash, there):
            log.info("login by token: %s from %s", invitation.name, where[:60])
            return there
    elif await sessions.account_of(request, parts):  # the same address again, in the browser that is in
        return there
    parts.by_address.count(where, now)
    log.warning("token refused from %s", where[:60])
    return pages.login(goal, USED, 401)
