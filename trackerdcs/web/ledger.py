"""Who commanded what, why, and what became of it: the commands that are kept beside the runs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from trackerdcs.app.desk import Desk
from trackerdcs.domain import desk_answers as said
from trackerdcs.domain.run_links import CommandQuery
from trackerdcs.web.answers import Reader, answer, found, may_read, wanted
from trackerdcs.web.asked import After, Form, Limit, Name, Since, Until, cursor, link, paged, window
from trackerdcs.web.desk_examples import documented
from trackerdcs.web.parts import Parts


def routes(parts: Parts, desk: Desk) -> APIRouter:
    """/api/ledger."""
    router = APIRouter(tags=["desk"])
    Who = Annotated[Reader, Depends(may_read(parts))]

    @router.get("/api/ledger", **documented("ledger"))
    async def ledger(
        request: Request,
        reader: Who,
        stand: Name = None,
        device: Name = None,
        user: Name = None,
        cmd: Name = None,
        since: Since = None,
        until: Until = None,
        limit: Limit = 100,
        after: After = None,
        format: Form = None,
    ) -> Response:
        """Commands, the newest first. `user` is the person, or the client where nobody is behind it."""
        place = cursor(after, 4)
        before = None if place is None else (place[0], *place[1])
        start, stop = window(since, until)
        query = CommandQuery(reader.only(stand), device, None, start, stop, limit, cmd, user, before)  # type: ignore[arg-type]
        page, last = await found(desk.commands(query))
        more = paged(request, last)
        return await answer(
            parts,
            wanted(request, format),
            "ledger",
            lambda: {"commands": [said.command_answer(each) for each in page], "next": more},
            lambda: said.commands_table(page),
            **link(more),
        )

    return router
