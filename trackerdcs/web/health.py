"""Is everything well? Devices, services, loaders and data folders, as one answer."""

from fastapi import APIRouter, Depends, Response

from trackerdcs.app.health_view import HealthView
from trackerdcs.domain.desk_answers import health_answer
from trackerdcs.web.answers import TYPES, may_read
from trackerdcs.web.desk_examples import documented
from trackerdcs.web.parts import Parts


def routes(parts: Parts, view: HealthView) -> APIRouter:
    """/api/health."""
    router = APIRouter(dependencies=[Depends(may_read(parts))], tags=["desk"])

    @router.get("/api/health", **documented("health"))
    async def health() -> Response:
        """Each device and service, what the loaders store, and what is in the data folders; `faults` says what is not
        well, `watch` what a person should look at. Ages in s."""
        places = await view.places()
        said = health_answer(parts.clock.now(), view.brokers, view.parts(), view.loaders(), places)
        return Response(parts.encode(said), media_type=TYPES["json"])

    return router
