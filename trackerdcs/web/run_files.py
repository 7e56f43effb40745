"""Raw files of runs as they were written, and the pictures of their results."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from trackerdcs.app.joiner import Joiner
from trackerdcs.domain import answers_raw as said
from trackerdcs.web.answers import answer, found, wanted
from trackerdcs.web.asked import Form
from trackerdcs.web.examples import documented, downloaded
from trackerdcs.web.parts import Parts


def routes(parts: Parts, join: Joiner) -> APIRouter:
    """/api/runs/{id}/files and below, /api/runs/{id}/results/{key}/blob."""
    router = APIRouter()

    @router.get("/api/runs/{id}/files", **documented("files"))
    async def files(request: Request, id: str, format: Form = None) -> Response:
        """The raw files of a run: name, kind, bytes, SHA-256."""
        known = await found(join.files(id))
        form = wanted(request, format)
        whole, table = said.files_answer, said.files_table
        return await answer(parts, form, "files", lambda: whole(id, known), lambda: table(id, known))

    @router.get("/api/runs/{id}/files/{name:path}", response_class=StreamingResponse, **downloaded("file"))
    async def file(id: str, name: str) -> Response:
        """One raw file, just as it was written. `name` as the list has it, and nothing else."""
        about, pieces = await found(join.file(id, name))
        leaf = name.rpartition("/")[2]
        plain_leaf = re.sub(r"[^\w.+-]", "_", leaf, flags=re.ASCII)
        disposition = f"attachment; filename=\"{plain_leaf}\"; filename*=UTF-8''{quote(leaf, safe='')}"
        headers = {
            "Content-Length": str(about.size),
            "Content-Disposition": disposition,
            "ETag": f'"{about.sha256}"',
        }
        return StreamingResponse(_sent(pieces), media_type="application/octet-stream", headers=headers)

    @router.get("/api/runs/{id}/results/{key}/blob", **documented("picture"))
    async def blob(
        request: Request,
        id: str,
        key: str,
        name: Annotated[
            str | None,
            Query(description="Which picture of the result, as in `blobs`; else its first.", examples=["SCurve"]),
        ] = None,
        form: Annotated[
            said.Form, Query(description="rows; base64: the numbers as `dtype` says, for numpy.frombuffer.")
        ] = "rows",
        format: Form = None,
    ) -> Response:
        """A picture of a result (map of a chip, S-curves): its numbers with dtype, shape and axes. `key` as the list
        of results has it. As a table, a row for each bin."""
        result, picture = await found(join.picture(id, key, name))

        def whole() -> dict[str, Any]:
            return said.picture_answer(result, picture, form)

        form_of = wanted(request, format)
        made = answer(parts, form_of, "picture", whole, lambda: said.picture_table(result, picture))
        response: Response = await found(made)
        return response

    return router


async def _sent(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Piece by piece, each read in a thread: a store that is slow keeps nobody waiting."""
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
