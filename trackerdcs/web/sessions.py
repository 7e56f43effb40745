"""Who a request comes from: a signed cookie names a session in the file of users, which is asked each time."""

import asyncio
import secrets

from fastapi import Request, Response
from starlette.requests import HTTPConnection

from trackerdcs.domain.access import Account
from trackerdcs.web.parts import AGE_S, Parts
from trackerdcs.web.requests import is_local, scheme

COOKIE = "trackerdcs"


async def account_of(request: HTTPConnection, parts: Parts) -> Account | None:
    """The person whose session this is, with the role of this moment, None without a session. Raises StoreFault."""
    id = _id(request, parts)
    return await asyncio.to_thread(parts.users.session, id, parts.clock.now()) if id else None


async def begin(request: Request, parts: Parts, name: str, hash: str, response: Response) -> bool:
    """Begin a session in place of the one that the browser had; False if the password is no longer that of `hash`."""
    id, now = secrets.token_urlsafe(32), parts.clock.now()
    if not await asyncio.to_thread(parts.users.begin, id, name, hash, now, now + AGE_S * 10**9):
        return False
    await _end(request, parts)
    secure = scheme(request, parts.behind_gateway) == "https" or not is_local(request)
    response.set_cookie(
        COOKIE, parts.seal.seal(id), max_age=AGE_S, path="/", secure=secure, httponly=True, samesite="lax"
    )
    return True


async def end(request: Request, parts: Parts, response: Response) -> None:
    """End the session that the browser has, if any."""
    await _end(request, parts)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")


async def _end(request: Request, parts: Parts) -> None:
    if id := _id(request, parts):
        await asyncio.to_thread(parts.users.end, id)


def _id(request: HTTPConnection, parts: Parts) -> str | None:
    sealed = request.cookies.get(COOKIE)
    return parts.seal.unseal(sealed) if sealed else None
