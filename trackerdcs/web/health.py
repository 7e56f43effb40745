"""Is everything well? Devices, services, loaders and data folders, as one answer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from trackerdcs.app.health_view import HealthView
from trackerdcs.domain.desk_answers import health_answer
from trackerdcs.domain.health import LoaderHealth, PartHealth
from trackerdcs.web.answers import TYPES, Reader, may_read
from trackerdcs.web.desk_examples import documented
from trackerdcs.web.parts import Parts


def routes(parts: Parts, view: HealthView) -> APIRouter:
    """/api/health."""
    router = APIRouter(tags=["desk"])
    Who = Annotated[Reader, Depends(may_read(parts))]

    @router.get("/api/health", **documented("health"))
    async def health(reader: Who) -> Response:
        """Each device and service, what the loaders store, and what is in the data folders; `faults` says what is not
        well, `watch` what a person should look at. Ages in s."""
        places = await view.places()
        brokers = {stand: reached for stand, reached in view.brokers.items() if reader.sees(stand)}
        services = [part for part in view.parts() if reader.sees(part.stand)]
        shown = [place for place in places if reader.sees(place.stand)]
        loaders = view.loaders() if reader.stands is None else _of(view.loaders(), services)
        said = health_answer(parts.clock.now(), brokers, services, loaders, shown)
        return Response(parts.encode(said), media_type=TYPES["json"])

    return router


def _of(loaders: Sequence[LoaderHealth], parts: Sequence[PartHealth]) -> list[LoaderHealth]:
    """All stands share the loaders; of their sources, which are called `stand-device`, only those of these parts."""
    ours = {f"{part.stand}-{part.name}" for part in parts}
    return [replace(each, sources=tuple(s for s in each.sources if s.source in ours)) for each in loaders]
