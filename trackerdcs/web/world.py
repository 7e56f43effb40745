"""The world of the simulated instruments, for the demonstrator's panel: warmer, damper, and back."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from trackerdcs.domain.access import Account, may, why_not
from trackerdcs.domain.codec import load
from trackerdcs.domain.errors import ContractError
from trackerdcs.web.answers import Fault, may_read, person
from trackerdcs.web.examples import faults, role
from trackerdcs.web.parts import Parts

SHOWN = ("rh", "t_air", "t_plate_target")
"""Of the simulators' values those that a page offers."""
LIMITS = {"rh": (0.1, 100.0), "t_air": (-40.0, 60.0), "t_plate_target": (-40.0, 60.0)}
NEEDED: Any = "expert"
EXAMPLE: Any = {"rh": 40.0, "t_air": 21.0, "t_plate_target": 20.0}
SCHEMA: Any = {"type": "object", "additionalProperties": {"type": "number"}}
ADDRESS = "/api/stands/{stand}/world"


def routes(parts: Parts) -> APIRouter:
    """GET and POST /api/stands/{stand}/world; only where there is a simulated world."""
    router = APIRouter(tags=["simulator"])
    ok: dict[int | str, dict[str, Any]] = {
        200: {"description": "The values now.", "content": {"application/json": {"example": EXAMPLE}}}
    }

    @router.get(
        ADDRESS,
        operation_id="world",
        responses=ok | faults(401, 403, 404, 503),
        openapi_extra=role("viewer"),
        dependencies=[Depends(may_read(parts))],
    )
    async def world(stand: str) -> Response:
        """Air and cold plate of the simulated stand: % and degC."""
        return await _asked(parts, stand, {})

    @router.post(
        ADDRESS,
        operation_id="set_world",
        responses=ok | faults(401, 403, 404, 411, 413, 422, 503),
        openapi_extra=role(NEEDED)
        | {"requestBody": {"content": {"application/json": {"schema": SCHEMA, "example": {"rh": 70}}}}},
    )
    async def set_world(request: Request, account: Annotated[Account, Depends(person(parts))], stand: str) -> Response:
        """Change some of them; real instruments never see it."""
        if not may(account, NEEDED, stand):
            raise Fault(403, why_not(account, NEEDED, stand))
        try:
            values = load(await request.body())
        except ContractError as e:
            raise Fault(422, 'expected an object of numbers such as {"rh": 70}') from e
        for name, value in values.items():
            low, high = LIMITS.get(name, (1.0, 0.0))
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                offered = ", ".join(f"{each} {limit[0]:g} to {limit[1]:g}" for each, limit in LIMITS.items())
                raise Fault(422, f"{name[:60]}: {value!r:.40} is not possible, expected {offered}")
        return await _asked(parts, stand, values)

    return router


async def _asked(parts: Parts, stand: str, values: dict[str, float]) -> Response:
    ask = parts.worlds.get(stand)
    if ask is None:
        raise Fault(404, f"the stand {stand[:60]!r} has no simulated world here")
    try:
        world = await ask(values)
    except (OSError, ValueError) as e:
        raise Fault(503, f"the simulators do not answer: {e}") from e
    return JSONResponse({name: world[name] for name in SHOWN if name in world})
