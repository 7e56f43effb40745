"""The pages of who is logged in: home with KILL, and the own account."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from trackerdcs.domain.access import password_fault
from trackerdcs.web import sessions
from trackerdcs.web.pages import Pages, login_address
from trackerdcs.web.parts import Parts
from trackerdcs.web.passwords import TooMany


def routes(parts: Parts, pages: Pages) -> APIRouter:
    """GET /kill, POST /kill/{stand}, GET and POST /account."""
    router = APIRouter()

    @router.get("/kill")
    async def home(request: Request) -> Response:
        account = await sessions.account_of(request, parts)
        if account is None:
            return RedirectResponse(login_address("/kill"), 303)
        return pages.home(account, list(parts.buttons.values()))

    @router.post("/kill/{stand}")
    async def kill(request: Request, stand: str, reason: Annotated[str, Form()] = "") -> Response:
        account = await sessions.account_of(request, parts)
        if account is None:
            return pages.login("/kill", "NOT SENT: your session has ended. Log in and press KILL again.", 401)
        button = parts.buttons.get(stand)
        if button is None:
            return pages.message(404, "NOT SENT", f"There is no stand {stand[:60]!r} here.")
        await button.press(account.name, reason)
        # What became of it is on the page: whoever loads that again sends nothing.
        return RedirectResponse(f"/kill#{stand}", 303)

    @router.get("/account")
    async def account_page(request: Request) -> Response:
        account = await sessions.account_of(request, parts)
        return pages.account(account) if account else RedirectResponse(login_address("/account"), 303)

    @router.post("/account")
    async def change_password(
        request: Request,
        old: Annotated[str, Form()] = "",
        new: Annotated[str, Form()] = "",
        again: Annotated[str, Form()] = "",
    ) -> Response:
        account = await sessions.account_of(request, parts)
        if account is None:
            return RedirectResponse(login_address("/account"), 303)
        now = parts.clock.monotonic()
        if parts.by_name.wait(account.name, now):
            return pages.account(account, "Too many wrong passwords: try again in some minutes.", 429)
        if new != again:
            return pages.account(account, "The new password was not typed the same way twice.", 400)
        if fault := password_fault(new, account.name):
            return pages.account(account, f"Not taken: {fault}.", 400)
        parts.by_name.count(account.name, now)
        try:
            hash = await asyncio.to_thread(parts.users.hash_of, account.name)
            if not await parts.passwords.right(hash, old):
                return pages.account(account, "The old password is wrong.", 400)
            fresh = await parts.passwords.hash(new)
        except TooMany:
            parts.by_name.forgive(account.name, last=True)
            return pages.account(account, "Too many logins at once: try again in a moment.", 503)
        parts.by_name.forgive(account.name)
        if not await asyncio.to_thread(parts.users.set_password, account.name, fresh, hash):
            return pages.account(account, "The password was changed meanwhile.", 409)
        response = RedirectResponse("/account", 303)  # every session has ended, this one goes on as a new one
        if not await sessions.begin(request, parts, account.name, fresh, response):
            return RedirectResponse("/login", 303)
        return response

    return router
