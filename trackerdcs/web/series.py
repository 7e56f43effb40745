"""Any quantities over any window, and which there are: what the Trends page draws, for programs too."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from trackerdcs.app.trends import Trends
from trackerdcs.domain import trend as said
from trackerdcs.web.answers import Reader, answer, found, may_read, wanted
from trackerdcs.web.asked import TIME, Form, window
from trackerdcs.web.examples import tabled
from trackerdcs.web.examples_series import EXAMPLES, FAULTS
from trackerdcs.web.parts import Parts

BUCKETS = 1000


def routes(parts: Parts, trends: Trends) -> APIRouter:
    """/api/quantities and /api/series."""
    router = APIRouter(tags=["trends"])
    Who = Annotated[Reader, Depends(may_read(parts))]

    @router.get("/api/quantities", **tabled("quantities", *EXAMPLES["quantities"], FAULTS))
    async def quantities(
        request: Request,
        reader: Who,
        stand: Annotated[str | None, Query(description="Of one stand only.", examples=["demo"])] = None,
        format: Form = None,
    ) -> Response:
        """All quantities that the stand files know, with their units."""
        if stand is not None:
            reader.needs(stand)

        async def read() -> object:
            return trends.quantities(stand)

        known = [each for each in await found(read()) if reader.sees(each.stand)]
        form, whole, table = wanted(request, format), said.quantities_answer, said.quantities_table
        return await answer(parts, form, "quantities", lambda: whole(known), lambda: table(known))

    @router.get("/api/series", **tabled("series", *EXAMPLES["series"], FAULTS))
    async def series(
        request: Request,
        reader: Who,
        quantity: Annotated[
            list[str] | None,
            Query(
                description=f"As demo/hv1/ch0/v_mon. Repeatable, at most {said.MOST_QUANTITIES}.",
                examples=["demo/hv1/ch0/v_mon"],
            ),
        ] = None,
        since: Annotated[
            str | None,
            Query(description=f"An hour before `until` if not said: {TIME}", examples=["2026-05-29T00:00:00Z"]),
        ] = None,
        until: Annotated[
            str | None, Query(description=f"Now if not said: {TIME}", examples=["1780063217000000000"])
        ] = None,
        number: Annotated[
            int, Query(ge=1, le=said.MOST_BUCKETS, description="The most buckets of the window.", examples=[1000])
        ] = BUCKETS,
        format: Form = None,
    ) -> Response:
        """Mean, lowest and highest value and their number in each bucket of a window, gaps, and the runs and events in
        it. A bucket without values is absent; nothing is interpolated, and no spike is averaged away."""
        for name in quantity or ():
            reader.needs(name.partition("/")[0])
        asked = window(since, until)
        seen = await found(trends.series(quantity or (), *asked, number, reader.stands))
        form, whole, table = wanted(request, format), said.trend_answer, said.trend_table
        return await answer(parts, form, "series", lambda: whole(seen), lambda: table(seen))

    return router
