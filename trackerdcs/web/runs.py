"""Runs of calibrations, and what the slow control saw meanwhile: the join, for programs."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from trackerdcs.app.joiner import MOST_RUNS, Cursor, Joiner
from trackerdcs.domain import answers as said
from trackerdcs.domain.moments import moment, span
from trackerdcs.domain.plain import plain
from trackerdcs.domain.run import Run, RunQuery, RunState
from trackerdcs.domain.run_results import Kind, ResultQuery, key_of
from trackerdcs.domain.storing import LAST
from trackerdcs.web import run_files
from trackerdcs.web.answers import Fault, Reader, answer, found, may_read, wanted
from trackerdcs.web.asked import TIME, Form, checked, window
from trackerdcs.web.examples import documented
from trackerdcs.web.parts import Parts

PAGE = 100
LARGEST = 2**31 - 1
"""Of what is counted: larger ones are no integers of every store."""
Text = Annotated[str | None, Query()]
Since = Annotated[
    str | None, Query(description=f"Runs that were on after this: {TIME}", examples=["2026-05-29T00:00:00Z"])
]
Until = Annotated[
    str | None, Query(description=f"Runs that began before this: {TIME}", examples=["1780012800000000000"])
]
Module = Annotated[str | None, Query(description="Name of a module.", examples=["PS_26_10-IPG_00012"])]
Against = Annotated[
    list[str] | None,
    Query(
        description="As v_mon (of the channels of the run's modules, else of all in the stand), hv1/ch0/v_mon or "
        "demo/hv1/ch0/v_mon. Repeatable.",
        examples=["v_mon"],
    ),
]


def routes(parts: Parts, join: Joiner) -> APIRouter:
    """/api/runs and below (files: `run_files`), /api/modules/{module}/noise, /api/at."""
    reading = may_read(parts)
    Who = Annotated[Reader, Depends(reading)]
    router = APIRouter(dependencies=[Depends(reading)], tags=["runs"])

    async def visible(reader: Reader, id: str) -> Run:
        one: Run = await found(join.run(id))
        reader.needs(one.stand)
        return one

    @router.get("/api/runs", **documented("runs"))
    async def runs(
        request: Request,
        reader: Who,
        module: Module = None,
        calibration: Annotated[str | None, Query(examples=["calibrationandpedenoise"])] = None,
        state: Annotated[list[RunState] | None, Query(description="Repeatable.", examples=["done"])] = None,
        number: Annotated[
            int | None, Query(ge=0, le=LARGEST, description="The program's own, not unique.", examples=[500749])
        ] = None,
        stand: Text = None,
        sim: Annotated[bool | None, Query(description="Simulated runs only, or none.")] = None,
        since: Since = None,
        until: Until = None,
        limit: Annotated[int, Query(ge=1, le=MOST_RUNS, description="Runs of a page.")] = PAGE,
        after: Annotated[
            str | None, Query(description="Where the page begins: as `next` of the one before says.")
        ] = None,
        format: Form = None,
    ) -> Response:
        """Runs by module, calibration, state and time, the newest first, in pages."""
        asked = window(since, until)
        if stand is not None:
            reader.needs(stand)
        query = RunQuery(module, calibration, state or None, number, stand, sim, *asked, limit, reader.stands)
        page, last = await found(join.runs(query, _cursor(after)))
        next_page = _next(request, last)
        link = {"Link": f'<{next_page}>; rel="next"'} if next_page else {}
        return await answer(
            parts,
            wanted(request, format),
            "runs",
            lambda: {"runs": [said.brief_answer(run) for run in page], "next": next_page},
            lambda: said.runs_table(page),
            **link,
        )

    @router.get("/api/runs/{id}", **documented("run"))
    async def run(request: Request, reader: Who, id: str, format: Form = None) -> Response:
        """The whole record of a run; as a table, its row of the list."""
        one = await visible(reader, id)
        form = wanted(request, format)
        return await answer(parts, form, "run", lambda: said.run_answer(one), lambda: said.runs_table([one]))

    @router.get("/api/runs/{id}/results", **documented("results"))
    async def results(
        request: Request,
        reader: Who,
        id: str,
        kind: Kind | None = None,
        hybrid: Annotated[int | None, Query(ge=0, le=LARGEST)] = None,
        chip: Annotated[int | None, Query(ge=0, le=LARGEST)] = None,
        chip_type: Annotated[str | None, Query(examples=["MPA"])] = None,
        channels: Annotated[
            bool, Query(description="The numbers of each channel, not their statistics alone.")
        ] = False,
        format: Form = None,
    ) -> Response:
        """What a run measured, by chip and kind; of its pictures (`blobs`) what they are, not their numbers."""
        await visible(reader, id)
        query = ResultQuery(id, kind, None, hybrid, chip, chip_type, blobs=False)
        measured = await found(join.results(query))

        def whole() -> dict[str, Any]:
            made = [{"key": key_of(result)} | said.said(plain(result)) for result in measured]
            for each in made:
                if not channels:
                    del each["values"]
            return {"results": made}

        table = wanted(request, format)
        return await answer(parts, table, "results", whole, lambda: said.results_table(measured, channels))

    @router.get("/api/runs/{id}/conditions", **documented("conditions"))
    async def conditions(
        request: Request,
        reader: Who,
        id: str,
        quantity: Against = None,
        bucket: Annotated[
            str | None,
            Query(
                description="Length of a bucket: 500ms, 10s, 1m. A thousandth of the run if not said; a minute "
                "and more is rounded up to whole minutes.",
                examples=["10s"],
            ),
        ] = None,
        format: Form = None,
    ) -> Response:
        """What the slow control saw while the run was on: mean, lowest and highest value and their number in each
        bucket, statistics of the whole window, gaps. A bucket without values is absent; nothing is interpolated.
        Without `quantity`: all of the channels that feed the run's modules, and what is shared (temperature)."""
        width = None if bucket is None else checked(span, bucket, "bucket")
        await visible(reader, id)
        _named(reader, quantity or ())
        seen = await found(join.conditions(id, quantity or (), width, reader.stands))
        form = wanted(request, format)
        whole, table = said.conditions_answer, said.conditions_table
        return await answer(parts, form, "conditions", lambda: whole(seen), lambda: table(seen))

    @router.get("/api/modules/{module}/noise", **documented("noise"))
    async def noise(
        request: Request,
        reader: Who,
        module: str,
        against: Against = None,
        calibration: Text = None,
        since: Since = None,
        until: Until = None,
        chips: Annotated[bool, Query(description="A row for each chip, not for each run.")] = False,
        limit: Annotated[int, Query(ge=1, le=MOST_RUNS, description="Runs that are looked at, the newest.")] = PAGE,
        format: Form = None,
    ) -> Response:
        """Noise of a module in each of its runs against any quantity (temperature, say) over the same window."""
        _named(reader, against or ())
        start, stop = window(since, until)
        query = RunQuery(
            calibration=calibration,
            since=start,
            until=stop,
            limit=limit,
            stands=reader.stands,
        )
        rows = await found(join.noise(module, against or (), query, chips))
        form = wanted(request, format)
        whole, table = said.noise_answer, said.noise_table
        return await answer(parts, form, "noise", lambda: whole(module, rows), lambda: table(module, rows))

    @router.get("/api/at", **documented("at"))
    async def at(
        request: Request,
        reader: Who,
        time: Annotated[str, Query(description=TIME, examples=["2026-05-29T13:59:57.5Z"])],
        stand: Text = None,
        module: Module = None,
        format: Form = None,
    ) -> Response:
        """Which runs were on at a time, and which module was on which channel."""
        if stand is not None:
            reader.needs(stand)
        then = await found(join.at(checked(moment, time, "time"), stand, module, reader.stands))
        form = wanted(request, format)
        return await answer(parts, form, "at", lambda: said.then_answer(then), lambda: said.then_table(then))

    async def of_a_visible_run(reader: Who, id: str) -> None:
        await visible(reader, id)

    router.include_router(run_files.routes(parts, join), dependencies=[Depends(of_a_visible_run)])
    return router


def _named(reader: Reader, quantities: Sequence[str]) -> None:
    """Stands that are named with a quantity, as in demo/hv1/ch0/v_mon."""
    for words in (quantity.split("/") for quantity in quantities):
        if len(words) == 4:
            reader.needs(words[0])


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    start, colon, run = text.partition(":")
    digits = start.isascii() and start.isdigit() and len(start) <= 19 and int(start) < LAST
    if not colon or not run or not (start == "" or digits):
        raise Fault(422, f"after: {text[:60]!r}: expected what `next` of the page before says")
    return (int(start) if start else None), run


def _next(request: Request, last: Cursor | None) -> str | None:
    if last is None:
        return None
    start, run = last
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    cursor = ("after", f"{'' if start is None else start}:{run}")
    return f"{request.url.path}?{urlencode([*kept, cursor])}"
