"""A command from a person: who may, sent once, and what the device has answered."""

import logging
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from trackerdcs.app.requester import Unknown
from trackerdcs.domain.access import Account, may, may_below, node_of, why_not
from trackerdcs.domain.codec import load
from trackerdcs.domain.errors import BusDown, CommandRefused, ContractError
from trackerdcs.domain.instrument import Role
from trackerdcs.domain.messages import FINAL, NO_CHANNEL, Ack, Meta
from trackerdcs.web.answers import Fault, person
from trackerdcs.web.examples import faults, role
from trackerdcs.web.parts import Parts

LEAST: Role = "shifter"
"""Who may command anything at all; KILL is no command."""
LONGEST_REASON = 200
ANSWER: Any = {"id": "9d0c2f3e-6a51-4f0e-8a57-0b8a6e1c7d11", "state": "accepted", "why": None, "readback": {}}

log = logging.getLogger(__name__)


@dataclass
class Order:
    """The body: `id` is the sender's; the same again is the same command, which is answered and not executed again."""

    cmd: str
    ch: str
    args: dict[str, float | str]
    reason: str | None
    id: str | None


_TEXT = {"type": "string"}
SCHEMA: Any = {
    "type": "object",
    "required": ["cmd"],
    "additionalProperties": False,
    "properties": {
        "cmd": _TEXT,
        "ch": _TEXT | {"default": NO_CHANNEL},
        "args": {"type": "object", "additionalProperties": {"anyOf": [{"type": "number"}, _TEXT]}},
        "reason": _TEXT,
        "id": _TEXT | {"maxLength": 64},
    },
}


def read(body: bytes) -> Order:
    """The order in a body; ContractError says what is wrong with it."""
    data = load(body)
    if unknown := [key for key in data if key not in SCHEMA["properties"]]:
        raise ContractError(f"{', '.join(unknown)[:60]}: unknown, expected {', '.join(SCHEMA['properties'])}")
    args = data.get("args", {})
    if not isinstance(args, dict) or any(
        isinstance(each, bool) or not isinstance(each, int | float | str) for each in args.values()
    ):
        raise ContractError("args: expected an object of numbers and texts")
    texts = {key: data.get(key) for key in ("cmd", "ch", "reason", "id")}
    for key, text in texts.items():
        if not isinstance(text, str) and (text is not None or key == "cmd" or key in data):
            raise ContractError(f"{key}: expected a text, got {text!r:.40}")
    return Order(texts["cmd"] or "", texts["ch"] or NO_CHANNEL, args, texts["reason"], texts["id"])


SENT: dict[int | str, dict[str, Any]] = {
    202: {"description": "Sent.", "content": {"application/json": {"example": ANSWER}}}
}


def refusal(account: Account, needed: Role, node: str) -> str:
    """The sentence for somebody who may not do there what needs the role."""
    return f"{why_not(account, needed, node)}; nothing was sent"


def routes(parts: Parts) -> APIRouter:
    """POST /api/stands/{stand}/devices/{device}/commands."""
    router = APIRouter(tags=["commands"])

    async def orderer(account: Annotated[Account, Depends(person(parts))], stand: str, device: str) -> Account:
        if not may_below(account, LEAST, node_of(stand, device)):
            raise Fault(403, refusal(account, LEAST, node_of(stand, device)))
        return account

    @router.post(
        "/api/stands/{stand}/devices/{device}/commands",
        operation_id="command",
        status_code=202,
        responses=SENT | faults(401, 403, 404, 409, 411, 413, 422, 503),
        openapi_extra=role(LEAST)
        | {"requestBody": {"required": True, "content": {"application/json": {"schema": SCHEMA}}}},
    )
    async def command(
        request: Request,
        account: Annotated[Account, Depends(orderer)],
        stand: str,
        device: str,
        wait: Literal["ack", "done"] = "ack",
    ) -> Response:
        """Send a command to a device, once, and say what it has answered: at first (`accepted`, `refused`, `expired`;
        `unknown`: it may have been carried out, and is not sent again by itself), or with `wait=done` at the end."""
        try:
            order = read(await request.body())
        except ContractError as e:
            raise Fault(422, f"{e}; nothing was sent") from e
        requester = parts.requesters.get(stand)
        if requester is None:
            raise Fault(404, f"no stand {stand[:60]!r}, nothing was sent")
        needed = _needed(parts.hub.meta(stand, device), stand, device, order)
        node = node_of(stand, device, order.ch)
        if not may(account, needed, node):
            log.warning("%s may not: %s of %s", account.name, order.cmd, node)
            raise Fault(403, refusal(account, needed, node))
        id = order.id or str(uuid.uuid4())
        answers = requester.request(
            stand,
            device,
            order.cmd,
            order.ch,
            order.args,
            (order.reason or "").strip()[:LONGEST_REASON] or None,
            by=account.name,
            id=id,
        )
        answer = {"id": id} | await _answer(answers, wait == "done")
        log.info("%s: %s of %s/%s %s: %s", account.name, order.cmd, stand, device, order.ch, answer["state"])
        return JSONResponse(answer, 202)

    return router


def _needed(meta: Meta | None, stand: str, device: str, order: Order) -> Role:
    """The role that the device's own word asks for; Fault for what it does not know."""
    if meta is None:
        raise Fault(404, f"{stand[:60]} has no device {device[:60]!r} that has said what it is; nothing was sent")
    channel = meta.channels.get(order.ch)
    if channel is None:
        raise Fault(422, f"ch: {order.ch[:60]!r}: expected one of {', '.join(meta.channels)}; nothing was sent")
    spec = channel.commands.get(order.cmd)
    if spec is None:
        known = ", ".join(channel.commands) or "none"
        raise Fault(422, f"cmd: {order.cmd[:60]!r}: {device} {order.ch} knows {known}; nothing was sent")
    return spec.role


async def _answer(answers: AsyncIterator[Ack | Unknown], to_the_end: bool) -> dict[str, Any]:
    """The first answer or the last one. Raises Fault where nothing was sent."""
    said: Ack | Unknown | None = None
    try:
        async for said in answers:
            if not to_the_end or isinstance(said, Unknown) or said.state in FINAL:
                break
    except CommandRefused as e:
        raise Fault(409, str(e)) from e
    except BusDown as e:
        raise Fault(503, str(e)) from e
    except ContractError as e:
        raise Fault(422, f"{e}; nothing was sent") from e
    if isinstance(said, Ack):
        return {"state": said.state, "why": said.why, "readback": said.readback}
    return {"state": "unknown", "why": said.why if said else "no answer", "readback": {}}
