"""Raw files of a run, as they were written."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from trackerdcs.app.joiner import Joiner
from trackerdcs.web.answers import found, may_read
from trackerdcs.web.examples import faults, role
from trackerdcs.web.parts import Parts


def routes(parts: Parts, join: Joiner) -> APIRouter:
    """/api/runs/{id}/files."""
    router = APIRouter(dependencies=[Depends(may_read(parts))], tags=["runs"])
    body: dict[str, Any] = {
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "the file"}
    }

    ok: dict[int | str, dict[str, Any]] = {200: {"description": "The file, byte for byte.", "content": body}}

    @router.get(
        "/api/runs/{id}/files",
        operation_id="files",
        responses=ok | faults(401, 403, 404, 422, 503),
        openapi_extra=role("viewer"),
        response_class=StreamingResponse,
    )
    async def files(
        id: str,
        name: Annotated[
            str, Query(description="As in `files` of the record.", examples=["Results.root"], max_length=400)
        ],
    ) -> StreamingResponse:
        """A raw file of a run, to be saved: never shown in the page."""
        file, pieces = await found(join.raw(id, name))
        last = quote(file.name.rpartition("/")[2], safe="")
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{last}",
            "Content-Length": str(file.size),
            "ETag": f'"{file.sha256}"',
        }
        return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)

    return router
