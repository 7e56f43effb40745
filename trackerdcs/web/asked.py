"""Parameters of the desk's routes, read with a sentence about what is wrong."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import Query, Request

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.moments import moment
from trackerdcs.domain.storing import LAST
from trackerdcs.web.answers import Fault, Format

T = TypeVar("T")
TIME = "ns since 1970 in UTC, or ISO 8601 with Z or an offset."
MOST = 1000
Since = Annotated[str | None, Query(description=f"Not before this: {TIME}", examples=["2026-05-29T00:00:00Z"])]
Until = Annotated[str | None, Query(description=f"Before this: {TIME}", examples=["1780012800000000000"])]
Limit = Annotated[int, Query(ge=1, le=MOST, description="Rows of a page.")]
After = Annotated[str | None, Query(description="Where the page begins: as `next` of the one before says.")]
Name = Annotated[str | None, Query(max_length=64)]
Form = Annotated[
    Format | None, Query(description="json, csv or parquet; without it the Accept header decides.", examples=["csv"])
]


def checked(read: Callable[..., T], *given: Any) -> T:
    """What `read` makes of it; 422 with its sentence."""
    try:
        return read(*given)
    except ContractError as e:
        raise Fault(422, str(e)) from e


def window(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """Both ends in ns UTC."""
    start, stop = (
        None if text is None else checked(moment, text, name) for text, name in ((since, "since"), (until, "until"))
    )
    return start, stop


def cursor(after: str | None, parts: int) -> tuple[int, list[str]] | None:
    """A time and so many texts, as `paged` has written them."""
    if after is None:
        return None
    ts, *texts = after.split(":", parts)
    if not (ts.isascii() and ts.isdigit() and len(ts) <= 19 and int(ts) < LAST and len(texts) == parts):
        raise Fault(422, f"after: {after[:60]!r}: expected what `next` of the page before says")
    return int(ts), texts


def paged(request: Request, place: tuple[int | str, ...] | None) -> str | None:
    """The address of the next page."""
    if place is None:
        return None
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    return f"{request.url.path}?{urlencode([*kept, ('after', ':'.join(map(str, place)))])}"


def link(next_page: str | None) -> dict[str, str]:
    """The header that says the same, for tables."""
    return {"Link": f'<{next_page}>; rel="next"'} if next_page else {}
