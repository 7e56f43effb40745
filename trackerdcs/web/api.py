"""The same for programs: who am I, which stands are there, kill; and whether the service is well."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from trackerdcs.app.kill_button import KillButton, Press
from trackerdcs.domain.access import Account
from trackerdcs.domain.codec import load
from trackerdcs.domain.errors import ContractError, StoreFault
from trackerdcs.web.answers import Reader, may_read, person
from trackerdcs.web.examples import faults, role
from trackerdcs.web.parts import Parts

ME: Any = {"user": "viewer", "role": "viewer", "rights": {"": "viewer", "demo": "expert"}}
PRESS: Any = {"id": "k1", "by": "viewer", "at": 1780063197000000000, "sent": "sent", "why": ""}
STAND: Any = {"stand": "demo", "broker": "connected", "last_kill": None, "owners": {"hv1": None}}
WELL: Any = {"well": True, "faults": []}
ILL: Any = {"well": False, "faults": ["demo: the broker does not answer"]}
STATUS = {"sent": 200, "not sent": 503, "unknown": 504}


WHY: Any = {"type": "object", "properties": {"reason": {"type": "string"}}, "additionalProperties": False}


def routes(parts: Parts) -> APIRouter:
    """/api/me, /api/stands, /api/stands/{stand}/kill, /healthz."""
    router = APIRouter(tags=["site"])
    reading = may_read(parts)

    @router.get("/api/me", operation_id="me", responses=_ok(ME) | faults(401, 503), openapi_extra=role("login"))
    async def me(account: Annotated[Account, Depends(person(parts))]) -> Response:
        """Who is logged in, with the role on the site (null: none) and what was given at which node; the site is ""."""
        return JSONResponse({"user": account.name, "role": account.role, "rights": account.rights})

    @router.get(
        "/api/stands",
        operation_id="stands",
        responses=_ok([STAND]) | faults(401, 403, 503),
        openapi_extra=role("viewer"),
    )
    async def stands(reader: Annotated[Reader, Depends(reading)]) -> Response:
        """The stands that one may see, whether their brokers are reached, and what became of the last kill."""
        seen = [b for stand, b in parts.buttons.items() if reader.stands is None or stand in reader.stands]
        return JSONResponse([_stand(button) for button in seen])

    @router.post(
        "/api/stands/{stand}/kill",
        operation_id="kill",
        responses=_ok(PRESS)
        | faults(401, 403, 404, 411, 413)
        | {503: _said("Not sent.", PRESS), 504: _said("Nobody knows.", PRESS)},
        openapi_extra=role("login") | {"requestBody": {"content": {"application/json": {"schema": WHY}}}},
    )
    async def kill(request: Request, account: Annotated[Account, Depends(person(parts))], stand: str) -> Response:
        """Bring all high voltage of a stand down. Everybody who is logged in may; never without a login."""
        button = parts.buttons.get(stand)
        if button is None:
            return JSONResponse({"error": f"no stand {stand[:60]!r}, nothing was sent"}, 404)
        press = await button.press(account.name, _reason(await request.body()))
        return JSONResponse(_press(press), STATUS[press.sent])

    @router.get(
        "/healthz",
        operation_id="healthz",
        responses=_ok(WELL) | {503: _said("It is not.", ILL)},
        openapi_extra=role("all"),
    )
    async def healthz() -> Response:
        """Whether the service is well; 503 with the faults where it is not."""
        faults = [f"{stand}: the broker does not answer" for stand, b in parts.buttons.items() if not b.connected]
        try:
            await asyncio.to_thread(parts.users.accounts)
        except StoreFault:
            faults.append("the file of users cannot be read")  # which one is in the log, and nobody else's business
        return JSONResponse({"well": not faults, "faults": faults}, 503 if faults else 200)

    return router


def _ok(example: Any) -> dict[int | str, dict[str, Any]]:
    return {200: _said("Done.", example)}


def _said(text: str, example: Any) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"example": example}}}


def _reason(body: bytes) -> str:
    """Nothing that is wrong with it may stand in the way of a KILL: what cannot be read is no reason."""
    try:
        said = load(body) if body else {}
    except ContractError:
        return ""
    reason = said.get("reason") if isinstance(said, dict) else None
    return reason if isinstance(reason, str) else ""


def _press(press: Press) -> dict[str, object]:
    return {"id": press.id, "by": press.by, "at": press.at, "sent": press.sent, "why": press.why}


def _stand(button: KillButton) -> dict[str, object]:
    last = _press(button.last) if button.last else None
    broker = "connected" if button.connected else "unreachable"
    return {"stand": button.stand, "broker": broker, "last_kill": last, "owners": button.answers}
