"""Coming and going: the login page, the login, the logout."""

import asyncio
import logging
import math
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from trackerdcs.domain.access import local_path, plain_name
from trackerdcs.web import sessions
from trackerdcs.web.pages import Pages
from trackerdcs.web.parts import Parts
from trackerdcs.web.passwords import TooMany
from trackerdcs.web.requests import address, is_local, scheme

WRONG = "Name or password is wrong."

log = logging.getLogger(__name__)


def routes(parts: Parts, pages: Pages) -> APIRouter:
    """GET and POST /login, POST /logout."""
    router = APIRouter()

    @router.get("/login")
    async def login_page(request: Request, next: str = "/") -> Response:
        goal = local_path(next)
        if await sessions.account_of(request, parts):
            return RedirectResponse(goal, 303)
        return pages.login(goal)

    @router.post("/login")
    async def login(
        request: Request,
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",
    ) -> Response:
        goal, who, where = local_path(next), plain_name(name), address(request, parts.behind_gateway)
        if scheme(request, parts.behind_gateway) != "https" and not is_local(request):
            return pages.login(goal, "Passwords are taken over https only: open this site as https://...", 400)
        now = parts.clock.monotonic()
        if wait := max(parts.by_name.wait(who, now), parts.by_address.wait(where, now)):
            minutes = math.ceil(wait / 60)
            response = pages.login(goal, f"Too many wrong passwords: try again in {minutes} min.", 429)
            response.headers["Retry-After"] = str(math.ceil(wait))
            return response
        parts.by_name.count(who, now)
        parts.by_address.count(where, now)
        try:
            hash = await asyncio.to_thread(parts.users.hash_of, who)
            right = await parts.passwords.right(hash, password)
        except TooMany:
            parts.by_name.forgive(who, last=True)
            parts.by_address.forgive(where, last=True)
            return pages.login(goal, "Too many logins at once: try again in a moment.", 503)
        response = RedirectResponse(goal, 303)
        if not (right and hash and await sessions.begin(request, parts, who, hash, response)):
            log.warning("login refused: %r from %s", who[:60], where[:60])
            return pages.login(goal, WRONG, 401)
        parts.by_name.forgive(who)
        parts.by_address.forgive(where, last=True)
        log.info("login: %s from %s", who, where[:60])
        return response

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        response = RedirectResponse("/login", 303)
        await sessions.end(request, parts, response)
        return response

    return router
