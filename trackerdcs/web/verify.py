"""Asked at every request to an area behind the gateway: who is it, and may they in?"""

import asyncio
import json

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from trackerdcs.domain.access import AREAS, GRAFANA, local_path, may
from trackerdcs.web import sessions
from trackerdcs.web.pages import Pages, login_address
from trackerdcs.web.parts import Parts


def wants_page(request: Request) -> bool:
    """True for a browser that shows what it gets; false for scripts, sockets and whatever changes something."""
    method = request.headers.get("x-forwarded-method", request.method)
    return method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")


def routes(parts: Parts, pages: Pages) -> APIRouter:
    """GET /verify."""
    router = APIRouter()

    @router.get("/verify")
    async def verify(request: Request, area: str = "") -> Response:
        place = AREAS.get(area)
        if place is None:
            return JSONResponse({"error": f"area {area[:60]!r}: expected one of {', '.join(AREAS)}"}, 404)
        account = await sessions.account_of(request, parts)
        if account is None:
            if wants_page(request):
                goal = local_path(request.headers.get("x-forwarded-uri"))
                return RedirectResponse(login_address(goal), 303)
            return JSONResponse({"error": "not logged in"}, 401)
        if not may(account, *place):
            needed = place[0]
            if wants_page(request):
                others = [other for other in await asyncio.to_thread(parts.users.accounts)]
                having = [other for other in others if may(other, *place)]
                return pages.too_low(account, area, needed, having)
            return JSONResponse({"error": f"{area} needs the role {needed}, {account.name} is {account.standing}"}, 403)
        return Response(
            headers={
                "X-Webauth-User": account.name,
                "X-Webauth-Role": account.role or "",
                "X-Webauth-Rights": json.dumps(account.rights),
                "X-Webauth-Grafana-Role": GRAFANA[account.role],
            }
        )

    return router
