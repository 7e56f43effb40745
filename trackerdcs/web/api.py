"""The same for programs: who am I, which stands are there, kill; and whether the service is well."""

import asyncio
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from trackerdcs.app.kill_button import KillButton, Press
from trackerdcs.domain.errors import StoreFault
from trackerdcs.web import sessions
from trackerdcs.web.parts import Parts

STATUS = {"sent": 200, "not sent": 503, "unknown": 504}


@dataclass
class Why:
    """The body of a kill."""

    reason: str = ""


def routes(parts: Parts) -> APIRouter:
    """/api/me, /api/stands, /api/stands/{stand}/kill, /healthz."""
    router = APIRouter()

    @router.get("/api/me")
    async def me(request: Request) -> Response:
        account = await sessions.account_of(request, parts)
        return JSONResponse({"user": account.name, "role": account.role}) if account else _nobody()

    @router.get("/api/stands")
    async def stands(request: Request) -> Response:
        if await sessions.account_of(request, parts) is None:
            return _nobody()
        return JSONResponse([_stand(button) for button in parts.buttons.values()])

    @router.post("/api/stands/{stand}/kill")
    async def kill(request: Request, stand: str, why: Why | None = None) -> Response:
        account = await sessions.account_of(request, parts)
        if account is None:
            return _nobody()
        button = parts.buttons.get(stand)
        if button is None:
            return JSONResponse({"error": f"no stand {stand[:60]!r}, nothing was sent"}, 404)
        press = await button.press(account.name, why.reason if why else "")
        return JSONResponse(_press(press), STATUS[press.sent])

    @router.get("/healthz")
    async def healthz() -> Response:
        faults = [f"{stand}: the broker does not answer" for stand, b in parts.buttons.items() if not b.connected]
        try:
            await asyncio.to_thread(parts.users.accounts)
        except StoreFault:
            faults.append("the file of users cannot be read")  # which one is in the log, and nobody else's business
        return JSONResponse({"well": not faults, "faults": faults}, 503 if faults else 200)

    return router


def _nobody() -> Response:
    return JSONResponse({"error": "not logged in"}, 401)


def _press(press: Press) -> dict[str, object]:
    return {"id": press.id, "by": press.by, "at": press.at, "sent": press.sent, "why": press.why}


def _stand(button: KillButton) -> dict[str, object]:
    last = _press(button.last) if button.last else None
    broker = "connected" if button.connected else "unreachable"
    return {"stand": button.stand, "broker": broker, "last_kill": last, "owners": button.answers}
