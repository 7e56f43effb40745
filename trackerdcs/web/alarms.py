"""The story of alarms, for the page and for programs. How they are now is on the bus, and in /api/live."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from trackerdcs.app.desk import Desk
from trackerdcs.domain import desk_answers as said
from trackerdcs.domain.moments import span as length
from trackerdcs.web.answers import Reader, answer, found, may_read, wanted
from trackerdcs.web.asked import Form, Limit, Name, Since, Until, checked, window
from trackerdcs.web.desk_examples import documented
from trackerdcs.web.parts import Parts


def routes(parts: Parts, desk: Desk) -> APIRouter:
    """/api/alarms/history."""
    router = APIRouter(tags=["desk"])
    Who = Annotated[Reader, Depends(may_read(parts))]

    @router.get("/api/alarms/history", **documented("alarm_history"))
    async def alarm_history(
        request: Request,
        reader: Who,
        stand: Name = None,
        alarm: Name = None,
        since: Since = None,
        until: Until = None,
        last: Annotated[str, Query(description="How far back, without `since`: 60s, 8h, 7d.", examples=["8h"])] = "24h",
        limit: Limit = 100,
        format: Form = None,
    ) -> Response:
        """What has become of alarms, the newest first, and which were raised most often in that time."""
        back = checked(length, last, "last")
        story, between = await found(desk.story(reader.only(stand), alarm, *window(since, until), back))
        form = wanted(request, format)
        return await answer(
            parts, form, "alarms", lambda: said.story_answer(story, between, limit), lambda: said.story_table(story)
        )

    return router
